"""The digest that tells two versions of a model apart."""

import hashlib
import inspect
import json
import sys
from collections.abc import Mapping

import torch

from captum_predictor.model_description import ModelDescription


def model_digest(description: ModelDescription, weights: Mapping[str, torch.Tensor]) -> str:
    """Give the SHA-256, as 64 hexadecimal digits, of what decides the model's function.

    That is the architecture with its options, the input's shape and the normalization; for a user's own network also
    the source text of the module that it is named in; and the weights' names, dtypes, shapes and bytes in the names'
    order. Labels, range and baseline are not in it: they change no output.
    """
    digest = hashlib.sha256()
    _add(digest, json.dumps(_architecture(description), sort_keys=True, separators=(",", ":")).encode())
    module, colon, _ = description.architecture.partition(":")
    if colon:
        _add(digest, _source(module).encode())
    for name, tensor in sorted(weights.items()):
        _add(digest, json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        _add(digest, tensor.cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def _architecture(description: ModelDescription) -> dict[str, object]:
    normalization = description.normalization
    return {
        "architecture": description.architecture,
        "architecture_options": description.architecture_options,
        "input_shape": description.input_shape,
        "normalization": normalization and {"mean": normalization.mean, "std": normalization.std},
    }


def _add(digest: "hashlib._Hash", part: "bytes | memoryview | object") -> None:
    view = memoryview(part)  # type: ignore[arg-type]
    digest.update(view.nbytes.to_bytes(8, "little"))  # so that no two lists of parts run into the same bytes
    digest.update(view)


def _source(module: str) -> str:
    try:
        return inspect.getsource(sys.modules[module])
    except (OSError, TypeError, KeyError):  # typed in by hand, or compiled: then its weights alone tell it apart
        return ""
