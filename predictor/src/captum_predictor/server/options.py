"""The command line: kserve's own flags, and ours."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from captum_serving.extension_key import check_key_file
from captum_serving.flags import Flag, add_flags, read_number
from captum_serving.limits import LIMIT_FLAGS
from kserve import model_server

from captum_predictor.engine.cpus import count_usable_cpus

FLAGS = (
    Flag("model_dir", Path("/mnt/models"), "the folder with model.json, or with config.json", Path),
    Flag("architectures", None, "the module on PYTHONPATH whose networks model.json may name, as module:Name"),
    Flag("host", "0.0.0.0", "the address to listen on, for REST and gRPC"),
    Flag(
        "extension_key_file",
        None,
        "a file with the key that gradients, inner values and the structure need (by default they need none)",
        check_key_file,
    ),
    Flag("device", "cpu", "where torch computes: cpu, cuda, cuda:1 ... (cuda has not been tried)"),
    Flag(
        "lanes",
        None,
        "chunks computed at once, of each kind (by default one for each usable CPU; one on cuda)",
        read_number(int),
    ),
    Flag("no_acceleration", False, "run the model's own modules in their own order, which is slower", None),
    Flag("max_rows", 4096, "the most rows in one request", read_number(int)),
    Flag("max_characters", 4_000_000, "the most characters of texts in one request", read_number(int)),
    Flag("queue_rows", 8192, "the most rows that wait, of predictions and of explanations", read_number(int)),
)


def parse_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line; wrong usage ends the process with status 2."""
    parser = build_parser()
    # Not set_defaults(): it would change kserve's own parser, whose actions this one shares.
    named_by_kserve = {"model_name": name} if (name := os.environ.get("INFERENCE_SERVICE_NAME")) else {}
    options = parser.parse_args(arguments, argparse.Namespace(enable_grpc=False, **named_by_kserve))
    if options.lanes is None:
        options.lanes = 1 if options.device.startswith("cuda") else count_usable_cpus()
    if options.queue_rows < options.max_rows:
        parser.error(f"--queue_rows is {options.queue_rows}; expected at least --max_rows, {options.max_rows}")
    return options


def build_parser() -> argparse.ArgumentParser:
    """The parser. No flag of ours is a prefix of one of kserve's, whose parser takes abbreviations.

    gRPC, which the explainer does not need, is off unless kserve's own --enable_grpc says otherwise.
    """
    parser = argparse.ArgumentParser(
        "python -m captum_predictor",
        description="Serve a model directory: predictions, and vector-Jacobian products for the explainer.",
        parents=[model_server.parser],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        allow_abbrev=False,
    )
    add_flags(parser, FLAGS, "serving a model")
    add_flags(parser, LIMIT_FLAGS, "what clients may take")
    return parser
