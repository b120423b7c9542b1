"""A gradient that came with the scores: its call was foreseen whole, before the method ran."""

from __future__ import annotations

import numpy as np

from captum_explainer.predictor.session import Answer, Rows
from captum_explainer.skeleton.segment import Segments


class Prefetched:
    """Segments that know one answer already, and ask for all others.

    The answer is given where the rows and the cotangent are those, bit for bit; a wrong foresight costs a call.
    """

    def __init__(self, segments: Segments, source: str, sink: str, rows: Rows, cotangent: Rows, answer: Answer) -> None:
        self._segments = segments
        self._ends = (source, sink)
        self._arrays = (rows, cotangent)
        self._answer = answer

    def ask(self, source: str, sink: str, rows: Rows, cotangent: Rows | None = None) -> Answer:
        """The sink's value, and the VJP where a cotangent is given."""
        known_rows, known_cotangent = self._arrays
        if (
            cotangent is not None
            and (source, sink) == self._ends
            and np.array_equal(rows, known_rows)
            and np.array_equal(cotangent, known_cotangent)
        ):
            return self._answer
        return self._segments.ask(source, sink, rows, cotangent)
