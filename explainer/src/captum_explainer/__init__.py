"""The KServe explainer: Captum on a skeleton of the predictor's model."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from captum_explainer.predictor_client.session import ModelChanged
    from captum_explainer.skeleton.remote_model import RemoteModel

__all__ = ["ModelChanged", "RemoteModel"]
MODULES = {
    "ModelChanged": "captum_explainer.predictor_client.session",
    "RemoteModel": "captum_explainer.skeleton.remote_model",
}


def __getattr__(name: str) -> object:
    # When they are asked for: torch takes seconds to import.
    if name not in MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(MODULES[name]), name)
