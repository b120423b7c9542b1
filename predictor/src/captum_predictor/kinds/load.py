"""Loads the kind of model that a directory holds."""

import os
import sys
from pathlib import Path

from captum_predictor.kinds.kind import Kind
from captum_predictor.kinds.tensor import TensorKind
from captum_predictor.kinds.text.model import CONFIG
from captum_predictor.model.description import FILE_NAME, ModelDirectoryError
from captum_predictor.model.directory import load_model

# Set before the hub's client and transformers are imported, which read it then: nothing goes to the hub, and tokenizers
# start no threads, which would take the lanes' cores.
OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
    "TOKENIZERS_PARALLELISM": "false",
}


def load_kind(
    directory: Path, device: str = "cpu", *, accelerate: bool = True, architectures: str | None = None
) -> Kind:
    """Load a model onto a device, as the kind that it is.

    A directory with `config.json` and no `model.json` is a text model. `architectures` names the module whose networks
    model.json may name. Raises `ModelDirectoryError`, also for a directory on the import path: its files would be code.
    """
    if directory.resolve() in (Path(entry).resolve() for entry in sys.path):
        raise ModelDirectoryError(
            directory, "is on Python's import path, expected a folder that no module is imported from: start python -P"
        )
    if (directory / CONFIG).is_file() and not (directory / FILE_NAME).is_file():
        os.environ.update(OFFLINE)
        # Imported here: transformers takes seconds, which an image model's start shall not.
        from captum_predictor.kinds.text.kind import TextKind
        from captum_predictor.kinds.text.loading import load_text_model

        return TextKind(load_text_model(directory, device))
    return TensorKind(load_model(directory, device, accelerate=accelerate, architectures=architectures))
