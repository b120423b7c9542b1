"""AIX's answer: which segments of a picture speak for each label, and the picture itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from torch import Tensor

from captum_explainer.attribution.explanations import Explanations
from captum_explainer.inputs.image_axes import find_layout
from captum_explainer.rendering.written_answer import WrittenAnswer

STRONGEST = 10
# The colour in which AIX marks a segment that speaks against the label, and for it.
RED, GREEN = 0, 1


@dataclass(frozen=True)
class MaskRule:
    """Which segments are in a mask: of those that speak for the label or of all the strongest, those over a weight."""

    positive_only: bool
    min_weight: float


def write(instances: Tensor, explanations: Explanations, rule: MaskRule) -> WrittenAnswer:
    """`{"explanations": {"temp", "masks", "top_labels"}}`, for several instances a list of such dictionaries.

    Args:
        instances: float32 [instances, *input shape], pictures.
        explanations: LIME's, with `top_k`: its coefficient at each value, and in the details the segments.
        rule: What belongs into the masks.
    """
    answers = [
        _explain_picture(instance.numpy(), values, details, rule)
        for instance, values, details in zip(instances, explanations.values, explanations.details, strict=True)
    ]
    document = {"explanations": answers[0] if len(answers) == 1 else answers}
    return WrittenAnswer(orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY))


def _explain_picture(
    instance: NDArray[np.float32], values: list[np.ndarray], details: list[dict[str, Any]], rule: MaskRule
) -> dict[str, Any]:
    layout = find_layout(instance.shape)
    assert layout is not None  # LIME's superpixels are of nothing else
    picture = layout.move_channels_last(instance)
    if picture.shape[-1] == 1:
        picture = np.repeat(picture, 3, axis=-1)
    # A model's outputs are as many as there are labels: at least one, whose picture is the answer's.
    masks = []
    for coefficients, detail in zip(values, details, strict=True):
        segments = layout.move_channels_last(detail["segments"])[..., 0]
        weights = np.zeros(segments.max() + 1, dtype=np.float32)
        weights[detail["segments"].ravel()] = coefficients.ravel()
        temp, mask = make_image_and_mask(picture, segments, weights, rule)
        masks.append(mask)
    return {"temp": temp, "masks": np.stack(masks), "top_labels": [detail["target"] for detail in details]}


def make_image_and_mask(
    picture: NDArray[np.float32], segments: NDArray[np.int64], weights: NDArray[np.float32], rule: MaskRule
) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """The picture, with the segments of the mask painted where it has signs, and the mask, as the lime package does it.

    Args:
        picture: [height, width, channels].
        segments: [height, width], numbered from 0.
        weights: Each segment's coefficient.
        rule: What belongs into the mask.

    Returns:
        The picture [height, width, channels] and the mask [height, width] of 0, 1, and where it is not of positive
        segments only, -1.
    """
    strongest = np.argsort(-np.abs(weights), kind="stable")
    if rule.positive_only:
        positive = [s for s in strongest if weights[s] > max(rule.min_weight, 0.0)]
        return picture, np.isin(segments, positive[:STRONGEST]).astype(np.int8)
    painted, mask = np.array(picture), np.zeros(segments.shape, dtype=np.int8)
    for segment in strongest[:STRONGEST]:
        # A label whose score never changes has only weights of 0: the package marks ten of its segments as positive.
        if weights[segment] != 0.0 and abs(weights[segment]) >= rule.min_weight:
            where = segments == segment
            mask[where] = 1 if weights[segment] > 0.0 else -1
            painted[where, GREEN if weights[segment] > 0.0 else RED] = picture.max()
    return painted, mask
