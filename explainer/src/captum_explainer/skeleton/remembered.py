"""Rows that one explanation asks about more than once, asked about once."""

from __future__ import annotations

import hashlib

from captum_explainer.predictor_client.session import Answer, Rows
from captum_explainer.skeleton.remote_segment import Segments


class Remembered:
    """Segments that remember the values that they gave.

    With `top_k`, a perturbation method draws the same rows for each of the k targets, and the predictor's one answer
    holds the scores of them all. Gradients are of one target, so calls with a cotangent are not remembered.
    """

    def __init__(self, segments: Segments) -> None:
        self._segments = segments
        self._values: dict[tuple[str, str, tuple[int, ...], bytes], Answer] = {}

    def ask(self, source: str, sink: str, rows: Rows, cotangent: Rows | None = None) -> Answer:
        """The sink's value, and the VJP where a cotangent is given."""
        if cotangent is not None:
            return self._segments.ask(source, sink, rows, cotangent)
        key = (source, sink, rows.shape, hashlib.sha256(rows.data).digest())
        if key not in self._values:
            self._values[key] = self._segments.ask(source, sink, rows)
        return self._values[key]
