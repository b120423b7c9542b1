"""`model.safetensors`: the weights, checked against the network that takes them."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from captum_predictor.model.description import ModelDirectoryError

FILE_NAME = "model.safetensors"


def load_weights(network: nn.Module, path: Path) -> dict[str, torch.Tensor]:
    """Load the file's tensors into `network` and give them by name, sorted.

    Names, shapes and dtypes must be the network's own, and every number finite. Raises `ModelDirectoryError`.
    """
    tensors = _read(path)
    expected = network.state_dict()
    _check_names(path, tensors.keys(), expected.keys())
    for name, tensor in tensors.items():
        _check_tensor(path, name, tensor, expected[name])
    network.load_state_dict(tensors)
    return dict(sorted(tensors.items()))


def _read(path: Path) -> Mapping[str, torch.Tensor]:
    if not path.is_file():
        raise ModelDirectoryError(path, "the file is missing, expected the network's weights")
    try:
        tensors: dict[str, torch.Tensor] = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        problem = f"cannot be read as safetensors ({error}), expected a whole file; is it truncated?"
        raise ModelDirectoryError(path, problem) from error
    return tensors


def _check_names(path: Path, got: Iterable[str], expected: Iterable[str]) -> None:
    missing, unknown = set(expected) - set(got), set(got) - set(expected)
    if missing or unknown:
        raise ModelDirectoryError(
            path,
            f"got tensors that are not in the network: {_list_some(unknown)}; "
            f"expected and not found: {_list_some(missing)}",
        )


def _list_some(names: set[str]) -> str:
    shown = sorted(names)[:5]
    more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
    return ", ".join(shown) + more if shown else "none"


def _check_tensor(path: Path, name: str, got: torch.Tensor, expected: torch.Tensor) -> None:
    if (got.shape, got.dtype) != (expected.shape, expected.dtype):
        problem = f"{name}: got {_describe(got)}, expected {_describe(expected)} as the network has it"
        raise ModelDirectoryError(path, problem)
    check_finite(path, name, got)


def check_finite(path: Path, name: str, tensor: torch.Tensor) -> None:
    """Check a tensor of this name for NaN and infinity. Raises `ModelDirectoryError`."""
    if broken := int((~torch.isfinite(tensor)).sum()):
        raise ModelDirectoryError(
            path, f"{name}: got {broken} of {tensor.numel()} values NaN or infinite, expected finite numbers"
        )


def _describe(tensor: torch.Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"
