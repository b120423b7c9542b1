"""The flags of KServe's AIX explainer: this explainer then answers as that one, with these defaults."""

from __future__ import annotations

import argparse
import math
import socket
import time

from captum_explainer.inputs.superpixels import PLANAR
from captum_explainer.settings import LIME_IMAGES, LIME_TEXTS, TRUTHS, AixDefaults

# The ending of a predictor's service name before KServe 0.11; AIX's example still uses it.
OLD_SUFFIX = "-predictor-default"
# When a pod starts, its name server may not answer yet.
LOOK_UPS = 10
PAUSE_SECONDS = 0.5


def add_aix_flags(parser: argparse.ArgumentParser, default: AixDefaults) -> None:
    """Add AIX's flags to the server's."""
    add = parser.add_argument_group("standing in for KServe's AIX explainer").add_argument
    add(
        "--explainer_type",
        type=_read_explainer_type,
        help=f"{LIME_IMAGES} or {LIME_TEXTS}: answer as the AIX explainer does",
    )
    add("--num_samples", type=_read_whole, default=default.num_samples, help="LIME's samples")
    add(
        "--top_labels",
        type=_read_whole,
        default=default.top_labels,
        help="how many of the likeliest labels are explained",
    )
    add(
        "--segmentation_algorithm",
        choices=PLANAR,
        default=default.segmentation_algorithm,
        help="how a picture is divided",
    )
    add("--positive_only", type=_read_truth, default=default.positive_only, help="mask only what speaks for a label")
    add(
        "--min_weight",
        type=_read_weight,
        default=default.min_weight,
        help="the least coefficient of a segment in a mask",
    )


def find_current_host(host: str) -> str:
    """Find the predictor's current host name if the given name is from before KServe 0.11 and does not resolve.

    AIX's example names its predictor by the old name (kserve/kserve#2508). A service that was made back then still has
    the old name, and resolves.
    """
    address, dot, rest = host.partition(".")
    name, colon, port = address.partition(":")
    if not name.endswith(OLD_SUFFIX):
        return host
    if _is_known(host.rpartition(":")[0] if ":" in host else host):
        return host
    return name.removesuffix("-default") + colon + port + dot + rest


def _is_known(name: str) -> bool:
    """Whether a name resolves; true as well if no name server answers for a while, for it may exist."""
    for _ in range(LOOK_UPS):
        try:
            socket.getaddrinfo(name, None)
        except socket.gaierror as error:
            if error.errno in (socket.EAI_NONAME, socket.EAI_NODATA):
                return False
            time.sleep(PAUSE_SECONDS)
        else:
            return True
    return True


def _read_explainer_type(text: str) -> str:
    known = {name.lower(): name for name in (LIME_IMAGES, LIME_TEXTS)}
    if text.lower() not in known:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not possible; expected {LIME_IMAGES} or {LIME_TEXTS} (tables are not supported)"
        )
    return known[text.lower()]


def _read_whole(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number greater than 0")
    return value


def _read_weight(text: str) -> float:
    value = float(text)
    if not 0.0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a number of 0 or more")
    return value


def _read_truth(text: str) -> bool:
    if text.lower() not in TRUTHS:
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return TRUTHS[text.lower()]
