"""The command line: kserve's own flags, and ours."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from kserve import model_server

from captum_predictor.engine.cpus import count_usable_cpus


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
    add = parser.add_argument_group("kserve-captum").add_argument
    add(
        "--model_dir",
        type=Path,
        default=Path("/mnt/models"),
        help="Folder with model.json, or with config.json.",
    )
    add("--host", default="0.0.0.0", help="Address to listen on, for REST and gRPC.")
    add("--device", default="cpu", help="Where torch computes: cpu, cuda, cuda:1 ... (cuda has not been tried).")
    add(
        "--lanes",
        type=_read_positive,
        help="Chunks computed at once, of each kind (by default one a usable CPU; one on cuda).",
    )
    add(
        "--no_acceleration",
        action="store_true",
        help="Run the model's own modules in their own order, which is slower.",
    )
    add("--max_body_bytes", type=_read_positive, default=64 << 20, help="Largest body of a request, and of an answer.")
    add("--max_rows", type=_read_positive, default=4096, help="Most rows in one request.")
    add(
        "--queue_rows",
        type=_read_positive,
        default=8192,
        help="Most rows that wait, of predictions and of explanations.",
    )
    return parser


def _read_positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


_read_positive.__name__ = "positive number"  # argparse's message names it
