"""One request that is compared, and how its body is encoded."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tools.checkout_servers import EXPLAINER

ROOT = Path(__file__).resolve().parents[2]
HEADER_LENGTH = "Inference-Header-Content-Length"


@dataclass(frozen=True)
class Asked:
    """A request, the kind of request that it is counted as, and the server that it goes to."""

    kind: str
    path: str
    body: bytes | None = None
    name: str = ""  # what tells it from others of its kind and path
    headers: Mapping[str, str] = field(default_factory=dict)
    verb: str = "POST"
    server: str = EXPLAINER
    refused: bool = False

    def __str__(self) -> str:
        """How a report names it."""
        return f"{self.kind}: {self.verb} {self.path[:80]} ({self.server}) {self.name}".rstrip()


def ask_in_json(kind: str, path: str, document: object, **more: Any) -> Asked:  # noqa: ANN401 - Asked's own
    """A request whose body is JSON."""
    return Asked(kind, path, json.dumps(document).encode(), headers={"Content-Type": "application/json"}, **more)


def explain(kind: str, model: str, instances: list[Any], parameters: Mapping[str, Any], **keys: Any) -> Asked:  # noqa: ANN401 - JSON
    """An explanation in our own format; `keys` stand beside the instances."""
    document = {"instances": instances, "parameters": parameters, **keys}
    shown = json.dumps({**parameters, **keys})
    name = f"{len(instances)} x {shown if len(shown) < 200 else shown[:200] + '...'}"
    return ask_in_json(kind, f"/v1/models/{model}:explain", document, name=name)


def encode_tensors(
    tensors: Mapping[str, NDArray[Any]], binary: bool, parameters: Mapping[str, Any], outputs: tuple[str, ...] = ()
) -> tuple[bytes, dict[str, str]]:
    """A V2 request of FP32 and INT64 tensors, in JSON or with the binary tensor extension: its body and headers."""
    entries = []
    for name, array in tensors.items():
        entry = {"name": name, "datatype": {"f": "FP32", "i": "INT64"}[array.dtype.kind], "shape": list(array.shape)}
        values = {"parameters": {"binary_data_size": array.nbytes}} if binary else {"data": array.ravel().tolist()}
        entries.append({**entry, **values})
    document: dict[str, Any] = {"inputs": entries, "parameters": {**parameters}}
    if binary:
        document["parameters"]["binary_data_output"] = True
    if outputs:
        document["outputs"] = [{"name": name} for name in outputs]
    header = json.dumps(document).encode()
    if not binary:
        return header, {"Content-Type": "application/json"}
    body = b"".join([header, *(array.tobytes() for array in tensors.values())])
    return body, {"Content-Type": "application/octet-stream", HEADER_LENGTH: str(len(header))}


@cache
def read_picture(model: str, number: int = 0) -> bytes:
    """A shipped example of a model of pictures, as a PNG."""
    return (ROOT / "models" / model / "examples" / f"{number}.png").read_bytes()


@cache
def read_pixels(model: str, count: int = 3) -> NDArray[np.float32]:
    """The first shipped examples of a model, float32 [count, 1, 28, 28] in 0..1."""
    paths = [ROOT / "models" / model / "examples" / f"{i}.png" for i in range(count)]
    return np.stack([np.asarray(Image.open(path), dtype=np.float32)[None] for path in paths]) / np.float32(255)


def in_base64(data: bytes) -> str:
    """Bytes as JSON carries them."""
    return base64.b64encode(data).decode()


def write_form(**parts: bytes) -> tuple[bytes, dict[str, str]]:
    """A multipart form with these parts: its body and headers."""
    body = b"".join(
        b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name.encode(), data)
        for name, data in parts.items()
    )
    return body + b"--x--\r\n", {"Content-Type": "multipart/form-data; boundary=x"}
