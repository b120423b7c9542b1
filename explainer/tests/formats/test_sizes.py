"""How much a request may bring and ask for: it is refused before a picture is decoded or the predictor is asked."""

import dataclasses
import json

import numpy as np
import pytest
from captum_explainer.formats import dispatch, torchserve, v2
from captum_explainer.inputs.pictures import PictureDecoder
from captum_explainer.predictor_client.description import Access
from captum_explainer.settings import AixDefaults, Limits
from captum_serving.errors import BadInput, TooLarge
from captum_serving.protocol import wire

WRONG = {"method": "integrated_gradients", "n_steps": "many"}
FEW_BYTES = 40_000


@pytest.fixture
def limited(settings):
    return lambda **limits: dataclasses.replace(settings, limits=Limits(**limits))


def nested(count):
    return np.zeros((count, 1, 6, 6)).tolist()


@pytest.mark.parametrize("form", ["captum", "alibi", "torchserve", "v2"])
def test_parameters_are_resolved_before_pictures_are_decoded(form, ask, texts, monkeypatch):
    monkeypatch.setattr(PictureDecoder, "decode", lambda *_: pytest.fail("a picture was decoded"))
    document = {"instances": [{"b64": text} for text in texts], "parameters": WRONG}
    read = {"torchserve": torchserve.read, "v2": v2.read}.get(form, dispatch.read)
    if form == "v2":
        tensor = {"name": "image", "shape": [2], "datatype": "BYTES", "data": texts}
        document = {"inputs": [tensor], "parameters": WRONG}
    elif form == "alibi":
        document["format"] = form
    with pytest.raises(BadInput, match="n_steps is 'many'"):
        ask(read, json.dumps(document).encode())


def test_so_are_those_of_aix(ask, texts, monkeypatch):
    monkeypatch.setattr(PictureDecoder, "decode", lambda *_: pytest.fail("a picture was decoded"))
    document = {"instances": [{"b64": text} for text in texts], "top_labels": 2, "parameters": {"alpha": "weak"}}
    with pytest.raises(BadInput, match="alpha is 'weak'"):
        ask(dispatch.read, json.dumps(document).encode())


def test_a_target_that_an_instance_names_is_resolved_before_too(ask, texts, monkeypatch):
    monkeypatch.setattr(PictureDecoder, "decode", lambda *_: pytest.fail("a picture was decoded"))
    with pytest.raises(BadInput, match="target is"):
        ask(dispatch.read, json.dumps({"instances": [{"b64": texts[0], "target": -1}]}).encode())


@pytest.mark.parametrize(
    ("parameters", "most"),
    [
        # 512 bytes for each explanation, and 16 for each of its numbers.
        ({"method": "saliency"}, 36),
        ({"method": "saliency", "top_k": 2}, 18),
        ({"method": "saliency", "top_k": 3}, 12),
        ({"method": "layer_gradient_x_activation", "layer": "conv"}, 24),
        ({"method": "layer_gradient_x_activation", "layer": "logits"}, 71),
        ({"method": "layer_gradient_x_activation", "layer": "pool", "upsample": True}, 24),
        ({"method": "kernel_shap", "n_samples": 4, "segmentation": "grid"}, 24),
    ],
)
def test_the_answers_size_is_known_before_anything_is_asked(parameters, most, ask, limited, plain_predictor):
    settings = limited(max_answer_bytes=FEW_BYTES)
    with pytest.raises(
        TooLarge, match=r"--max_answer_bytes\): ask for fewer instances, a smaller top_k or another lay"
    ):
        ask(dispatch.read, json.dumps({"instances": nested(most + 1), "parameters": parameters}).encode(), settings)
    assert plain_predictor.exchanges == []
    body = json.dumps({"instances": nested(most), "parameters": parameters}).encode()
    assert 0 < len(ask(dispatch.read, body, settings).body) <= FEW_BYTES


def test_more_targets_than_outputs_are_refused_as_such(ask):
    with pytest.raises(BadInput, match="top_k is 1000000; expected at most 3, the model's outputs"):
        ask(dispatch.read, json.dumps({"instances": nested(1000), "parameters": {"top_k": 10**6}}).encode())


def test_of_a_binary_request_the_instances_are_not_made_float32_first(ask, limited):
    rows = np.zeros((30, 1, 6, 6), np.uint8)
    body, length = wire.encode({}, {"image": rows}, "inputs", binary=True)
    with pytest.raises(TooLarge, match="the instances have 4320 bytes as float32; expected at most 4000"):
        ask(v2.read, body, limited(max_input_bytes=4000), header_length=str(length))


def test_nor_of_a_model_whose_shape_is_not_known(ask, limited, description):
    rows = np.zeros((30, 36), np.uint8)
    body, length = wire.encode({}, {"image": rows}, "inputs", binary=True)
    unknown = dataclasses.replace(description, access=Access.SCORES, input_shape=None)
    with pytest.raises(TooLarge, match="the instances have 4320 bytes as float32; expected at most 4000"):
        ask(v2.read, body, limited(max_input_bytes=4000), description=unknown, header_length=str(length))


def test_many_small_instances_are_counted_before_they_are_read(ask, limited):
    with pytest.raises(TooLarge, match="the instances have 4320 bytes as float32; expected at most 4000"):
        ask(dispatch.read, json.dumps({"instances": ["no numbers"] * 30}).encode(), limited(max_input_bytes=4000))


def test_aix_counts_its_labels(ask, limited, plain_predictor):
    settings = dataclasses.replace(limited(max_answer_bytes=FEW_BYTES), aix=AixDefaults(top_labels=3))
    body = json.dumps({"format": "aix", "instances": nested(9)}).encode()
    with pytest.raises(TooLarge, match="27 times 72 numbers"):
        ask(dispatch.read, body, settings)
    assert plain_predictor.exchanges == []


def test_alibis_answer_has_the_instances_and_the_baselines_too(ask, limited, plain_predictor):
    settings = limited(max_answer_bytes=FEW_BYTES)
    document = {"format": "alibi", "instances": nested(17)}  # of 512 + 3 x 36 x 16 bytes each
    assert 0 < len(ask(dispatch.read, json.dumps(document).encode(), settings).body) <= FEW_BYTES
    plain_predictor.exchanges.clear()
    with pytest.raises(TooLarge, match="18 times 108 numbers"):
        ask(dispatch.read, json.dumps({**document, "instances": nested(18)}).encode(), settings)
    assert plain_predictor.exchanges == []
