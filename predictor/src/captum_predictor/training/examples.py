"""Writes the first images of a test set as pictures into the model's folder."""

import json
from pathlib import Path

from PIL import Image

from captum_predictor.training.data_sets import Split

COUNT = 10


def write_examples(data: Split, folder: Path) -> None:
    """Write the first ten images as `0.png` to `9.png`, greyscale, and their classes' indices as `labels.json`."""
    folder.mkdir()
    for index, image in enumerate(data.images[:COUNT]):
        Image.fromarray(image[0].numpy()).save(folder / f"{index}.png")
    (folder / "labels.json").write_text(json.dumps(data.classes[:COUNT].tolist()) + "\n")
