"""One text explained by the embeddings of its tokens, or by what a later stage makes of them."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from captum_explainer.attribution.explain import run_method
from captum_explainer.attribution.foresight import target_cotangent
from captum_explainer.catalogue.method import Attribution, Problem
from captum_explainer.catalogue.resolve import Resolved
from captum_explainer.kinds.text.outputs import Probabilities
from captum_explainer.kinds.text.segments import TextSegments
from captum_explainer.kinds.text.tokens import Tokens
from captum_explainer.kinds.text.words import importances, shown_words
from captum_explainer.predictor_client.description import Description
from captum_explainer.predictor_client.session import Session
from captum_explainer.predictor_client.texts import Text
from captum_explainer.skeleton.remote_segment import RemoteSegment


class ByEmbeddings:
    """The text's tokens, and the baseline's: padding in their place, special tokens, positions and types as they are.

    Attributes:
        logits: float32 [1, outputs], flat.
        at_baseline: The same of the baseline; None for a method without.
    """

    def __init__(
        self, chosen: Resolved, description: Description, session: Session, text: Text, tokens: Tokens
    ) -> None:
        assert description.text is not None
        self._chosen = chosen
        self._description = description
        self._segments = TextSegments(session, tokens)
        self._probabilities = Probabilities(description, tokens)
        self._shown = shown_words(tokens, text, chosen["merge_subwords"], chosen["skip_special_tokens"])
        ids = np.concatenate([tokens.ids, tokens.baseline(description.text.padding_id)])
        points = self._segments.ask(description.input_name, chosen["layer"], ids).value
        logits = self._segments.ask(chosen["layer"], description.output_name, points).value
        at_both = torch.from_numpy(logits.copy())
        both = torch.from_numpy(points.copy())
        self._inputs, self._baseline = both[:1], both[1:]
        self.logits = at_both[:1]
        self.at_baseline = None if chosen.method.baselines == "none" else at_both[1:]

    @property
    def words(self) -> list[str]:
        """The words of the answer."""
        return self._shown.words

    def attribute(self, output: int) -> Attribution:
        """One output's attributions, float32 [1, tokens, width]."""
        problem = Problem(
            self._network(output), self._inputs, [output], self._baseline, layer=None, parameters=self._chosen.values
        )
        return run_method(self._chosen, problem)

    def importances(self, attributions: Tensor) -> Tensor:
        """Each word's."""
        return importances(attributions, self._shown, self._chosen["normalization"])

    def details(self) -> dict[str, Any]:
        """Where the words are."""
        return self._shown.details()

    def _network(self, output: int) -> nn.Sequential:
        name = self._description.output_name
        segment = RemoteSegment(self._segments, self._chosen["layer"], name)
        segment.foresee = target_cotangent([output], self.logits.shape[1])
        modules = OrderedDict[str, nn.Module]({name: segment})
        if self._chosen["output"] == "probability":
            modules["probabilities"] = self._probabilities
        return nn.Sequential(modules)
