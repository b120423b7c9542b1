"""Reads answers in the format of KServe's AIX explainer."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from captum_client.answers.entries import build_answer_error
from captum_client.http.answer import JsonAnswer
from captum_client.inputs.image import InputImage

_KEYS = ("temp", "masks", "top_labels")


@dataclass(frozen=True)
class ImageMasks:
    """One image's masks, int8 [labels, height, width], and their labels.

    1 marks what speaks for the label, -1 what speaks against it.
    """

    masks: NDArray[np.int8]
    top_labels: list[int]

    def describe(self, names: Sequence[str]) -> str:
        """Return for example `masks for 7, 9, 3`, the likeliest label first."""
        return f"masks for {', '.join(name_label(label, names) for label in self.top_labels)}"


def name_label(label: int, names: Sequence[str]) -> str:
    """Return the label's name, or its number if it has none."""
    return names[label] if 0 <= label < len(names) else str(label)


def is_aix_answer(answer: JsonAnswer) -> bool:
    """Return whether the explanations are AIX's: a dictionary, or a list of them for several images."""
    explanations = answer.json.get("explanations") if isinstance(answer.json, dict) else None
    first = explanations[0] if isinstance(explanations, list) and explanations else explanations
    return isinstance(first, dict) and all(key in first for key in _KEYS)


def read_masks(answer: JsonAnswer, images: Sequence[InputImage]) -> list[ImageMasks]:
    """Return the masks of each image from an answer in AIX's format.

    Raises QueryError if masks and labels, or masks and images, do not match.
    """
    explanations = answer.json["explanations"]
    found = explanations if isinstance(explanations, list) else [explanations]
    if len(found) != len(images):
        raise build_answer_error(f"it has {len(found)} explanations, expected {len(images)}")
    return [_read_image_masks(one, image.pixels.shape) for one, image in zip(found, images, strict=True)]


def _read_image_masks(explanation: object, shape: tuple[int, ...]) -> ImageMasks:
    if not isinstance(explanation, dict) or not all(key in explanation for key in _KEYS):
        raise build_answer_error(f"an explanation lacks one of {', '.join(_KEYS)}")
    labels = explanation["top_labels"]
    if not isinstance(labels, list) or not labels or not all(type(label) is int for label in labels):
        raise build_answer_error("'top_labels' is not a list of whole numbers")
    try:
        masks = np.asarray(explanation["masks"])
    except ValueError as error:
        raise build_answer_error("'masks' has rows of different lengths") from error
    expected = (len(labels), *shape)
    if masks.shape != expected:
        raise build_answer_error(f"'masks' has the shape {list(masks.shape)}, expected {list(expected)}")
    if not np.isin(masks, (-1, 0, 1)).all():
        raise build_answer_error("'masks' has values other than -1, 0 and 1")
    return ImageMasks(masks.astype(np.int8), labels)
