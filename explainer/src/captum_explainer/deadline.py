"""How long an explanation may still take."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from captum_serving.errors import DeadlineExceeded


@dataclass(frozen=True)
class Deadline:
    """`seconds` from now, on the monotonic clock."""

    seconds: float
    _end: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_end", time.monotonic() + self.seconds)

    def left(self) -> float:
        """Seconds left; 0 where it is over."""
        return max(0.0, self._end - time.monotonic())

    def give_up(self) -> None:
        """Let it be over now, in whatever thread it is looked at: nobody waits for the answer any more."""
        object.__setattr__(self, "_end", time.monotonic())

    def check(self) -> float:
        """Seconds left.

        Raises:
            DeadlineExceeded: None are.
        """
        left = self.left()
        if left <= 0:
            raise self.exceeded()
        return left

    def exceeded(self) -> DeadlineExceeded:
        """The error of a deadline that is over."""
        return DeadlineExceeded(
            f"the explanation took longer than {self.seconds:g} s; ask for fewer steps, samples or instances, "
            "or raise the explainer's --deadline_seconds"
        )
