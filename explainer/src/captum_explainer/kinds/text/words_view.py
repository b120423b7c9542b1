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
from captum_explainer.kinds.text.word_model import WordModel
from captum_explainer.kinds.text.words import normalize
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
        self._pieces = cut(text, resolved["bag_of_words"], most)
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
