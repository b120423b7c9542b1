"""The key without which a predictor keeps the gradient extension to itself: a secret of both servers."""

import argparse
from pathlib import Path

SHORTEST = 16


def read_key(path: str) -> str:
    """Read the key in a file, without the white space around it.

    Raises:
        argparse.ArgumentTypeError: The file cannot be read, or holds no key that is long enough and fits into a header.
    """
    try:
        key = Path(path).read_bytes().decode("latin-1").strip()
    except OSError as error:
        raise argparse.ArgumentTypeError(
            f"{path} cannot be read ({error.strerror}); expected a file with a key"
        ) from None
    if len(key) < SHORTEST or not (key.isascii() and key.isprintable()):
        raise argparse.ArgumentTypeError(
            f"{path} holds {len(key)} characters; expected a key of {SHORTEST} or more printable ASCII characters"
        )
    return key


def check_key_file(path: str) -> str:
    """Give the path of a file that `read_key` can read. Raises what it raises."""
    read_key(path)
    return path
