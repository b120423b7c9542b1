"""Explains a text by the embeddings of its tokens, or by a later stage's output."""

from collections import OrderedDict
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from captum_explainer.attribution.captum_call import call_captum
from captum_explainer.attribution.expected_cotangents import expect_targets
from captum_explainer.catalogue.method import Attribution, Problem
from captum_explainer.catalogue.resolve import Resolved
from captum_explainer.kinds.text.outputs import Probabilities
from captum_explainer.kinds.text.tokens import Tokens
from captum_explainer.kinds.text.words import choose_words, weigh_words
from captum_explainer.predictor_client.exchange import Answer, Exchange
from captum_explainer.predictor_client.session import Session
from captum_explainer.predictor_client.texts import Text
from captum_explainer.skeleton.answer_book import AnswerBook
from captum_explainer.skeleton.build import PROBABILITY
from captum_explainer.skeleton.remote_segment import RemoteSegment


class EmbeddingsView:
    """The text's tokens, and the baseline's: padding in their place; special tokens, positions and types stay.

    Attributes:
        logits: float32 [1, outputs], flat.
        at_baseline: The same for the baseline; None for a method without.
        words: The words of the answer.
        where: Where they are in the text, for the details.
    """

    def __init__(self, resolved: Resolved, session: Session, text: Text, tokens: Tokens) -> None:
        description = session.description
        assert description.text is not None
        self._resolved = resolved
        self._source, self._sink = resolved["layer"], description.output_name
        self._book = AnswerBook(TextAnswers(session, tokens))
        self._probabilities = Probabilities(description, tokens)
        self._shown = choose_words(tokens, text, resolved["merge_subwords"], resolved["skip_special_tokens"])
        self.words = self._shown.words
        self.where = {"offsets": self._shown.offsets, "sequences": self._shown.sequences}
        ids = np.concatenate([tokens.ids, tokens.make_baseline(description.text.padding_id)])
        points = self._book.answer(Exchange({description.input_name: ids}, (self._source,))).values[self._source]
        logits = self._book.answer(Exchange({self._source: points}, (self._sink,))).values[self._sink]
        self._inputs, self._baseline = torch.split(torch.from_numpy(points.copy()), 1)
        self.logits, at_baseline = torch.split(torch.from_numpy(logits.copy()), 1)
        self.at_baseline = None if resolved.method.takes.baselines == "none" else at_baseline

    def attribute(self, output: int) -> Attribution:
        """One output's attributions, float32 [1, tokens, width]."""
        expected = expect_targets([output], self.logits.shape[1])
        self._book.expect(None, {} if expected is None else {self._sink: expected})
        modules = OrderedDict[str, nn.Module]({self._sink: RemoteSegment(self._book, (self._source,), (self._sink,))})
        if self._resolved["output"] == PROBABILITY:
            modules["probabilities"] = self._probabilities
        network, parameters = nn.Sequential(modules), self._resolved.values
        return call_captum(self._resolved, Problem(network, self._inputs, [output], self._baseline, None, parameters))

    def weigh_words(self, attributions: Tensor) -> Tensor:
        """Each word's importance."""
        return weigh_words(attributions, self._shown, self._resolved["normalization"])


@dataclass(frozen=True)
class TextAnswers:
    """Answers exchanges about one text's rows: adds its extra inputs, and flattens the logits.

    Rows have no padding. Logits [rows, tokens, labels] become [rows, tokens * labels].
    """

    session: Session
    tokens: Tokens

    def carries(self, exchange: Exchange) -> bool:
        """False: each exchange is asked by itself."""
        return False

    def answer(self, exchange: Exchange) -> Answer:
        """The sinks' values, and the gradients if there is a derivative."""
        rows, output = exchange.rows, self.session.description.output_name
        extra_inputs = {name: np.repeat(tensor, rows, axis=0) for name, tensor in self.tokens.extra_inputs.items()}
        exchange = replace(exchange, extra_inputs=extra_inputs)
        if exchange.derivative is not None and output in exchange.derivative.cotangents:
            (source,) = exchange.sources.values()
            shape = self.session.description.find_row_shape(output, source)
            cotangents = {output: exchange.derivative.cotangents[output].reshape(rows, *shape)}
            exchange = replace(exchange, derivative=replace(exchange.derivative, cotangents=cotangents))
        answer = self.session.answer(exchange)
        values = {name: value.reshape(rows, -1) if name == output else value for name, value in answer.values.items()}
        return Answer(values, answer.gradients)
