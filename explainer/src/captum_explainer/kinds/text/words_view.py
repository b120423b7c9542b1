"""One text explained by its words, of which some are left out: of any model that scores texts."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from captum_explainer.attribution.captum_call import call_captum
from captum_explainer.catalogue.method import Attribution, Problem
from captum_explainer.catalogue.resolve import Resolved
from captum_explainer.kinds.text.outputs import Probabilities
from captum_explainer.kinds.text.pieces import cut
from captum_explainer.kinds.text.word_model import Score, WordModel
from captum_explainer.kinds.text.words import normalize
from captum_explainer.predictor_client.description import Description
from captum_explainer.predictor_client.texts import Text


class WordsView:
    """The text as far as the model sees it, and its words; the baseline is the text without any word."""

    def __init__(self, resolved: Resolved, description: Description, most: int, text: Text, score: Score) -> None:
        self._resolved = resolved
        self._pieces = cut(text, resolved["bag_of_words"], most)
        self._words = WordModel(self._pieces, resolved["replacement"], score)
        self._probabilities = Probabilities(description, None)
        self._memo: dict[str, Any] = {}
        with torch.no_grad():
            ends = self._words(torch.stack([torch.ones(self._pieces.count), torch.zeros(self._pieces.count)]))
        self.logits, self.at_baseline = ends[:1], ends[1:]

    @property
    def words(self) -> list[str]:
        """The words of the answer."""
        return self._pieces.words

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

    def describe(self) -> dict[str, Any]:
        """Where the words are."""
        return self._pieces.details()
