"""Explains a text by the embeddings of its tokens, or by a later stage's output."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from captum_explainer.attribution.captum_call import call_captum
from captum_explainer.attribution.expected_cotangents import expect_targets
from captum_explainer.catalogue.method import Attribution, Problem
from captum_explainer.catalogue.resolve import Resolved
from captum_explainer.kinds.text.outputs import Probabilities
from captum_explainer.kinds.text.text_answers import TextAnswers
from captum_explainer.kinds.text.tokens import Tokens
from captum_explainer.kinds.text.words import choose_words, weigh_words
from captum_explainer.predictor_client.description import Description
from captum_explainer.predictor_client.exchange import Exchange
from captum_explainer.predictor_client.session import Session
from captum_explainer.predictor_client.texts import Text
from captum_explainer.skeleton.answer_book import AnswerBook
from captum_explainer.skeleton.build import PROBABILITY
from captum_explainer.skeleton.remote_segment import RemoteSegment


class EmbeddingsView:
    """The text's tokens, and the baseline's: padding in their place; special tokens, positions and types stay."""

    def __init__(
        self, resolved: Resolved, description: Description, session: Session, text: Text, tokens: Tokens
    ) -> None:
        assert description.text is not None
        self._resolved = resolved
        self._source, self._sink = resolved["layer"], description.output_name
        self._book = AnswerBook(TextAnswers(session, tokens))
        self._probabilities = Probabilities(description, tokens)
        self._shown = choose_words(tokens, text, resolved["merge_subwords"], resolved["skip_special_tokens"])
        ids = np.concatenate([tokens.ids, tokens.baseline(description.text.padding_id)])
        points = self._book.answer(Exchange({description.input_name: ids}, (self._source,))).values[self._source]
        logits = self._book.answer(Exchange({self._source: points}, (self._sink,))).values[self._sink]
        at_both = torch.from_numpy(logits.copy())
        both = torch.from_numpy(points.copy())
        self._inputs, self._baseline = both[:1], both[1:]
        self.logits = at_both[:1]
        self.at_baseline = None if resolved.method.takes.baselines == "none" else at_both[1:]

    @property
    def words(self) -> list[str]:
        """The words of the answer."""
        return self._shown.words

    def attribute(self, output: int) -> Attribution:
        """One output's attributions, float32 [1, tokens, width]."""
        expected = expect_targets([output], self.logits.shape[1])
        self._book.expect(None, {} if expected is None else {self._sink: expected})
        parameters = self._resolved.values
        problem = Problem(self._build_network(), self._inputs, [output], self._baseline, None, parameters)
        return call_captum(self._resolved, problem)

    def weigh_words(self, attributions: Tensor) -> Tensor:
        """Each word's importance."""
        return weigh_words(attributions, self._shown, self._resolved["normalization"])

    def describe(self) -> dict[str, Any]:
        """Where the words are."""
        return self._shown.details()

    def _build_network(self) -> nn.Sequential:
        segment = RemoteSegment(self._book, (self._source,), (self._sink,))
        modules = OrderedDict[str, nn.Module]({self._sink: segment})
        if self._resolved["output"] == PROBABILITY:
            modules["probabilities"] = self._probabilities
        return nn.Sequential(modules)
