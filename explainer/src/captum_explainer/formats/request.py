"""A request before and after a format has read it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from captum_serving.errors import BadInput
from captum_serving.sentences import name_nearest

from captum_explainer.kinds.tensor.kind import TensorRequest
from captum_explainer.kinds.text.kind import TextRequest
from captum_explainer.predictor_client.description import Description
from captum_explainer.rendering.written_answer import Write
from captum_explainer.settings import Settings


@dataclass(frozen=True)
class Incoming:
    """A request as it arrived.

    Attributes:
        body: The bytes, decompressed.
        content_type: The Content-Type header, unchanged; empty without one.
        accept: The Accept header in lower case; empty without one.
        header_length: V2's Inference-Header-Content-Length header; None without one.
        forwarded_headers: The headers that are passed on to the predictor.
    """

    body: bytes
    content_type: str = ""
    accept: str = ""
    header_length: str | None = None
    forwarded_headers: Mapping[str, str] = field(default_factory=dict)


class ReadRequest(NamedTuple):
    """What to explain, and what writes the answer."""

    request: TensorRequest | TextRequest
    write: Write


# Reads a request for a model; raises BadInput or TooLarge.
Read = Callable[[Incoming, Description, Settings], ReadRequest]


def check_keys(document: dict[str, Any], *known: str) -> None:
    """Check that a request has no other keys.

    Raises:
        BadInput: It has one. The sentence names the nearest that is known.
    """
    for key in document:
        if key not in known:
            raise BadInput(f"the request's key {name_nearest(key, list(known))}")
