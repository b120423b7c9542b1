"""`python -m captum_predictor.training.sentiment`: train the text model that is shipped."""

import argparse
import json
import sys
from pathlib import Path

import torch

from captum_predictor.kinds.text.loading import load_text_model
from captum_predictor.model.atomic_files import replace_directory
from captum_predictor.training.command import add_options, write_command
from captum_predictor.training.data_sets import DataSetError
from captum_predictor.training.report import describe_epoch, write_report
from captum_predictor.training.sentiment.card import write_card
from captum_predictor.training.sentiment.fit import evaluate, train
from captum_predictor.training.sentiment.network import build_network, train_tokenizer
from captum_predictor.training.sentiment.snippets import LABELS, Snippet, read_snippets

# Ours, so that nobody's words are shipped; negative and positive in turn.
EXAMPLES = (
    "A dull and tedious film, and an insult to the audience.",
    "A wonderful story with a brilliant cast, I loved every minute.",
    "The battery died after two days and the support was useless.",
    "Great phone, easy to use, and the screen is gorgeous.",
    "I hate waiting in the rain, what a miserable morning.",
    "Thank you all, this is the happiest day of my life!",
)


def main(arguments: list[str] | None = None) -> None:
    """Train, evaluate on the test snippets, and put the model directory in its place when all of it is written."""
    options = _parse(arguments)
    try:
        data = read_snippets(options.seed, options.data_dir)
    except DataSetError as error:
        sys.exit(f"error: {error}.")
    torch.set_num_threads(options.threads)
    tokenizer = train_tokenizer(snippet.text for snippet in data.training)
    network = build_network(len(tokenizer), options.seed)
    epochs = train(network, tokenizer, data, options.epochs, options.seed, lambda epoch: print(describe_epoch(epoch)))
    test = evaluate(network, tokenizer, data.test)
    report = write_report(epochs, test, LABELS, "snippets")
    print(report)
    examples = [Snippet(text, index % 2) for index, text in enumerate(EXAMPLES)]
    predicted = evaluate(network, tokenizer, examples).predicted.tolist()
    with replace_directory(options.output) as folder:
        network.save_pretrained(folder)
        (folder / "model.safetensors").chmod(0o644)  # a server has another user than who trained
        tokenizer.save_pretrained(folder)
        (folder / "examples").mkdir()
        said = [{"text": text, "label": LABELS[label]} for text, label in zip(EXAMPLES, predicted, strict=True)]
        (folder / "examples" / "texts.json").write_text(json.dumps(said, indent=2) + "\n")
        (folder / "training-report.txt").write_text(report)
        digest = load_text_model(folder, "cpu").digest
        command = write_command(["captum_predictor.training.sentiment"], options)
        (folder / "README.md").write_text(write_card(data, epochs, test, digest, options.seed, command))
    print(f"written to {options.output}")


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m captum_predictor.training.sentiment", description=__doc__)
    add_options(parser, threads=1)
    parser.set_defaults(epochs=4, output=Path("models/sentiment"))
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
