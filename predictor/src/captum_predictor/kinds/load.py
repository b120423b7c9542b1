"""Loads the kind of model that a directory holds."""

from pathlib import Path

from captum_predictor.kinds.kind import Kind
from captum_predictor.kinds.tensor import TensorKind
from captum_predictor.kinds.text.model import CONFIG
from captum_predictor.model.description import FILE_NAME
from captum_predictor.model.directory import load_model


def load_kind(directory: Path, device: str = "cpu", *, accelerate: bool = True) -> Kind:
    """Load a model onto a device, as the kind that it is.

    A directory with `config.json` and no `model.json` is a text model. Raises `ModelDirectoryError`.
    """
    if (directory / CONFIG).is_file() and not (directory / FILE_NAME).is_file():
        # Imported here: transformers takes seconds, which an image model's start shall not.
        from captum_predictor.kinds.text.kind import TextKind
        from captum_predictor.kinds.text.loading import load_text_model

        return TextKind(load_text_model(directory, device))
    return TensorKind(load_model(directory, device, accelerate=accelerate))
