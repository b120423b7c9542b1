import base64
import dataclasses
import json

import numpy as np
import pytest
import torch
import tritonclient.http
from captum.attr import Saliency
from captum_explainer.formats.v2 import read
from captum_explainer.predictor_client.description import Access
from captum_explainer.settings import Limits
from captum_serving.errors import BadInput, TooLarge
from captum_serving.protocol import wire

NUMBERS = ["target", "prediction", "probability", "score", "baseline_score", "convergence_delta"]


@pytest.fixture
def message(ask):
    """The answer to a JSON document, as a V2 message."""

    def message(document, settings=None):
        answer = ask(read, json.dumps(document).encode(), *([settings] if settings else []))
        assert (answer.media_type, answer.headers) == ("application/json", {})
        return wire.decode(answer.body, None, "outputs")

    return message


def tensor(array, datatype="FP32", name="image"):
    return {"name": name, "shape": list(array.shape), "datatype": datatype, "data": array.ravel().tolist()}


def byte_strings(*texts, shape=None):
    return {"name": "f0f1", "shape": shape or [len(texts)], "datatype": "BYTES", "data": list(texts)}


def test_a_batch_of_tensors_is_explained(message, inputs, integrated, predicted, description):
    answer = message({"id": "9", "inputs": [tensor(inputs)]})
    assert {key: answer.document[key] for key in ("id", "model_name", "model_version")} == {
        "id": "9",
        "model_name": "tiny",
        "model_version": "1.0",
    }
    assert answer.parameters["model_digest"] == description.digest
    assert list(answer.tensors) == ["explain", *NUMBERS]
    np.testing.assert_array_equal(answer.tensors["explain"], integrated(predicted), strict=True)
    assert answer.tensors["target"].tolist() == answer.tensors["prediction"].tolist() == predicted


def test_one_instances_tensor_and_one_picture_are_answered_by_an_array_of_its_shape(
    message, inputs, texts, integrated, predicted
):
    for given in (tensor(inputs[0]), byte_strings(texts[0], shape=[-1]), byte_strings(texts[0])):
        answer = message({"inputs": [given]})
        np.testing.assert_array_equal(answer.tensors["explain"], integrated(predicted[:1])[0], strict=True)
        assert answer.tensors["target"].tolist() == predicted[:1]


def test_a_document_as_torchserves_tobytes_writes_it(message, texts):
    given = {"name": "f0f1", "shape": -1, "datatype": "BYTES", "data": texts[0]}
    assert message({"inputs": [given]}).tensors["explain"].shape == (1, 6, 6)


def test_a_document_as_torchserves_totensor_writes_it(message, inputs):
    rounded = np.round(inputs[0].double().numpy(), 4)
    given = {"name": "f0f1", "shape": [1, 6, 6], "datatype": "FP64", "data": rounded.tolist()}
    assert message({"inputs": [given]}).tensors["explain"].shape == (1, 6, 6)


def test_pictures_as_bytes_are_a_batch(message, texts, integrated, predicted):
    answer = message({"inputs": [byte_strings(*texts)]})
    np.testing.assert_array_equal(answer.tensors["explain"], integrated(predicted), strict=True)


@pytest.mark.parametrize("encoded", [True, False])
def test_tritonclients_pictures_go_as_they_are_or_as_base64(
    encoded, ask, pixels, encode_picture, integrated, predicted
):
    files = [encode_picture(plane) for plane in pixels]
    strings = [base64.b64encode(data) if encoded else data for data in files]
    given = tritonclient.http.InferInput("pictures", [2], "BYTES")
    given.set_data_from_numpy(np.array(strings, dtype=object))
    body, header_length = tritonclient.http.InferenceServerClient.generate_request_body([given])
    answer = ask(read, body, header_length=str(header_length))
    explained = wire.decode(answer.body, answer.headers[wire.HEADER_LENGTH], "outputs").tensors["explain"]
    np.testing.assert_array_equal(explained, integrated(predicted))


@pytest.mark.parametrize("binary", [True, False])
def test_tritonclient_chooses_outputs_and_how_they_go(binary, ask, inputs, integrated, predicted):
    given = tritonclient.http.InferInput("image", list(inputs.shape), "FP32")
    given.set_data_from_numpy(inputs.numpy(), binary_data=binary)
    outputs = [tritonclient.http.InferRequestedOutput(name, binary_data=binary) for name in ("target", "explain")]
    body, header_length = tritonclient.http.InferenceServerClient.generate_request_body([given], outputs=outputs)
    answer = ask(read, body, header_length=None if header_length is None else str(header_length))
    assert answer.media_type == ("application/octet-stream" if binary else "application/json")
    header = answer.headers.get(wire.HEADER_LENGTH)
    result = tritonclient.http.InferenceServerClient.parse_response_body(
        answer.body, header_length=header and int(header)
    )
    assert [output["name"] for output in result.get_response()["outputs"]] == ["target", "explain"]
    np.testing.assert_array_equal(result.as_numpy("explain"), integrated(predicted), strict=True)
    assert result.as_numpy("target").tolist() == predicted


@pytest.mark.parametrize("datatype", ["FP16", "FP32", "FP64", "UINT8", "INT64", "BOOL"])
def test_numbers_of_other_datatypes_are_taken(datatype, message, network):
    ones = np.ones((1, 1, 6, 6), wire.DATATYPES[datatype])
    answer = message({"inputs": [tensor(ones, datatype)], "parameters": {"method": "saliency"}})
    expected = Saliency(network).attribute(torch.ones(1, 1, 6, 6), target=answer.tensors["target"].tolist())
    np.testing.assert_array_equal(answer.tensors["explain"], expected)


def test_parameters_are_scalars_and_lists_their_json_text(message, inputs, integrated):
    parameters = {"n_steps": 5, "quadrature": "riemann_middle", "target": '[2, "bee"]'}
    answer = message({"inputs": [tensor(inputs)], "parameters": parameters})
    expected = integrated([2, 1], n_steps=5, method="riemann_middle")
    np.testing.assert_array_equal(answer.tensors["explain"], expected)
    assert answer.parameters["target"] == "[2,1]"


def test_a_label_that_begins_like_a_list_is_a_label(message, inputs):
    with pytest.raises(BadInput, match=r"target is the label '\[UNK\]'"):
        message({"inputs": [tensor(inputs)], "parameters": {"target": "[UNK]"}})


@pytest.mark.parametrize(
    "parameters",
    [
        {"n_steps": 5, "baselines": "blur"},
        {"method": "occlusion", "sliding_window_shapes": "[1, 2, 2]"},
        {"method": "neuron_gradient", "layer": "conv", "neuron": "[0, 1, 1]"},
        {"method": "kernel_shap", "n_samples": 20, "segmentation": "grid", "n_segments": 4, "seed": 3},
    ],
)
def test_the_answers_parameters_are_scalars_that_give_the_same_bits(parameters, message, inputs):
    answer = message({"inputs": [tensor(inputs)], "parameters": parameters})
    assert all(isinstance(value, str | bool | int | float) for value in answer.parameters.values())
    again = {key: value for key, value in answer.parameters.items() if key != "model_digest"}
    repeated = message({"inputs": [tensor(inputs)], "parameters": again})
    np.testing.assert_array_equal(repeated.tensors["explain"], answer.tensors["explain"])
    assert repeated.parameters == answer.parameters


def test_top_k_has_an_axis_of_its_own(message, inputs, integrated):
    answer = message({"inputs": [tensor(inputs)], "parameters": {"top_k": 2}})
    assert answer.tensors["explain"].shape == (2, 2, 1, 6, 6)
    assert answer.tensors["convergence_delta"].shape == (2, 2)
    second = integrated(answer.tensors["target"][:, 1].tolist())
    np.testing.assert_array_equal(answer.tensors["explain"][:, 1], second)


def test_numbers_that_a_method_does_not_give_are_left_out(message, inputs):
    answer = message({"inputs": [tensor(inputs)], "parameters": {"method": "saliency"}})
    assert list(answer.tensors) == ["explain", "target", "prediction", "probability", "score"]
    neuron = {"method": "neuron_gradient", "layer": "conv", "neuron": "[0, 1, 1]"}
    answer = message({"inputs": [tensor(inputs)], "parameters": neuron})
    assert list(answer.tensors) == ["explain", "prediction", "probability"]


def test_of_a_model_without_a_shape_the_first_axis_is_the_instances(ask, description, inputs):
    scores = dataclasses.replace(description, access=Access.SCORES, input_shape=None, digest=None)
    parameters = {"method": "feature_ablation", "segmentation": "grid", "n_segments": 4}
    document = {"inputs": [tensor(inputs)], "parameters": parameters}
    answer = wire.decode(ask(read, json.dumps(document).encode(), description=scores).body, None, "outputs")
    assert answer.tensors["explain"].shape == (2, 1, 6, 6)
    assert "model_digest" not in answer.parameters


GREY = np.full((1, 1, 6, 6), 0.5)
DOCUMENTS = {
    "a list": ([], "the body is an empty list; expected a JSON object with 'inputs'"),
    "V1's": ({"instances": [GREY.tolist()]}, "'inputs' is missing or null"),
    "no inputs": ({"inputs": []}, "'inputs' is an empty list"),
    "two inputs": ({"inputs": [tensor(GREY), tensor(GREY, name="b")]}, "inputs are 'image', 'b'; expected one"),
    "two of both kinds": ({"inputs": [tensor(GREY), byte_strings("")]}, "inputs are 'image', 'f0f1'; expected one"),
    "an unknown datatype": ({"inputs": [tensor(GREY, "FP8")]}, "image: datatype is 'FP8'; expected one of BOOL"),
    "a row too many": ({"inputs": [tensor(np.ones((1, 1, 7, 6)))]}, "expected [n, 1, 6, 6], or [1, 6, 6] for one"),
    "no channel": ({"inputs": [tensor(np.ones((2, 6, 6)))]}, "image: shape is [2, 6, 6]; expected [n, 1, 6, 6]"),
    "no instances": ({"inputs": [tensor(np.ones((0, 1, 6, 6)))]}, "image: shape is [0, 1, 6, 6]; expected"),
    "a number": ({"inputs": [tensor(np.ones(()))]}, "image: shape is []; expected [n, 1, 6, 6]"),
    "over the range": ({"inputs": [tensor(GREY * 255)]}, "expected 0 to 1, the model's declared range"),
    "over float32": ({"inputs": [tensor(GREY * 1e300, "FP64")]}, "instances hold NaN or infinity"),
    "no picture": ({"inputs": [byte_strings("aGVsbG8=")]}, "the picture's format is not known"),
    "an empty picture": ({"inputs": [byte_strings("")]}, "the picture's format is not known"),
    "no base64": ({"inputs": [byte_strings("é")]}, "f0f1[0] is not base64; expected a picture in base64"),
    "no strings": ({"inputs": [byte_strings(shape=[0])]}, "f0f1: shape is [0]; expected [n], one or more pictures"),
    "fewer strings": ({"inputs": [byte_strings("", shape=[2])]}, "f0f1: has 1 strings; expected 2 for the shape [2]"),
    "parameters a list": ({"inputs": [tensor(GREY)], "parameters": []}, "parameters is not an object"),
    "an unknown parameter": (
        {"inputs": [tensor(GREY)], "parameters": {"n_step": 5}},
        "parameters of integrated_gradients: 'n_step' is not known; did you mean 'n_steps'?",
    ),
    "an unknown output": ({"inputs": [tensor(GREY)], "outputs": [{"name": "logits"}]}, "outputs: got 'logits'"),
    "an output that the method has not": (
        {
            "inputs": [tensor(GREY)],
            "outputs": [{"name": "score"}, {"name": "baseline_score"}],
            "parameters": {"method": "saliency"},
        },
        "outputs: saliency gives no baseline_score",
    ),
    "an id that is a number": ({"id": 9, "inputs": [tensor(GREY)]}, "id is not a string"),
}


@pytest.mark.parametrize(("document", "sentence"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_a_bad_document_is_refused(document, sentence, message):
    with pytest.raises(BadInput) as refusal:
        message(document)
    assert sentence in refusal.value.sentence


def test_bad_pictures_are_refused(ask, png, encode_picture):
    for bad, sentence in (
        (png[: len(png) // 2], "the picture is damaged"),
        (encode_picture(np.zeros((7, 5), np.uint8)), "the picture is 5x7; expected 6x6"),
    ):
        for string in (bad, base64.b64encode(bad)):
            given = tritonclient.http.InferInput("pictures", [1], "BYTES")
            given.set_data_from_numpy(np.array([string], dtype=object))
            body, header_length = tritonclient.http.InferenceServerClient.generate_request_body([given])
            with pytest.raises(BadInput) as refusal:
                ask(read, body, header_length=str(header_length))
            assert sentence in refusal.value.sentence


def test_too_many_instances_are_too_large(message, settings):
    few = dataclasses.replace(settings, limits=Limits(max_instances=1))
    with pytest.raises(TooLarge):
        message({"inputs": [tensor(np.concatenate([GREY, GREY]))]}, few)
