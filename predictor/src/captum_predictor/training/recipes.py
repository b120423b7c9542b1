"""How each of the shipped models is made: its data set, its architecture, how long it is trained."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from captum_predictor.training.data_sets import DATA_SETS, DataSet


@dataclass(frozen=True)
class Recipe:
    """One model's recipe; `epochs` is what the shipped weights were given."""

    data_set: DataSet
    architecture: str
    epochs: int

    def document(self) -> dict[str, Any]:
        """Give the contents of `model.json`."""
        return {
            "kind": "image",
            "architecture": self.architecture,
            "labels": list(self.data_set.labels),
            "input": {"name": "image", "shape": [1, 28, 28], "range": [0.0, 1.0], "baseline": 0.0},
        }


RECIPES: Mapping[str, Recipe] = {
    "mnist": Recipe(DATA_SETS["mnist"], "mnist_cnn", epochs=10),
    "fashion-mnist": Recipe(DATA_SETS["fashion-mnist"], "fashion_cnn", epochs=8),
}
