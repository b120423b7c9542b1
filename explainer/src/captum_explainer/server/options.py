"""The server's flags: kserve's own, and ours."""

import argparse
import json
import os
from dataclasses import fields
from typing import Any

from captum_serving.extension_key import check_key_file
from captum_serving.flags import Flag, add_flags, read_number
from captum_serving.limits import LIMIT_FLAGS, ClientLimits

from captum_explainer.server.aix_flags import AIX_FLAGS, find_current_host
from captum_explainer.settings import AixDefaults, Limits, PredictorAddress, Settings

PROTOCOLS = ("v1", "v2")
# The predictor's flags begin with this.
PREDICTOR = "predictor_"


def read_json_object(text: str) -> dict[str, Any]:
    """Read a JSON object from the command line.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    try:
        value = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"not JSON: {error}") from None
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError("expected a JSON object")
    return value


FLAGS = (
    Flag("host", Settings.host, "the address to listen on"),
    Flag("predictor_ca_bundle", None, "CA certificates for a predictor with TLS (by default $REQUESTS_CA_BUNDLE)"),
    Flag(
        "extension_key_file", None, "a file with the key that the predictor demands (by default none)", check_key_file
    ),
    Flag("deadline_seconds", Limits.deadline_seconds, "an explanation's deadline", read_number(float)),
    Flag("concurrency", Settings.concurrency, "explanations at once in each worker", read_number(int)),
    Flag("max_waiting", Limits.max_waiting, "explanations that may wait; any more get a 503", read_number(int)),
    Flag("max_call_bytes", Limits.max_call_bytes, "the largest call to the predictor", read_number(int)),
    Flag("max_instances", Limits.max_instances, "the most instances in a request", read_number(int)),
    Flag("max_characters", Limits.max_characters, "the most characters of a request's texts", read_number(int)),
    Flag("max_pixels", Limits.max_pixels, "the most pixels of a request's encoded pictures", read_number(int)),
    Flag(
        "max_input_bytes",
        Limits.max_input_bytes,
        "the most bytes of a request's instances as float32",
        read_number(int),
    ),
    Flag("max_answer_bytes", Limits.max_answer_bytes, "the largest answer, as JSON, by an estimate", read_number(int)),
    Flag("max_steps", Limits.max_steps, "the most steps of a path method", read_number(int)),
    Flag("max_samples", Limits.max_samples, "the most samples of a random method", read_number(int)),
    Flag("max_perturbations", Limits.max_perturbations, "the most ablations for an image", read_number(int)),
    Flag("max_rows", Limits.max_rows, "the most rows of one forward pass", read_number(int)),
    Flag("defaults", {}, "defaults of parameters as JSON, as in '{\"n_steps\": 15}'", read_json_object),
    Flag(
        "service_envelope",
        Settings.service_envelope,
        'TorchServe\'s: whether /explanations answers {"explanations": [...]} or the bare list',
        choices=("kserve", "none"),
    ),
    # Not `access`: kserve would take that for its own --access_log_format.
    Flag(
        "max_access",
        Settings.max_access,
        "how much of the model explanations may use, and so reveal: scores, gradients or structure",
        choices=("scores", "gradients", "structure"),
    ),
    Flag("model_version", Settings.model_version, "the model's version in TorchServe's paths and in V2's answers"),
)


def parse(arguments: list[str]) -> Settings:
    """Read the command line. kserve reads its own flags from it too, when it is imported."""
    parser = make_parser()
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
    if flags.predictor_ca_bundle is None:
        flags.predictor_ca_bundle = os.environ.get("REQUESTS_CA_BUNDLE")
    if flags.explainer_type:
        flags.predictor_host = find_current_host(flags.predictor_host)
    return compose_settings(**vars(flags))


def compose_settings(**flags: Any) -> Settings:  # noqa: ANN401 - argparse's
    """Make the settings from flags by name. A missing flag has its default; kserve's own flags are ignored."""

    def choose(kind: type[Any], prefix: str = "") -> dict[str, Any]:
        names = [field.name for field in fields(kind) if prefix + field.name in flags]
        return {name: flags[prefix + name] for name in names}

    key_file = flags.get("extension_key_file")
    return Settings(
        predictor=PredictorAddress(**choose(PredictorAddress, PREDICTOR), extension_key_file=key_file),
        limits=Limits(**choose(Limits)),
        client=ClientLimits(**choose(ClientLimits)),
        aix=AixDefaults(**choose(AixDefaults)),
        **choose(Settings),
    )


def make_parser() -> argparse.ArgumentParser:
    """Make the parser of kserve's flags and ours."""
    # Imported here because it takes seconds, and tests make settings without it.
    from kserve.model_server import parser as kserve_parser

    parser = argparse.ArgumentParser(prog="captum_explainer", parents=[kserve_parser], allow_abbrev=False)
    add_flags(parser, FLAGS, "explaining")
    add_flags(parser, LIMIT_FLAGS, "what clients may take")
    add_flags(parser, AIX_FLAGS, "standing in for KServe's AIX explainer")
    return parser
