"""The server's flags: kserve's own, and ours."""

from __future__ import annotations

import argparse
import json
import math
import os
from dataclasses import fields
from typing import Any

from captum_explainer.server.aix_flags import add_aix_flags, find_current_host
from captum_explainer.settings import AixDefaults, Limits, PredictorAddress, Settings

PROTOCOLS = ("v1", "v2")
ENVELOPES = ("kserve", "none")
# The predictor's flags begin with this.
PREDICTOR = "predictor_"


def parse(arguments: list[str]) -> Settings:
    """Read the command line. kserve reads its own flags from the same one when it is imported."""
    parser = _make_parser()
    flags = parser.parse_args(arguments)
    if flags.predictor_host is None:
        parser.error(
            "--predictor_host is missing; expected the predictor's host, as in --predictor_host localhost:8081"
        )
    if flags.predictor_protocol not in PROTOCOLS:
        parser.error(
            f"--predictor_protocol is {flags.predictor_protocol}; expected {' or '.join(PROTOCOLS)}: "
            "this explainer does not speak gRPC"
        )
    if flags.num_samples > flags.max_samples:
        parser.error(f"--num_samples is {flags.num_samples}; expected at most --max_samples, {flags.max_samples}")
    if flags.explainer_type:
        flags.predictor_host = find_current_host(flags.predictor_host)
    return compose_settings(**vars(flags))


def compose_settings(**flags: Any) -> Settings:  # noqa: ANN401 - argparse's
    """Make the settings from flags by name. Missing ones have their default; kserve's own flags are ignored."""

    def choose(kind: type[Any], prefix: str = "") -> dict[str, Any]:
        names = [field.name for field in fields(kind) if prefix + field.name in flags]
        return {name: flags[prefix + name] for name in names}

    return Settings(
        predictor=PredictorAddress(**choose(PredictorAddress, PREDICTOR)),
        limits=Limits(**choose(Limits)),
        aix=AixDefaults(**choose(AixDefaults)),
        **choose(Settings),
    )


def _make_parser() -> argparse.ArgumentParser:
    # Imported here because it takes seconds, and tests make settings without it.
    from kserve.model_server import parser as kserve_parser

    default = Settings("", PredictorAddress(""))
    limits = default.limits
    whole, seconds = _read_positive(int), _read_positive(float)
    parser = argparse.ArgumentParser(prog="captum_explainer", parents=[kserve_parser], allow_abbrev=False)
    add = parser.add_argument
    add("--host", default=default.host, help="the address to listen on")
    add(
        "--predictor_ca_bundle",
        default=os.environ.get("REQUESTS_CA_BUNDLE"),
        help="CA certificates for a predictor with TLS",
    )
    add(
        "--deadline_seconds",
        type=seconds,
        default=limits.deadline_seconds,
        help="an explanation's deadline",
    )
    add("--concurrency", type=whole, default=default.concurrency, help="explanations at once in each worker")
    add(
        "--max_waiting",
        type=whole,
        default=limits.max_waiting,
        help="explanations that may wait; more are answered by a 503",
    )
    add("--max_body_bytes", type=whole, default=limits.max_body_bytes, help="the largest request")
    add(
        "--max_call_bytes",
        type=whole,
        default=limits.max_call_bytes,
        help="the largest call to the predictor",
    )
    add(
        "--max_instances",
        type=whole,
        default=limits.max_instances,
        help="the most instances in a request",
    )
    add("--max_steps", type=whole, default=limits.max_steps, help="the most steps of a path method")
    add(
        "--max_samples",
        type=whole,
        default=limits.max_samples,
        help="the most samples of a random method",
    )
    add(
        "--max_perturbations",
        type=whole,
        default=limits.max_perturbations,
        help="the most ablations for an image",
    )
    add(
        "--max_rows",
        type=whole,
        default=limits.max_rows,
        help="the most rows of one forward pass",
    )
    add(
        "--defaults",
        type=_read_json_object,
        default={},
        help="defaults of parameters as JSON, as in '{\"n_steps\": 15}'",
    )
    add(
        "--service_envelope",
        choices=ENVELOPES,
        default=default.service_envelope,
        help='TorchServe\'s: whether /explanations answers {"explanations": [...]} or the bare list',
    )
    add(
        "--model_version",
        default=default.model_version,
        help="the model's version in TorchServe's paths and in V2's answers",
    )
    add_aix_flags(parser, default.aix)
    return parser


def _read_positive(kind: type[int] | type[float]) -> Any:  # noqa: ANN401 - what argparse takes
    def read(text: str) -> float:
        value = kind(text)
        if not 0 < value < math.inf:
            raise argparse.ArgumentTypeError(f"{text} is not a number greater than 0")
        return value

    return read


def _read_json_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"not JSON: {error}") from None
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError("expected a JSON object")
    return value
