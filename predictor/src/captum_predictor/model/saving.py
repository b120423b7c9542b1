"""Write a trained network as a model directory."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import nn

from captum_predictor.model import weights
from captum_predictor.model.atomic_files import replace_file
from captum_predictor.model.description import FILE_NAME, ModelDirectoryError, parse_description


def save_model(network: nn.Module, directory: Path, document: Mapping[str, Any]) -> None:
    """Write `network`'s weights and `document`, the contents of `model.json`, into `directory`, each by a rename.

    Raises `ModelDirectoryError` if `document` is not as `ModelDescription` describes it; nothing is written then.
    """
    described_in = directory / FILE_NAME
    try:
        text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    except (TypeError, ValueError, RecursionError) as error:
        raise ModelDirectoryError(described_in, f"cannot be written ({error}), expected values of JSON") from error
    parse_description(described_in, text)
    # Copies in the default layout: safetensors takes neither shared nor channels_last tensors.
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in network.state_dict().items()}
    with replace_file(directory / weights.FILE_NAME) as path:
        path.write_bytes(save(tensors))
    with replace_file(described_in) as path:
        path.write_text(text)
