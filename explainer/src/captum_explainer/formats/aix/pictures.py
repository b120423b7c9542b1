"""The format of KServe's AIX explainer: LIME's masks for the likeliest labels."""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from captum_serving.errors import BadInput
from captum_serving.sentences import cut, shorten

from captum_explainer.formats.aix import texts
from captum_explainer.formats.aix.masks import write
from captum_explainer.formats.aix.parameters import read_number, read_parameters
from captum_explainer.formats.request import Incoming, ReadRequest, check_keys
from captum_explainer.inputs.arrays import fit_shape, list_instances, read_instances, stack_instances
from captum_explainer.inputs.pictures import PictureDecoder
from captum_explainer.inputs.superpixels import PLANAR
from captum_explainer.inputs.texts import are_texts
from captum_explainer.kinds.tensor.kind import TensorRequest, check_parameters
from captum_explainer.predictor_client.description import Description
from captum_explainer.settings import LIME_TEXTS, TRUTHS, AixDefaults, Settings

# Keys that only AIX's requests have.
SIGNS = ("top_labels", "segmentation_alg", "positive_only", "min_weight")
KEYS = (*SIGNS, "num_samples", "seed")


def is_aix(document: dict[str, Any], aix: AixDefaults) -> bool:
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
    if settings.aix.explainer_type == LIME_TEXTS or are_texts(document.get("instances"), description):
        return texts.read_document(document, description, settings)
    check_keys(document, "instances", *KEYS, "parameters")
    parameters = _make_parameters(document, description, settings.aix)
    rule = _read_rule(document, settings.aix)
    listed = list_instances(document.get("instances"), "instances", settings.limits)
    check_parameters(parameters, len(listed), description, settings.limits, settings.defaults)
    instances = read_instances(listed, description, settings.limits, _fit_picture)
    return ReadRequest(TensorRequest(instances, parameters), partial(write, instances, rule))


def read_picture(incoming: Incoming, description: Description, settings: Settings) -> ReadRequest:
    """Read a body that is a picture's bytes, which are one instance; the flags say everything else.

    Raises:
        BadInput: It is broken, or does not fit the model.
        TooLarge: It has more pixels than the server takes.
    """
    decoder = PictureDecoder(description, settings.limits)
    instances = stack_instances([decoder.decode(incoming.body)], description)
    request = TensorRequest(instances, _make_parameters({}, description, settings.aix))
    return ReadRequest(request, partial(write, instances, settings.aix))


def _make_parameters(document: dict[str, Any], description: Description, aix: AixDefaults) -> dict[str, Any]:
    # The flag holds for every model, so it may ask for more labels than this one has; a request may not.
    labels = min(aix.top_labels, description.output_width or aix.top_labels)
    segmentation = document.get("segmentation_alg", aix.segmentation_algorithm)
    parameters = read_parameters(document, aix, labels, baselines=0, segmentation=segmentation)
    if parameters["segmentation"] not in PLANAR:
        name = "segmentation" if "segmentation" in document.get("parameters", {}) else "segmentation_alg"
        raise BadInput(f"{name} is {shorten(parameters['segmentation'])}; expected one of {', '.join(PLANAR)}")
    return parameters


def _read_rule(document: dict[str, Any], aix: AixDefaults) -> AixDefaults:
    """Which segments the masks show: the request's keys, or the flags."""
    positive_only = document.get("positive_only", aix.positive_only)
    written = cut(positive_only, 10).lower()
    if written not in TRUTHS:
        raise BadInput(f"positive_only is {shorten(positive_only)}; expected true or false")
    return replace(
        aix,
        positive_only=TRUTHS[written],
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
