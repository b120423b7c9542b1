"""Flags of the command line as tables, which are the source of the parsers and of docs/flags.md."""

import argparse
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple


class Flag(NamedTuple):
    """A flag's name, its default, its help, and what reads and checks its text: None for a switch."""

    name: str
    default: Any
    help: str
    read: Callable[[str], Any] | None = str
    choices: Sequence[str] | None = None


def add_flags(parser: argparse.ArgumentParser, flags: Sequence[Flag], title: str) -> None:
    """Add flags to a parser, under a title of their own in its help."""
    group = parser.add_argument_group(title)
    for flag in flags:
        if flag.read is None:
            group.add_argument(f"--{flag.name}", action="store_true", help=flag.help)
            continue
        group.add_argument(f"--{flag.name}", default=flag.default, help=flag.help, type=flag.read, choices=flag.choices)


def read_number(kind: type[int] | type[float], *, or_zero: bool = False) -> Callable[[str], float]:
    """Make what reads a finite number above 0, or with `or_zero` of 0 or more.

    Raises:
        argparse.ArgumentTypeError: The text is no such number. The function that is returned raises it.
    """
    expected = f"a {'whole ' if kind is int else ''}number {'of 0 or more' if or_zero else 'greater than 0'}"

    def read(text: str) -> float:
        with suppress(ValueError):
            value = kind(text)
            if 0 < value < math.inf or (or_zero and value == 0):
                return value
        raise argparse.ArgumentTypeError(f"{text} is not {expected}")

    return read
