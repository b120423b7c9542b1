"""One run of a measurement: what was asked for, and the progress that is shown meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm


@dataclass(frozen=True)
class Options:
    """What single measurements want to know.

    Attributes:
        other: Another checkout of this project, for `compare`.
        namespace: The InferenceServices', for `gateway`.
        url: The cluster gateway's address on this machine, for `gateway`.
    """

    other: Path | None = None
    namespace: str = "default"
    url: str = "http://127.0.0.1:8080"


class Run:
    """A measurement under way. It says how many steps it will take, and what each step is."""

    def __init__(self, name: str, rounds: int, options: Options) -> None:
        self.rounds, self.options = rounds, options
        # The time left goes by the mean step: steps differ much, and each round has the same ones.
        self._bar = tqdm(
            total=0, desc=name, smoothing=0, bar_format="{desc}: {n} of {total}, {elapsed}, {remaining} left{postfix}"
        )

    def expect(self, steps: int) -> None:
        """Say how many steps there will be."""
        self._bar.total = steps

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Show what is being measured, and count it when it is done."""
        self._bar.set_postfix_str(what)
        yield
        self._bar.update()

    def close(self) -> None:
        """End the line of the progress."""
        self._bar.close()
