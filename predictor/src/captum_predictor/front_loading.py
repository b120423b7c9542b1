"""Which kind of model a directory holds, and its front."""

from pathlib import Path

from captum_predictor import model_description
from captum_predictor.fronts import Front, TensorFront
from captum_predictor.model_directory import load_model
from captum_predictor.text.model import CONFIG


def load_front(directory: Path, device: str = "cpu") -> Front:
    """Load a model onto a device, and give its front.

    A directory with `config.json` and no `model.json` is a text model. Raises `ModelDirectoryError`.
    """
    if (directory / CONFIG).is_file() and not (directory / model_description.FILE_NAME).is_file():
        # Imported here: transformers takes seconds, which an image model's start shall not.
        from captum_predictor.text.front import TextFront
        from captum_predictor.text.loading import load_text_model

        return TextFront(load_text_model(directory, device))
    return TensorFront(load_model(directory, device))
