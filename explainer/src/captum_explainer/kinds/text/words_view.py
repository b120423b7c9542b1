"""Explains a text by leaving out words, for any model that scores texts."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from captum_explainer.attribution.captum_call import call_captum
from captum_explainer.catalogue.method import Attribution, Problem
from captum_explainer.catalogue.resolve import Resolved
from captum_explainer.kinds.text.outputs import Probabilities
from captum_explainer.kinds.text.pieces import Pieces, divide_text
from captum_explainer.kinds.text.tokens import TEXTS_A_CALL
from captum_explainer.kinds.text.words import normalize
from captum_explainer.predictor_client.exchange import Exchange, Rows
from captum_explainer.predictor_client.scores import ScoresSession
from captum_explainer.predictor_client.session import Session
from captum_explainer.predictor_client.texts import Text


class WordsView:
    """The text as far as the model sees it, and its words; the baseline is the text without any word.

    Attributes:
        logits: float32 [1, outputs].
        at_baseline: The same for the baseline.
        words: The words of the answer.
        where: Where they are in the text, for the details.
    """

    def __init__(self, resolved: Resolved, session: Session | ScoresSession, text: Text, most: int) -> None:
        self._resolved = resolved
        self._pieces = divide_text(text, resolved["bag_of_words"], most)
        self._words = WordModel(self._pieces, resolved["replacement"], session)
        self._probabilities = Probabilities(session.description, None)
        self.words, self.where = self._pieces.words, self._pieces.where
        self._memo: dict[str, Any] = {}
        with torch.no_grad():
            ends = self._words(torch.stack([torch.ones(self._pieces.count), torch.zeros(self._pieces.count)]))
        self.logits, self.at_baseline = torch.split(ends, 1)

    def attribute(self, output: int) -> Attribution:
        """One output's attributions, float32 [1, features]."""
        count = self._pieces.count
        if count == 0:
            return Attribution(torch.zeros(1, 0))
        model: nn.Module = self._words
        if self._resolved["output"] == "probability":
            model = nn.Sequential(self._words, self._probabilities)
        problem = Problem(
            model,
            torch.ones(1, count),
            [output],
            torch.zeros(1, count),
            layer=None,
            parameters=self._resolved.values,
            feature_mask=torch.arange(count)[None],
            memo=self._memo,
        )
        return call_captum(self._resolved, problem)

    def weigh_words(self, attributions: Tensor) -> Tensor:
        """Each word's importance: that of its feature."""
        of_words = attributions[0][torch.from_numpy(self._pieces.features)]
        return normalize(of_words, self._resolved["normalization"])


class WordModel(nn.Module):
    """Maps the presence of features, float32 [rows, features], to the model's outputs [rows, outputs].

    Rows that make the same text are asked about once.
    """

    def __init__(self, pieces: Pieces, replacement: str, session: Session | ScoresSession) -> None:
        super().__init__()
        self.pieces = pieces
        self.replacement = replacement
        self.session = session
        # The keys are digests: thousands of long texts would take gigabytes.
        self._known: dict[bytes, Tensor] = {}

    def forward(self, rows: Tensor) -> Tensor:
        """The outputs for the texts with only these words."""
        texts = [self.pieces.keep(row, self.replacement) for row in (rows > 0.5).numpy()]
        keys = [hashlib.sha256("\0".join(text.parts).encode()).digest() for text in texts]
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._known}
        if new:
            scores = torch.from_numpy(_score(self.session, list(new.values())).copy())
            self._known.update(zip(new, scores, strict=True))
        return torch.stack([self._known[key] for key in keys])


def _score(session: Session | ScoresSession, texts: Sequence[Text]) -> Rows:
    """Our predictor's logits [texts, outputs], or another one's scores; shorter texts are padded."""
    if isinstance(session, ScoresSession):
        return session.score_texts(texts)
    source, sink, others = (
        session.description.input_name,
        session.description.output_name,
        session.description.extra_inputs,
    )
    parts = []
    most = min(TEXTS_A_CALL, session.description.max_rows)
    for start in range(0, len(texts), most):
        found = session.tokenize(texts[start : start + most], source, *others)
        exchange = Exchange({source: found[source]}, (sink,), extra_inputs={name: found[name] for name in others})
        parts.append(session.answer(exchange).values[sink])
    return np.concatenate(parts)
