"""`python -m captum_predictor.training fashion-mnist`: train one of the shipped models."""

import argparse
import signal
import sys
from functools import partial
from pathlib import Path
from typing import NoReturn

import torch

from captum_predictor.model.architectures import build_network, quiet_even_kernels
from captum_predictor.model.atomic_files import replace_directory
from captum_predictor.model.directory import load_model
from captum_predictor.model.saving import save_model
from captum_predictor.training.command import add_options, write_command
from captum_predictor.training.data_sets import DataSetError, read_split
from captum_predictor.training.images import RECIPES, Settings, evaluate, train
from captum_predictor.training.model_card import write_card
from captum_predictor.training.report import describe_epoch, write_confusion_matrix, write_examples, write_report

AGAIN_SECONDS = 1.0


def main(arguments: list[str] | None = None) -> None:
    """Train, evaluate on the test set, and put the model directory in its place when all of it is written."""
    options = _parse(arguments)
    try:
        _run(options)
    except DataSetError as error:
        sys.exit(f"error: {error}.")
    except KeyboardInterrupt:
        signal.setitimer(signal.ITIMER_REAL, 0)
        print(f"interrupted: {options.output} is as it was", file=sys.stderr)
        sys.exit(130)


def _run(options: argparse.Namespace) -> None:
    recipe = RECIPES[options.model]
    labels = recipe.data_set.labels
    quiet_even_kernels()
    torch.set_num_threads(options.threads)
    training_set = read_split(recipe.data_set, "train", options.data_dir)
    test_set = read_split(recipe.data_set, "t10k", options.data_dir)
    settings = Settings(options.epochs, options.seed)
    network, epochs = train(
        partial(build_network, recipe.architecture, {}),
        training_set,
        settings,
        lambda epoch: print(describe_epoch(epoch)),
    )
    test = evaluate(network, test_set)
    report = write_report(epochs, test, labels)
    print(report)
    with replace_directory(options.output) as folder:
        save_model(network, folder, recipe.make_document())
        write_confusion_matrix(test, labels, folder / "confusion-matrix.png")
        write_examples(test_set, folder / "examples")
        (folder / "training-report.txt").write_text(report)
        digest = load_model(folder).digest
        command = write_command(["captum_predictor.training", options.model], options)
        (folder / "README.md").write_text(write_card(recipe, settings, epochs, test, digest, command))
    print(f"written to {options.output}")


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m captum_predictor.training", description=__doc__)
    parser.add_argument("model", choices=RECIPES, help="the model, named after its data set")
    add_options(parser, threads=2)
    options = parser.parse_args(arguments)
    options.epochs = options.epochs or RECIPES[options.model].epochs
    options.output = options.output or Path("models", options.model)
    return options


def _interrupt(_signal: int, _frame: object) -> NoReturn:
    # Python swallows what is raised while an object is finalized (a progress bar at its end), so it is raised again,
    # until main() has seen it.
    signal.setitimer(signal.ITIMER_REAL, AGAIN_SECONDS)
    raise KeyboardInterrupt


if __name__ == "__main__":
    for caught in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
        signal.signal(caught, _interrupt)
    main()
