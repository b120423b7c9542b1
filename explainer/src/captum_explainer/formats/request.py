"""What a format reads, and what it makes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from captum_explainer.kinds.tensor.kind import TensorRequest
from captum_explainer.kinds.text.kind import TextRequest
from captum_explainer.predictor_client.description import Description
from captum_explainer.rendering.written_answer import Write
from captum_explainer.settings import Settings


@dataclass(frozen=True)
class Incoming:
    """A request as it came.

    Attributes:
        body: As the client sent it, decompressed.
        content_type: What the client calls the body, as it wrote it; empty where it does not say.
        accept: What the client would read, lower case; empty where it does not say.
        header_length: V2's Inference-Header-Content-Length; None where there is none.
        forwarded_headers: Those of its headers that go on to the predictor.
    """

    body: bytes
    content_type: str = ""
    accept: str = ""
    header_length: str | None = None
    forwarded_headers: Mapping[str, str] = field(default_factory=dict)


class ReadRequest(NamedTuple):
    """What is to be explained, and what writes the answer."""

    request: TensorRequest | TextRequest
    write: Write


# Reads what came for a model, and says with BadInput or TooLarge what is wrong with it.
Read = Callable[[Incoming, Description, Settings], ReadRequest]
