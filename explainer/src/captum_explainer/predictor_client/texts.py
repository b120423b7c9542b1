"""Texts as the predictor takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Text:
    """A text, and its pair where there is one: for question answering the question and its context."""

    text: str
    pair: str | None = None

    @property
    def parts(self) -> tuple[str, ...]:
        """The text, and its pair where there is one."""
        return (self.text,) if self.pair is None else (self.text, self.pair)


def strings(values: Sequence[str]) -> np.ndarray[Any, Any]:
    """Strings as V2's BYTES."""
    array = np.empty(len(values), object)
    array[:] = values
    return array
