"""`python -m captum_predictor.training fashion-mnist`: train one of the shipped models."""

import argparse
import shlex
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
from captum_predictor.training.data_sets import FOLDER_VARIABLE, DataSetError, read_split
from captum_predictor.training.evaluation import evaluate
from captum_predictor.training.examples import write_examples
from captum_predictor.training.loop import Settings, train
from captum_predictor.training.model_card import model_card
from captum_predictor.training.recipes import RECIPES
from captum_predictor.training.report import epoch_line, training_report, write_confusion_matrix

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
    settings = Settings(epochs=options.epochs or recipe.epochs, seed=options.seed)
    network, epochs = train(
        partial(build_network, recipe.architecture, {}), training_set, settings, lambda epoch: print(epoch_line(epoch))
    )
    test = evaluate(network, test_set)
    report = training_report(epochs, test, labels)
    print(report)
    with replace_directory(options.output) as folder:
        save_model(network, folder, recipe.document())
        write_confusion_matrix(test, labels, folder / "confusion-matrix.png")
        write_examples(test_set, folder / "examples")
        (folder / "training-report.txt").write_text(report)
        digest = load_model(folder).digest
        card = model_card(recipe, settings, epochs, test, digest, _command(options, settings))
        (folder / "README.md").write_text(card)
    print(f"written to {options.output}")


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m captum_predictor.training", description=__doc__)
    parser.add_argument("model", choices=RECIPES, help="the model, named after its data set")
    parser.add_argument("--epochs", type=_positive, help="default: as the shipped model")
    parser.add_argument("--seed", type=int, default=0, help="of the weights, the batches and the dropout (default 0)")
    parser.add_argument("--threads", type=_positive, default=2, help="another number gives other bits (default 2)")
    parser.add_argument(
        "--data-dir",
        type=Path,
        help=f"folder with a sub-folder a data set; also by ${FOLDER_VARIABLE}, else downloaded",
    )
    parser.add_argument("--output", type=Path, help="model directory, replaced as a whole (default models/<model>)")
    options = parser.parse_args(arguments)
    options.output = options.output or Path("models", options.model)
    return options


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"got {text}, expected 1 or more")
    return number


def _command(options: argparse.Namespace, settings: Settings) -> str:
    # Without --data-dir: where this machine has its data is nobody else's concern.
    words = ["python", "-m", "captum_predictor.training", options.model, "--epochs", settings.epochs]
    words += ["--seed", settings.seed, "--threads", options.threads, "--output", options.output]
    return shlex.join(map(str, words))


def _interrupt(_signal: int, _frame: object) -> NoReturn:
    # Python swallows what is raised while an object is finalized (a progress bar at its end), so it is raised again,
    # until main() has seen it.
    signal.setitimer(signal.ITIMER_REAL, AGAIN_SECONDS)
    raise KeyboardInterrupt


if __name__ == "__main__":
    for caught in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
        signal.signal(caught, _interrupt)
    main()
