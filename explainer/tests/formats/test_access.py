"""`--max_access`: how much of the model explanations may use, in the catalogue, the requests and the defaults."""

import asyncio
import dataclasses
import json

import numpy as np
import pytest
from captum_explainer.catalogue.catalogue import catalogue
from captum_explainer.formats import alibi, dispatch, torchserve, v2
from captum_explainer.formats.request import Incoming
from captum_explainer.kinds.kind import write_catalogue
from captum_explainer.kinds.text.methods import METHODS, list_text_parameters
from captum_explainer.predictor_client.description import Access, Description, Stage
from captum_explainer.server.check_defaults import check_defaults
from captum_explainer.server.options import compose_settings
from captum_explainer.server.service import Explainer
from captum_explainer.settings import Limits, PredictorAddress, Settings
from captum_serving.errors import BadInput
from captum_serving.protocol.extension_names import VECTOR_JACOBIAN_PRODUCT

LEVELS = [Access.SCORES, Access.GRADIENTS, Access.STRUCTURE]
METADATA = {
    "name": "tiny",
    "inputs": [{"name": "image", "datatype": "FP32", "shape": [-1, 2]}],
    "outputs": [{"name": "logits", "datatype": "FP32", "shape": [-1, 2]}],
    "stages": [{"name": "relu", "kind": "relu", "shape": [2]}, {"name": "logits", "kind": "linear", "shape": [2]}],
    "model_digest": "ab",
    "extensions": [VECTOR_JACOBIAN_PRODUCT],
}


@pytest.mark.parametrize("level", LEVELS)
def test_the_catalogue_lists_what_is_offered(level, description):
    page = write_catalogue(dataclasses.replace(description, offered=level), Limits(), {})
    expected = [name for name, method in catalogue().items() if method.access <= level]
    assert [entry["name"] for entry in page["methods"]] == expected
    assert page["access"] == level.name.lower()
    structure = any("layer" in entry["parameters"] for entry in page["methods"])
    assert structure == (level is Access.STRUCTURE)


@pytest.mark.parametrize("level", LEVELS)
def test_a_service_offers_what_its_flag_says(level, fake_predictor, send_reply):
    fake_predictor.answer = lambda handler, request: send_reply(handler, 200, json.dumps(METADATA).encode())
    name = level.name.lower()
    explainer = Explainer(compose_settings(model_name="tiny", predictor_host=fake_predictor.host, max_access=name))
    assert asyncio.run(explainer.list_methods({}))["access"] == name
    if level < Access.STRUCTURE:
        body = b'{"instances": [[0.0, 1.0]], "parameters": {"method": "deep_lift"}}'
        with pytest.raises(BadInput, match=rf"this explainer offers {name}.* \(its --max_access\); possible: "):
            asyncio.run(explainer.answer(Incoming(body), dispatch.read))


def test_a_request_without_a_method_gets_one_that_is_offered(ask, description, plain_predictor):
    instances = np.random.default_rng(0).random((1, 1, 6, 6)).tolist()
    for level, method in zip(LEVELS, ("kernel_shap", "integrated_gradients", "integrated_gradients"), strict=True):
        plain_predictor.exchanges.clear()
        offered = dataclasses.replace(description, offered=level)
        answer = json.loads(ask(dispatch.read, json.dumps({"instances": instances}).encode(), description=offered).body)
        assert answer["parameters"]["method"] == method
        asked_for_gradients = any(exchange.derivative is not None for exchange in plain_predictor.exchanges)
        assert asked_for_gradients == (level > Access.SCORES)


@pytest.mark.parametrize("form", ["captum", "alibi", "torchserve", "v2"])
def test_no_format_goes_round_it(form, ask, description, plain_predictor):
    offered = dataclasses.replace(description, offered=Access.SCORES)
    document = {"instances": [[[[0.0] * 6] * 6]], "parameters": {"method": "integrated_gradients"}}
    read = {"v2": v2.read, "torchserve": torchserve.read}.get(form, dispatch.read)
    if form == "alibi":
        document["format"], document["parameters"] = "alibi", {}
        assert dispatch.FORMATS["alibi"] is alibi.read_document
    elif form == "v2":
        tensor = {"name": "image", "shape": [1, 1, 6, 6], "datatype": "FP32", "data": [0.0] * 36}
        document = {"inputs": [tensor], "parameters": document["parameters"]}
    with pytest.raises(BadInput, match=r"integrated_gradients needs gradients .*, and this explainer offers scores"):
        ask(read, json.dumps(document).encode(), description=offered)
    assert plain_predictor.exchanges == []


def test_what_the_predictor_does_not_give_is_said_of_the_predictor(ask, description):
    scores = dataclasses.replace(description, access=Access.SCORES, offered=Access.GRADIENTS)
    body = b'{"instances": [[[[0.0]]]], "parameters": {"method": "saliency"}}'
    with pytest.raises(BadInput, match="and the predictor gives scores"):
        ask(dispatch.read, body, description=scores)


def test_of_texts_below_structure_only_the_embeddings_are_named():
    stages = tuple(Stage(name=name, kind="module", shape=(-1, 4)) for name in ("embeddings", "layer0", "logits"))
    method = METHODS["layer_integrated_gradients"]
    for level, names in ((Access.GRADIENTS, ["embeddings"]), (Access.STRUCTURE, ["embeddings", "layer0"])):
        model = Description("tiny", Access.STRUCTURE, output_name="logits", stages=stages, offered=level)
        assert list_text_parameters(method, model)["layer"].schema["enum"] == names


def test_a_default_method_that_is_not_offered_is_told_at_the_start():
    settings = Settings("m", PredictorAddress("localhost"), max_access="scores", defaults={"method": "saliency"})
    with pytest.raises(
        BadInput, match=r"saliency needs gradients .* this explainer offers scores \(its --max_access\)"
    ):
        check_defaults(settings)
    check_defaults(dataclasses.replace(settings, max_access="gradients"))
