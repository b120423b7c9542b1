"""AIX's answer: the segments of a picture that speak for each label, and the picture itself."""

from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from torch import Tensor

from captum_explainer.attribution.explanations import Explanations
from captum_explainer.inputs.image_axes import find_layout
from captum_explainer.predictor_client.description import Description
from captum_explainer.rendering.written_answer import WrittenAnswer
from captum_explainer.settings import AixDefaults

STRONGEST = 10
# The colour channels in which AIX marks a segment that speaks against the label (red) or for it (green).
RED, GREEN = 0, 1


def write(instances: Tensor, rule: AixDefaults, explanations: Explanations, description: Description) -> WrittenAnswer:
    """Write `{"explanations": {"temp", "masks", "top_labels"}}`, for several instances a list of such dictionaries.

    Args:
        instances: float32 [instances, *input shape], pictures.
        rule: Which segments the masks show: `positive_only` and `min_weight`.
        explanations: LIME's, with `top_k`: the coefficient at each value; the details have the segments.
        description: The model; the answer does not name it.
    """
    answers = [
        _explain_picture(instance.numpy(), values, details, rule)
        for instance, values, details in zip(instances, explanations.values, explanations.details, strict=True)
    ]
    document = {"explanations": answers[0] if len(answers) == 1 else answers}
    return WrittenAnswer(orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY))


def _explain_picture(
    instance: NDArray[np.float32], values: list[np.ndarray], details: list[dict[str, Any]], rule: AixDefaults
) -> dict[str, Any]:
    layout = find_layout(instance.shape)
    assert layout is not None  # LIME's superpixels exist for pictures only
    picture = layout.move_channels_last(instance)
    if picture.shape[-1] == 1:
        picture = np.repeat(picture, 3, axis=-1)
    # There is at least one label; the picture in the answer is the last one's.
    masks = []
    for coefficients, detail in zip(values, details, strict=True):
        segments = layout.move_channels_last(detail["segments"])[..., 0]
        weights = np.zeros(segments.max() + 1, dtype=np.float32)
        weights[detail["segments"].ravel()] = coefficients.ravel()
        temp, mask = make_image_and_mask(picture, segments, weights, rule)
        masks.append(mask)
    return {"temp": temp, "masks": np.stack(masks), "top_labels": [detail["target"] for detail in details]}


def make_image_and_mask(
    picture: NDArray[np.float32], segments: NDArray[np.int64], weights: NDArray[np.float32], rule: AixDefaults
) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """Make the picture and the mask as the lime package does; a mask with signs is painted into the picture.

    Args:
        picture: [height, width, channels].
        segments: [height, width], numbered from 0.
        weights: Each segment's coefficient.
        rule: Which segments the mask shows.

    Returns:
        The picture [height, width, channels] and the mask [height, width] of 0 and 1, and of -1 unless it shows
        positive segments only.
    """
    strongest = np.argsort(-np.abs(weights), kind="stable")
    if rule.positive_only:
        positive = [s for s in strongest if weights[s] > max(rule.min_weight, 0.0)]
        return picture, np.isin(segments, positive[:STRONGEST]).astype(np.int8)
    painted, mask = np.array(picture), np.zeros(segments.shape, dtype=np.int8)
    for segment in strongest[:STRONGEST]:
        # If a label's score never changes, all weights are 0; the lime package marks ten of its segments as positive.
        if weights[segment] != 0.0 and abs(weights[segment]) >= rule.min_weight:
            where = segments == segment
            mask[where] = 1 if weights[segment] > 0.0 else -1
            painted[where, GREEN if weights[segment] > 0.0 else RED] = picture.max()
    return painted, mask
