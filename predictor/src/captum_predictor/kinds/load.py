"""Which kind of model a directory holds, and its front."""

from pathlib import Path

from captum_predictor.kinds.kind import Front
from captum_predictor.kinds.tensor import TensorFront
from captum_predictor.kinds.text.model import CONFIG
from captum_predictor.model.description import FILE_NAME
from captum_predictor.model.directory import load_model


def load_front(directory: Path, device: str = "cpu") -> Front:
    """Load a model onto a device, and give its front.

    A directory with `config.json` and no `model.json` is a text model. Raises `ModelDirectoryError`.
    """
    if (directory / CONFIG).is_file() and not (directory / FILE_NAME).is_file():
        # Imported here: transformers takes seconds, which an image model's start shall not.
        from captum_predictor.kinds.text.kind import TextFront
        from captum_predictor.kinds.text.loading import load_text_model

        return TextFront(load_text_model(directory, device))
    return TensorFront(load_model(directory, device))
