"""Answers one text's exchanges: adds the text's extra inputs, and flattens the logits."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from captum_explainer.kinds.text.tokens import Tokens
from captum_explainer.predictor_client.exchange import Answer, Exchange
from captum_explainer.predictor_client.session import Session


@dataclass(frozen=True)
class TextAnswers:
    """Answers exchanges about one text's rows, which have the text's extra inputs and no padding.

    The logits of tokens, [rows, tokens, labels], are flat: [rows, tokens * labels].
    """

    session: Session
    tokens: Tokens

    def carries(self, exchange: Exchange) -> bool:
        """False: each exchange is asked by itself."""
        return False

    def answer(self, exchange: Exchange) -> Answer:
        """The sinks' values, and the gradients where there is a derivative."""
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
