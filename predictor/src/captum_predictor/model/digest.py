"""The digest that tells two versions of a model apart."""

import hashlib
import inspect
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch

from captum_predictor.model.description import ModelDescription


def compute_digest(description: ModelDescription, weights: Mapping[str, torch.Tensor]) -> str:
    """Give the SHA-256, as 64 hexadecimal digits, of what decides the model's function.

    That is the architecture with its options, the input's shape and the normalization; for a user's own network also
    the source text of the module that it is named in; and the weights' names, dtypes, shapes and bytes in the names'
    order. Labels, range and baseline are not in it: they change no output.
    """
    normalization = description.normalization
    function = {
        "architecture": description.architecture,
        "architecture_options": description.architecture_options,
        "input_shape": description.input.shape,
        "normalization": normalization and normalization.model_dump(),
    }
    digest = hashlib.sha256()
    _add_part(digest, json.dumps(function, sort_keys=True, separators=(",", ":")).encode())
    module, colon, _ = description.architecture.partition(":")
    if colon:
        _add_part(digest, _read_source(module).encode())
    _add_weights(digest, weights)
    return digest.hexdigest()


def compute_files_digest(files: Iterable[Path], weights: Mapping[str, torch.Tensor]) -> str:
    """Give the SHA-256, as 64 hexadecimal digits, over the names and bytes of files, and the weights."""
    digest = hashlib.sha256()
    for path in files:
        _add_part(digest, path.name.encode())
        _add_part(digest, path.read_bytes())
    _add_weights(digest, weights)
    return digest.hexdigest()


def _add_weights(digest: "hashlib._Hash", weights: Mapping[str, torch.Tensor]) -> None:
    """Add the weights' names, dtypes, shapes and bytes, in the names' order."""
    for name, tensor in sorted(weights.items()):
        _add_part(digest, json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        _add_part(digest, tensor.cpu().contiguous().reshape(-1).view(torch.uint8).numpy())


def _add_part(digest: "hashlib._Hash", part: "bytes | memoryview | object") -> None:
    """Add bytes, or an array's, with their number: so no two lists of parts run into the same bytes."""
    view = memoryview(part)  # type: ignore[arg-type]
    digest.update(view.nbytes.to_bytes(8, "little"))
    digest.update(view)


def _read_source(module: str) -> str:
    try:
        return inspect.getsource(sys.modules[module])
    except (OSError, TypeError, KeyError):  # typed in by hand, or compiled: then only the weights count
        return ""
