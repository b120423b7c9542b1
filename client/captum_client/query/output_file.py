"""Writes the --output file."""

import sys
from pathlib import Path

from captum_client.errors import QueryError
from captum_client.printable import make_printable


def require_folder(path: Path) -> None:
    """Raise QueryError if the folder of `path` does not exist, before the server is asked."""
    if not path.parent.is_dir():
        raise QueryError(f"--output: there is no folder {make_printable(path.parent)}.")


def write_output(path: Path, content: bytes, keep_stdout: bool) -> None:
    """Write the file and report it, on standard error if `keep_stdout`. Raises QueryError if it cannot be written."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise QueryError(
            f"{make_printable(path)} cannot be written: {error.strerror}.", "Choose another --output."
        ) from error
    print(f"Wrote {path}", file=sys.stderr if keep_stdout else sys.stdout)
