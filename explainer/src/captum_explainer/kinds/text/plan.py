"""The plan for one text: its attributions become importances of words."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from torch import Tensor

from captum_explainer.attribution.answer_details import Details
from captum_explainer.attribution.plan import Plan, Scores
from captum_explainer.catalogue.method import Attribution
from captum_explainer.catalogue.resolve import Resolved
from captum_explainer.inputs.targets import Target
from captum_explainer.kinds.text.embeddings_view import EmbeddingsView
from captum_explainer.kinds.text.methods import leaves_words_out
from captum_explainer.kinds.text.outputs import Probabilities, choose_targets
from captum_explainer.kinds.text.tokens import Tokens
from captum_explainer.kinds.text.words_view import WordsView
from captum_explainer.predictor_client.scores import ScoresSession
from captum_explainer.predictor_client.session import Session
from captum_explainer.predictor_client.texts import Text
from captum_explainer.settings import Limits
from captum_explainer.skeleton.build import PROBABILITY

# For question answering, each key of an answer is there twice, with these endings.
ENDS = ("start", "end")


class TextPlan(Plan):
    """One text, without padding: no other text changes its numbers."""

    def __init__(
        self,
        session: Session | ScoresSession,
        limits: Limits,
        resolved: Resolved,
        text: Text,
        tokens: Tokens | None,
        target: Any,  # noqa: ANN401 - JSON
        at_most_top_k: bool,
    ) -> None:
        """Plan one text.

        Args:
            session: Answers what is asked about the model.
            limits: The server's limits.
            resolved: The method and its parameters.
            text: The text.
            tokens: Its tokens; None if they are not known.
            target: What the request wants explained for this text.
            at_most_top_k: `top_k` is a maximum, where the model has fewer outputs.
        """
        self.method = resolved.method
        self.parameters = resolved.values
        self._session = session
        self._description = session.description
        self._limits = limits
        self._resolved = resolved
        self._text = text
        self._tokens = tokens
        self._target = target
        self._at_most_top_k = at_most_top_k

    @cached_property
    def _view(self) -> EmbeddingsView | WordsView:
        """The text as the method sees it; the first use asks for its scores."""
        text, tokens = self._text, self._tokens
        if leaves_words_out(self.method):
            seen = text if tokens is None else tokens.cut_text(text)
            return WordsView(self._resolved, self._session, seen, self._limits.max_perturbations)
        assert isinstance(self._session, Session)
        assert tokens is not None
        return EmbeddingsView(self._resolved, self._session, text, tokens)

    def score(self) -> Scores:
        """The text's scores, and its baseline's."""
        at_baseline = self._view.at_baseline
        return Scores(self._view.logits, None if at_baseline is None else [at_baseline])

    def choose_targets(self, scores: Scores) -> list[list[Target]]:
        """The targets of the one text."""
        top_k = self.parameters["top_k"]
        if top_k is not None and self._at_most_top_k:
            top_k = min(top_k, scores.at_inputs.shape[1])
        return [choose_targets(self._target, top_k, scores.at_inputs, self._tokens, self._text, self._description)]

    def take_output(self, scores: Tensor) -> Tensor:
        """Logits, or probabilities."""
        if self.parameters["output"] != PROBABILITY:
            return scores
        probabilities: Tensor = Probabilities(self._description, self._tokens)(scores)
        return probabilities

    def attribute(self, outputs: Sequence[int]) -> list[Attribution]:
        """The attributions for the one output that is named."""
        return [self._view.attribute(output) for output in outputs]

    def describe(self, instance: int) -> dict[str, Any]:
        """The text, what was cut off from it, and where its words are."""
        text, tokens = self._text, self._tokens
        pair = {} if text.pair is None else {"text_pair": text.pair}
        dropped = {} if tokens is None else {"truncated": tokens.dropped > 0, "tokens_dropped": tokens.dropped}
        return {"text": text.text, **pair, **dropped, **self._view.where}

    def compose(self, attributions: Sequence[Attribution], details: Sequence[Details]) -> dict[str, Any]:
        """`words`, `importances` and `delta`; for question answering two of the latter."""
        view = self._view
        importances = [view.weigh_words(attribution.values).numpy() for attribution in attributions]
        deltas = [one["convergence_delta"] for one in details]
        if len(importances) == 1:
            return {"words": view.words, "importances": importances[0], "delta": deltas[0]}
        explanation: dict[str, Any] = {"words": view.words}
        explanation |= {f"importances_answer_{end}": values for end, values in zip(ENDS, importances, strict=True)}
        return explanation | {f"delta_{end}": delta for end, delta in zip(ENDS, deltas, strict=True)}

    def list_outputs(self, scores: Scores) -> np.ndarray:
        """None: no format shows a text's outputs, whose number its tokens decide."""
        return np.zeros((1, 0), dtype=np.float32)
