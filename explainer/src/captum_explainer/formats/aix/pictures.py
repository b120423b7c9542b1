"""The format of KServe's AIX explainer: LIME's masks for the likeliest labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from captum_serving.errors import BadInput
from captum_serving.sentences import name_nearest, shorten
from torch import Tensor

from captum_explainer.attribution.explanations import Explanations
from captum_explainer.formats.aix import texts
from captum_explainer.formats.aix.masks import MaskRule, write
from captum_explainer.formats.aix.numbers import read_number
from captum_explainer.formats.request import Incoming, ReadRequest
from captum_explainer.inputs.arrays import fit_shape, read_instances, stack_instances
from captum_explainer.inputs.pictures import decode
from captum_explainer.inputs.superpixels import PLANAR
from captum_explainer.inputs.texts import is_meant as is_text
from captum_explainer.kinds.tensor.kind import TensorRequest
from captum_explainer.predictor_client.description import Description
from captum_explainer.rendering.written_answer import WrittenAnswer
from captum_explainer.settings import LIME_TEXTS, TRUTHS, AixDefaults, Settings

# Keys that only AIX's requests have.
SIGNS = ("top_labels", "segmentation_alg", "positive_only", "min_weight")
KEYS = (*SIGNS, "num_samples", "seed")
# AIX's answer always holds LIME's masks for the likeliest labels, so these cannot be asked for.
FIXED = ("target", "top_k")


def is_meant(document: dict[str, Any], aix: AixDefaults) -> bool:
    """Whether a body that names no format is AIX's: it has one of AIX's keys, or the explainer stands in for AIX's."""
    return aix.explainer_type is not None or any(key in document for key in (*SIGNS, "num_features"))


def read_document(
    document: dict[str, Any], incoming: Incoming, description: Description, settings: Settings
) -> ReadRequest:
    """Read a JSON object. Numbers may be strings, as AIX's clients send them; `parameters` may hold LIME's parameters.

    Raises:
        BadInput: A key is not known, a value is not of its kind, or the instances do not fit the model.
        TooLarge: More instances than the server takes.
    """
    if settings.aix.explainer_type == LIME_TEXTS or is_text(document.get("instances"), description):
        return texts.read_document(document, description, settings)
    known = ["instances", *KEYS, "parameters"]
    for key in document:
        if key not in known:
            raise BadInput(f"the request's key {name_nearest(key, known)}")
    parameters = _make_parameters(document, description, settings.aix)
    instances = read_instances(document.get("instances"), description, settings.limits, _fit_picture)
    return _make_request(instances, parameters, _read_rule(document, settings.aix))


def read_picture(incoming: Incoming, description: Description, settings: Settings) -> ReadRequest:
    """Read a body that is a picture's bytes, which are one instance; the flags say everything else.

    Raises:
        BadInput: It is broken, or does not fit the model.
    """
    instances = stack_instances([decode(incoming.body, description)], description)
    return _make_request(instances, _make_parameters({}, description, settings.aix), _read_rule({}, settings.aix))


def _make_request(instances: Tensor, parameters: dict[str, Any], rule: MaskRule) -> ReadRequest:
    def write_masks(explanations: Explanations, description: Description) -> WrittenAnswer:
        return write(instances, explanations, rule)

    return ReadRequest(TensorRequest(instances, parameters), write_masks)


def _make_parameters(document: dict[str, Any], description: Description, aix: AixDefaults) -> dict[str, Any]:
    # The flag holds for every model, so it may ask for more labels than this one has; a request may not.
    labels = min(aix.top_labels, description.output_width or aix.top_labels)
    own = document.get("parameters", {})
    if not isinstance(own, dict):
        raise BadInput('parameters is not an object; expected LIME\'s parameters, as in {"n_segments": 50}')
    if own.get("method", "lime") != "lime" or any(key in own for key in FIXED):
        raise BadInput(
            f"AIX's format is answered by LIME, for its top_labels; expected none of method, {', '.join(FIXED)} "
            'in parameters, or "format": "captum"'
        )
    parameters = {
        "method": "lime",
        "surrogate": "ridge",
        "output": "probability",
        "baselines": 0,
        "top_k": read_number(document, "top_labels", int, labels),
        "n_samples": read_number(document, "num_samples", int, aix.num_samples),
        "segmentation": document.get("segmentation_alg", aix.segmentation_algorithm),
        **({"seed": read_number(document, "seed", int, 0)} if "seed" in document else {}),
        **own,
    }
    if parameters["segmentation"] not in PLANAR:
        name = "segmentation" if "segmentation" in own else "segmentation_alg"
        raise BadInput(f"{name} is {shorten(parameters['segmentation'])}; expected one of {', '.join(PLANAR)}")
    return parameters


def _read_rule(document: dict[str, Any], aix: AixDefaults) -> MaskRule:
    positive_only = document.get("positive_only", aix.positive_only)
    if str(positive_only).lower() not in TRUTHS:
        raise BadInput(f"positive_only is {shorten(positive_only)}; expected true or false")
    return MaskRule(
        positive_only=TRUTHS[str(positive_only).lower()],
        min_weight=read_number(document, "min_weight", float, aix.min_weight),
    )


def _fit_picture(array: np.ndarray, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Fit AIX's pictures, which have channels last and three equal channels if they are grey, to the model's shape.

    LIME hides all three channels alike, so taking one channel equals converting each sample to grey.
    """
    if array.ndim == len(shape) == 3 and array.shape != shape and array.shape[:2] == shape[1:]:
        planes = np.moveaxis(array, -1, 0)
        if shape[0] == 1 and len(planes) == 3:
            if (planes != planes[0]).any():
                raise BadInput(f"{name} has colours; expected a grey picture: the model's input is {list(shape)}")
            return planes[:1]
        if len(planes) == shape[0]:
            return planes
    return fit_shape(array, name, shape)
