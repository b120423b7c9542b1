"""The flags that both training commands have, and the command line that a model card shows."""

import argparse
import platform
import shlex
from importlib.metadata import version
from pathlib import Path

from captum_predictor.training.data_sets import FOLDER_VARIABLE


def add_options(parser: argparse.ArgumentParser, *, threads: int) -> None:
    """Add `--epochs`, `--seed`, `--threads`, `--data-dir` and `--output`."""
    parser.add_argument("--epochs", type=read_positive, help="default: as the shipped model")
    parser.add_argument("--seed", type=int, default=0, help="of the split, the weights and the batches (default 0)")
    parser.add_argument(
        "--threads", type=read_positive, default=threads, help=f"another number gives other bits (default {threads})"
    )
    parser.add_argument(
        "--data-dir",
        type=Path,
        help=f"folder with a sub-folder a data set; also by ${FOLDER_VARIABLE}, else downloaded",
    )
    parser.add_argument("--output", type=Path, help="model directory, replaced as a whole (default models/<model>)")


def read_positive(text: str) -> int:
    """Read a flag's number. Raises `argparse.ArgumentTypeError`."""
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"got {text}, expected 1 or more")
    return number


def write_command(program: list[str], options: argparse.Namespace) -> str:
    """Give the command that trains the model again."""
    # Without --data-dir: where this machine has its data is nobody else's concern.
    words = ["python", "-m", *program, "--epochs", options.epochs]
    words += ["--seed", options.seed, "--threads", options.threads, "--output", options.output]
    return shlex.join(map(str, words))


def list_versions(*names: str) -> str:
    """Give Python's version and those of some packages, as in "Python 3.11.2, torch 2.13.0"."""
    return ", ".join([f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in names)])
