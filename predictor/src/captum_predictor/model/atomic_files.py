"""Writes files and folders completely or not at all: next to their place, then by a rename."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replace_file(path: Path) -> Iterator[Path]:
    """Give a path to write to, which takes `path`'s place when the block ends without an exception."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _working_folder(path) as folder:
        yield folder / path.name
        os.replace(folder / path.name, path)


@contextmanager
def replace_directory(path: Path) -> Iterator[Path]:
    """Give an empty folder to fill, which takes `path`'s place when the block ends without an exception."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _working_folder(path) as folder:
        fresh, old = folder / "fresh", folder / "old"
        fresh.mkdir()
        yield fresh
        if not path.exists():
            os.rename(fresh, path)
            return
        os.rename(path, old)
        try:
            os.rename(fresh, path)
        except BaseException:  # an interrupt between the two renames too
            os.rename(old, path)
            raise


@contextmanager
def _working_folder(path: Path) -> Iterator[Path]:
    # A sibling, since a rename does not cross file systems.
    folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
