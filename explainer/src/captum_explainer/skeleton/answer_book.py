"""Segments of which some answers are known before they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from captum_explainer.predictor_client.session import Answer, Rows
from captum_explainer.skeleton.remote_segment import Segments


class Known(NamedTuple):
    """A segment's answer: its sink's value for these rows, and where there is a cotangent its gradient."""

    source: str
    sink: str
    rows: Rows
    value: Rows
    cotangent: Rows | None = None
    gradient: Rows | None = None

    def answers(self, source: str, sink: str, rows: Rows, cotangent: Rows | None) -> bool:
        """Whether it is what is asked for: of the same rows, and for the same cotangent, number by number."""
        if (source, sink) != (self.source, self.sink) or not np.array_equal(rows, self.rows):
            return False
        return cotangent is None or (self.cotangent is not None and np.array_equal(cotangent, self.cotangent))


# What is known of the segments behind, by the first segment's rows; nothing where one call cannot tell it.
LookAhead = Callable[[Rows], list[Known]]


class Foreseen:
    """Segments that know answers, and look ahead where a forward pass begins.

    What is asked otherwise than it was foreseen is asked of the predictor: a wrong foresight costs a call.
    """

    def __init__(self, segments: Segments, known: Sequence[Known], begin: str, look_ahead: LookAhead | None) -> None:
        """Answer by `segments` what is not known; `begin` is the source of the first segment of a pass."""
        self._segments = segments
        self._known = [*known]
        self._begin = begin
        self._look_ahead = look_ahead
        # Of the last pass: another one may have the same rows.
        self._ahead: list[Known] = []

    def ask(self, source: str, sink: str, rows: Rows, cotangent: Rows | None = None) -> Answer:
        """The sink's value, and the VJP where a cotangent is given."""
        found = self._find(source, sink, rows, cotangent)
        if found is None and cotangent is None and self._look_ahead is not None and source == self._begin:
            self._ahead = self._look_ahead(rows)
            found = self._find(source, sink, rows, cotangent)
        return found or self._segments.ask(source, sink, rows, cotangent)

    def _find(self, source: str, sink: str, rows: Rows, cotangent: Rows | None) -> Answer | None:
        for one in (*self._known, *self._ahead):
            if one.answers(source, sink, rows, cotangent):
                return Answer(one.value, None if cotangent is None else one.gradient)
        return None
