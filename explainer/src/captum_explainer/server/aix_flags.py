"""The flags of KServe's AIX explainer. With them this explainer answers as that one does."""

import argparse
import socket
import time

from captum_serving.flags import Flag, read_number

from captum_explainer.inputs.superpixels import PLANAR
from captum_explainer.settings import LIME_IMAGES, LIME_TEXTS, TRUTHS, AixDefaults

# The ending of a predictor's service name before KServe 0.11; AIX's example still uses it.
OLD_SUFFIX = "-predictor-default"
# When a pod starts, its name server may not answer yet.
LOOK_UPS = 10
PAUSE_SECONDS = 0.5


def read_explainer_type(text: str) -> str:
    """Read the name of an explainer of AIX's, in any case.

    Raises:
        argparse.ArgumentTypeError: This explainer does not stand in for it.
    """
    known = {name.lower(): name for name in (LIME_IMAGES, LIME_TEXTS)}
    if text.lower() not in known:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not possible; expected {LIME_IMAGES} or {LIME_TEXTS} (tables are not supported)"
        )
    return known[text.lower()]


def read_truth(text: str) -> bool:
    """Read true or false, as AIX's own command line takes them.

    Raises:
        argparse.ArgumentTypeError: It is neither.
    """
    if text.lower() not in TRUTHS:
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return TRUTHS[text.lower()]


AIX_FLAGS = (
    Flag(
        "explainer_type",
        AixDefaults.explainer_type,
        f"{LIME_IMAGES} or {LIME_TEXTS}: answer as the AIX explainer does",
        read_explainer_type,
    ),
    Flag("num_samples", AixDefaults.num_samples, "LIME's samples", read_number(int)),
    Flag("top_labels", AixDefaults.top_labels, "how many of the likeliest labels are explained", read_number(int)),
    Flag(
        "segmentation_algorithm",
        AixDefaults.segmentation_algorithm,
        "how a picture is divided",
        choices=PLANAR,
    ),
    Flag("positive_only", AixDefaults.positive_only, "mask only what speaks for a label", read_truth),
    Flag(
        "min_weight",
        AixDefaults.min_weight,
        "the least coefficient of a segment in a mask",
        read_number(float, or_zero=True),
    ),
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
    """Whether a name resolves. True also if no name server answers for a while, because the name may exist."""
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
