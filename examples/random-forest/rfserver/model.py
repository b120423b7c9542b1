"""The forest, and what it answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from kserve import Model
from kserve.errors import InvalidInput
from sklearn.ensemble import RandomForestClassifier

from rfserver.digits import SIDE, training_digits

COLOURS = 3
GREY, COLOUR = (SIDE, SIDE), (SIDE, SIDE, COLOURS)


class ForestModel(Model):  # type: ignore[misc]  # kserve is untyped
    """A random forest over the flattened pixels of 28x28x3 pictures, as in KServe's example of its AIX explainer."""

    def __init__(self, name: str, data_dir: Path | None) -> None:
        super().__init__(name)
        self.data_dir = data_dir
        self.forest = RandomForestClassifier(random_state=0)

    def load(self) -> bool:
        """Train the forest: a few seconds, always the same trees."""
        pictures, classes = training_digits(self.data_dir)
        self.forest.fit(flattened(pictures), classes)
        self.ready = True
        return True

    def predict(self, payload: Any, headers: dict[str, str] | None = None) -> dict[str, Any]:  # noqa: ANN401
        """`{"instances": [...]}` to `{"predictions": [[p0 ... p9], ...]}`, probabilities.

        Args:
            payload: Instances of [28, 28, 3] or [28, 28], in -0.5..0.5.
            headers: The request's; not used.

        Raises:
            InvalidInput: It is not V1's, or the instances have another shape.
        """
        if not isinstance(payload, dict) or "instances" not in payload:
            raise InvalidInput("this model speaks V1; expected {'instances': [...]}")
        try:
            pictures = np.asarray(payload["instances"], dtype=np.float32)
        except (TypeError, ValueError):
            raise InvalidInput("instances are no numbers, or rows of different length") from None
        if pictures.shape[1:] not in (GREY, COLOUR):
            raise InvalidInput(f"instances have the shape {list(pictures.shape[1:])}; expected {GREY} or {COLOUR}")
        return {"predictions": self.forest.predict_proba(flattened(pictures)).tolist()}


def flattened(pictures: np.ndarray[Any, np.dtype[np.float32]]) -> np.ndarray[Any, np.dtype[np.float32]]:
    """[pictures, 28, 28] or [pictures, 28, 28, 3] as rows [pictures, 2352]; grey becomes three equal colours."""
    coloured = pictures if pictures.ndim == 4 else np.repeat(pictures[..., None], COLOURS, axis=-1)
    return coloured.reshape(len(coloured), -1)
