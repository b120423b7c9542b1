"""The time left for an explanation."""

import time

from captum_serving.errors import DeadlineExceeded


class Deadline:
    """Ends `seconds` from now, by the monotonic clock. Any thread may check or cancel it."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds left; 0 when it is over."""
        return max(0.0, self._end - time.monotonic())

    def cancel(self) -> None:
        """End it now, because nobody is waiting for the answer any more."""
        self._end = time.monotonic()

    def check(self) -> float:
        """Seconds left.

        Raises:
            DeadlineExceeded: It is over.
        """
        left = self.left()
        if left <= 0:
            raise self.make_error()
        return left

    def make_error(self) -> DeadlineExceeded:
        """The error to raise when it is over."""
        return DeadlineExceeded(
            f"the explanation took longer than {self.seconds:g} s; ask for fewer steps, samples or instances, "
            "or raise the explainer's --deadline_seconds"
        )
