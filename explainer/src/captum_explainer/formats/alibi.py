"""Alibi's format, `"format": "alibi"`: the arguments of its IntegratedGradients, and its Explanation as JSON."""

from functools import partial
from importlib import metadata
from typing import Any

import numpy as np
import orjson
from captum_serving.errors import BadInput
from captum_serving.sentences import shorten
from torch import Tensor

from captum_explainer.attribution.explanations import Explanations
from captum_explainer.formats import native
from captum_explainer.formats.request import Incoming, ReadRequest
from captum_explainer.inputs.texts import are_texts
from captum_explainer.kinds.tensor.kind import TensorRequest, check_answer_of, check_parameters
from captum_explainer.parameters.path import QUADRATURES
from captum_explainer.predictor_client.description import Description
from captum_explainer.rendering.written_answer import WrittenAnswer
from captum_explainer.settings import Settings

INPUT_METHOD, LAYER_METHOD = "integrated_gradients", "layer_integrated_gradients"
# Alibi's own defaults; the server's --defaults do not change them.
DEFAULTS = {"quadrature": "gausslegendre", "n_steps": 50, "internal_batch_size": 100, "baselines": "zeros"}
# An answer has the attributions, the instances and the baselines.
ARRAYS = 3
# Alibi's word for no layer.
NO_LAYER = "unspecified"


def read_document(
    document: dict[str, Any], incoming: Incoming, description: Description, settings: Settings
) -> ReadRequest:
    """Read a JSON object whose parameters have Alibi's names: `method` is the quadrature.

    Raises:
        BadInput: The request asks for another method than integrated gradients, or the instances do not fit the model.
        TooLarge: More instances than the server takes.
    """
    if are_texts(document.get("instances"), description):
        raise BadInput("Alibi's integrated gradients explain tensors, and the instances are texts; expected tensors")
    translated = {**document, "parameters": _translate_parameters(document.get("parameters", {}))}
    request, _ = native.read_document(translated, incoming, description, settings)
    assert isinstance(request, TensorRequest)
    shape = tuple(request.instances.shape)
    resolved = check_parameters(request.parameters, shape[0], description, settings.limits, settings.defaults)
    check_answer_of(resolved, description, settings.limits, shape, ARRAYS)
    return ReadRequest(request, partial(_write, request.instances))


def _translate_parameters(given: Any) -> Any:  # noqa: ANN401 - JSON, which is not checked yet
    if not isinstance(given, dict):
        return given
    given = {key: value for key, value in given.items() if value is not None}
    method = given.pop("method", None)
    if method in QUADRATURES:
        if "quadrature" in given:
            raise BadInput(
                "parameters has a quadrature, and a method, which is Alibi's name for it; expected only one of them"
            )
        given["quadrature"] = method
    elif method not in (None, INPUT_METHOD, LAYER_METHOD):
        raise BadInput(f"method is {shorten(method)}; expected one of {', '.join(QUADRATURES)}: Alibi's quadratures")
    if "top_k" in given:
        raise BadInput("Alibi's format takes no top_k; expected a target, or none for the predicted class")
    return {**DEFAULTS, "top_k": None, **given, "method": LAYER_METHOD if "layer" in given else INPUT_METHOD}


def _write(instances: Tensor, explanations: Explanations, description: Description) -> WrittenAnswer:
    parameters = explanations.parameters
    meta = {
        "name": "IntegratedGradients",
        "type": ["whitebox"],
        "explanations": ["local"],
        "params": {
            "method": parameters["quadrature"],
            "n_steps": parameters["n_steps"],
            "internal_batch_size": parameters["internal_batch_size"],
            "layer": parameters.get("layer", NO_LAYER),
        },
        "version": metadata.version("captum"),
    }
    data = {
        # One array for each input; our models have one.
        "attributions": [np.stack(explanations.values)],
        "X": instances.numpy(),
        "baselines": np.concatenate(explanations.baselines),
        "predictions": explanations.outputs,
        "deltas": [details["convergence_delta"] for details in explanations.details],
        "target": [details["target"] for details in explanations.details],
    }
    return WrittenAnswer(orjson.dumps({"meta": meta, "data": data}, option=orjson.OPT_SERIALIZE_NUMPY))
