"""The answer book: answers of the predictor that are known before Captum asks for them."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from captum_explainer.predictor_client.exchange import (
    NOTHING,
    Answer,
    Answerer,
    Array,
    Derivative,
    Exchange,
    Rows,
    StraightPath,
)
from captum_explainer.skeleton.forward_pass import ForwardPass

# A perturbation method's scores for its 10,000 samples and 1,000 classes are 40 MB.
MOST_REMEMBERED_BYTES = 64 * 2**20

# The cotangent, float32 [rows, *the sink's shape], that Captum will probably send for this number of rows; None if that
# cannot be predicted.
ExpectedCotangent = Callable[[int], Rows | None]


class Predictor(Answerer, Protocol):
    """What a book stands in front of: a session with the predictor."""

    def carries(self, exchange: Exchange) -> bool:
        """True if the predictor can answer this exchange, and one call has room for it."""
        ...


@dataclass(frozen=True)
class Known:
    """Known values for some rows, by name, and the gradients at these rows that are known.

    Attributes:
        values: float32 [rows, *shape], the rows of sources among them.
        cotangents: The cotangents, by sink, that the gradients were computed with.
        gradients: The gradients, by the names of the values that they belong to.
        path: If there is one, the gradients are integrals along it to the source's rows.
    """

    values: Mapping[str, Array]
    cotangents: Mapping[str, Rows] = field(default_factory=lambda: NOTHING)
    gradients: Mapping[str, Rows] = field(default_factory=lambda: NOTHING)
    path: StraightPath | None = None

    def answer(self, exchange: Exchange) -> Answer | None:
        """The answer, if the exchange asks for exactly this: the same rows and cotangents, number by number."""
        wanted, derivative = {*exchange.sources, *exchange.sinks}, exchange.derivative
        if not wanted <= self.values.keys() or not _are_equal(exchange.sources, self.values):
            return None
        values = {name: self.values[name] for name in exchange.sinks}
        if derivative is None:
            return Answer(values)
        known = (
            derivative.predicted is None
            and {*derivative.sources} <= self.gradients.keys()
            and derivative.cotangents.keys() == self.cotangents.keys()
            and _are_equal(derivative.cotangents, self.cotangents)
            and _is_same_path(derivative.path, self.path)
        )
        return Answer(values, {name: self.gradients[name] for name in derivative.sources}) if known else None


class AnswerBook:
    """Answers from what it knows, and asks the predictor for the rest.

    It holds the answers from the first exchange, those from the pass under way, and, with `repeats`, the values for all
    rows that it was asked about, up to 64 MiB. On a miss it may ask for more than it was asked: the gradient that will
    probably come next, or the whole pass. A wrong guess costs a call, never a number.
    """

    def __init__(self, predictor: Predictor, *, repeats: bool = False) -> None:
        self._predictor = predictor
        self._first: list[Known] = []
        self._under_way: list[Known] = []
        self._remembered: dict[bytes, Answer] | None = {} if repeats else None
        self._remembered_bytes = 0
        self._pass: ForwardPass | None = None
        self._cotangents: Mapping[str, ExpectedCotangent] = {}

    def keep(self, known: Known) -> None:
        """Keep an answer from the first exchange as long as the book lives."""
        self._first.append(known)

    def expect(self, forward: ForwardPass | None, cotangents: Mapping[str, ExpectedCotangent]) -> None:
        """Say what the next Captum call will ask for.

        Args:
            forward: The pass through its skeleton; None if the method replaces values on the way.
            cotangents: The likely cotangents, by the names of sinks.
        """
        self._pass, self._cotangents, self._under_way = forward, cotangents, []

    def carries(self, exchange: Exchange) -> bool:
        """True if the predictor can answer this exchange by one call."""
        return self._predictor.carries(exchange)

    def answer(self, exchange: Exchange) -> Answer:
        """The sinks' values, and the gradients if there is a derivative."""
        found = self._find(exchange)
        if found is not None:
            return found
        if exchange.derivative is not None:
            return self._predictor.answer(exchange)
        return self._ask_with_gradient(exchange) or self._ask_whole_pass(exchange) or self._ask(exchange)

    def _find(self, exchange: Exchange) -> Answer | None:
        answers = (known.answer(exchange) for known in (*self._first, *self._under_way))
        return next((answer for answer in answers if answer is not None), None)

    def _expect_derivative(self, sources: Sequence[str], sinks: Sequence[str], rows: int) -> Derivative | None:
        """The gradient that will probably be asked for next; None if that cannot be predicted."""
        expect = self._cotangents.get(sinks[0]) if len(sinks) == 1 else None
        cotangent = None if expect is None else expect(rows)
        return None if cotangent is None else Derivative(tuple(sources), {sinks[0]: cotangent})

    def _ask_with_gradient(self, exchange: Exchange) -> Answer | None:
        """Ask for the expected gradient too; None if no gradient is expected."""
        derivative = self._expect_derivative([*exchange.sources], exchange.sinks, exchange.rows)
        if derivative is None or not exchange.differentiable:
            return None
        answer = self._predictor.answer(replace(exchange, derivative=derivative))
        known = Known({**exchange.sources, **answer.values}, derivative.cotangents, answer.gradients)
        # Only the last pass of each piece: those of all batches of a path would be gigabytes.
        self._under_way = [one for one in self._under_way if one.values.keys() != known.values.keys()] + [known]
        return Answer(answer.values)

    def _ask_whole_pass(self, exchange: Exchange) -> Answer | None:
        """Ask for all values of the pass, and for the last piece's gradient; None if one call cannot carry that."""
        forward = self._pass
        if forward is None or len(forward.sinks) == 1 or tuple(exchange.sources) != forward.pieces[0].sources:
            return None
        derivative = self._expect_derivative(forward.last.sources, forward.last.sinks, exchange.rows)
        whole = Exchange(exchange.sources, forward.sinks, derivative)
        if not self._predictor.carries(whole):
            return None
        answer = self._predictor.answer(whole)
        values = forward.complete({**exchange.sources, **answer.values})
        self._under_way = [Known(values, derivative.cotangents if derivative else NOTHING, answer.gradients)]
        return Answer({name: values[name] for name in exchange.sinks})

    def _ask(self, exchange: Exchange) -> Answer:
        if self._remembered is None:
            return self._predictor.answer(exchange)
        key = _hash(exchange)
        answer = self._remembered.get(key)
        if answer is None:
            answer = self._predictor.answer(exchange)
            size = sum(value.nbytes for value in answer.values.values())
            if self._remembered_bytes + size <= MOST_REMEMBERED_BYTES:
                self._remembered_bytes += size
                self._remembered[key] = answer
        return answer


def _are_equal(asked: Mapping[str, Array], known: Mapping[str, Array]) -> bool:
    return all(rows is known[name] or np.array_equal(rows, known[name]) for name, rows in asked.items())


def _is_same_path(asked: StraightPath | None, known: StraightPath | None) -> bool:
    if asked is None or known is None:
        return asked is known
    return all(one is other or np.array_equal(one, other) for one, other in zip(asked, known, strict=True))


def _hash(exchange: Exchange) -> bytes:
    digest = hashlib.sha256(repr((*exchange.sinks, *((n, r.shape) for n, r in exchange.sources.items()))).encode())
    for rows in exchange.sources.values():
        digest.update(np.ascontiguousarray(rows).data)
    return digest.digest()
