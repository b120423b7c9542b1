import subprocess
import sys
import threading

import captum_explainer
import numpy as np
import orjson
import pytest
import torch
from captum.attr import (
    DeepLift,
    FeatureAblation,
    GuidedBackprop,
    IntegratedGradients,
    LayerDeepLift,
    LayerGradCam,
    LayerIntegratedGradients,
    NeuronGradient,
    Saliency,
)
from captum_explainer import ModelChanged, RemoteModel
from captum_explainer.predictor_client.exchange import Derivative, Exchange
from captum_serving.errors import BadInput, DeadlineExceeded, ServingError, Unavailable
from captum_serving.protocol.extension_names import VECTOR_JACOBIAN_PRODUCT
from captum_serving.protocol.wire import HEADER_LENGTH, decode, encode
from torch import nn

DIGEST = "ab" * 32


class TinyPredictor:
    """The tiny network behind the gradient extension; `asked` lists (source, sink, VJP?)."""

    def __init__(self, fake, answering, description, send_reply):
        self.answering, self.send_reply = answering, send_reply
        self.digest, self.status, self.models = DIGEST, 200, ["tiny"]
        self.url = f"http://{fake.host}"
        self.requests = fake.requests
        self.metadata = {
            "extensions": [VECTOR_JACOBIAN_PRODUCT],
            "inputs": [{"name": "image", "shape": [-1, 1, 6, 6]}],
            "outputs": [{"name": "logits", "shape": [-1, 3]}],
            "stages": [
                {"name": s.name, "kind": s.kind, "shape": s.shape, "options": s.options} for s in description.stages
            ],
            "labels": description.labels,
            "model_digest": DIGEST,
        }
        fake.answer = self.answer

    @property
    def asked(self):
        return self.answering.asked

    def answer(self, handler, request):
        if self.status != 200:
            return self.send_reply(handler, self.status, b'{"error": "no such thing"}')
        if request.path == "/v2/models":
            return self.send_reply(handler, 200, orjson.dumps({"models": self.models}))
        if request.path.endswith("/infer"):
            return self.infer(handler, request)
        return self.send_reply(handler, 200, orjson.dumps(self.metadata))

    def infer(self, handler, request):
        message = decode(request.body, request.headers[HEADER_LENGTH.lower()], "inputs")
        cotangent = message.tensors.pop("cotangent", None)
        ((source, rows),) = message.tensors.items()
        sink = message.parameters["sink"]
        derivative = None if cotangent is None else Derivative((source,), {sink: np.array(cotangent)})
        answer = self.answering.answer(Exchange({source: np.array(rows)}, (sink,), derivative))
        tensors = {**answer.values, **({} if derivative is None else {"gradient": answer.gradients[source]})}
        document = {"parameters": {"model_digest": self.digest}}
        body, length = encode(document, tensors, "outputs", binary=True)
        self.send_reply(handler, 200, body, **{HEADER_LENGTH.replace("-", "_"): str(length)})


@pytest.fixture
def predictor(fake_predictor, plain_predictor, description, send_reply):
    return TinyPredictor(fake_predictor, plain_predictor, description, send_reply)


@pytest.fixture
def separated(stages):
    """The network as Captum's DeepLIFT takes it: nonlinearities that touch have tensors of their own."""

    class OwnTensor(nn.Module):
        def forward(self, rows):
            return rows.expand_as(rows)

    return nn.Sequential(stages["conv"], stages["relu"], OwnTensor(), *list(stages.values())[2:])


def test_it_is_the_network(predictor, network, images):
    model = RemoteModel(predictor.url)
    assert (model.name, model.labels, model.input_shape, model.digest) == (
        "tiny",
        ("ant", "bee", "7"),
        (1, 6, 6),
        DIGEST,
    )
    assert torch.equal(model(images), network(images))
    assert predictor.asked == [("image", "logits", False)]
    assert [name for name, _ in model.named_children()] == ["conv", "relu", "pool", "flat", "logits"]
    assert isinstance(model.relu, nn.ReLU)
    assert isinstance(model.pool, nn.MaxPool2d)
    assert "(conv): RemoteStage(conv2d, [2, 6, 6])" in repr(model)


def test_a_gradient_is_one_call_forward_and_one_back(predictor, network, images):
    model = RemoteModel(predictor.url)
    got = IntegratedGradients(model).attribute(images, target=[1, 2], n_steps=7)
    assert torch.equal(got, IntegratedGradients(network).attribute(images, target=[1, 2], n_steps=7))
    assert predictor.asked == [("image", "logits", False), ("image", "logits", True)]
    assert model.calls == 2


def test_without_gradients_a_pass_is_one_call(predictor, images):
    model = RemoteModel(predictor.url)
    FeatureAblation(model).attribute(images, target=0, perturbations_per_eval=100)
    assert {asked for asked in predictor.asked} == {("image", "logits", False)}


@pytest.mark.parametrize("method", [DeepLift, GuidedBackprop, Saliency])
def test_methods_of_the_whole_model_are_those_in_process(predictor, separated, images, method):
    got = method(RemoteModel(predictor.url)).attribute(images, target=1)
    assert torch.equal(got, method(separated).attribute(images, target=1))


@pytest.mark.parametrize("layer", ["conv", "relu", "pool", "flat", "logits"])
@pytest.mark.parametrize("to_input", [False, True])
def test_layers_are_those_in_process(predictor, network, images, layer, to_input):
    model = RemoteModel(predictor.url)
    for kind in (LayerGradCam, LayerIntegratedGradients):
        got = kind(model, getattr(model, layer)).attribute(images, target=2, attribute_to_layer_input=to_input)
        expected = kind(network, getattr(network, layer)).attribute(images, target=2, attribute_to_layer_input=to_input)
        # The bits are those of a network in channels_last, as a predictor has it: tests/test_remote_model.py.
        torch.testing.assert_close(got, expected)


@pytest.mark.parametrize("layer", ["conv", "pool", "flat"])
def test_deep_lift_of_a_layer_is_that_in_process(predictor, separated, stages, images, layer):
    model, inputs = RemoteModel(predictor.url), images.clone().requires_grad_()
    got = LayerDeepLift(model, getattr(model, layer)).attribute(inputs, target=2)
    assert torch.equal(got, LayerDeepLift(separated, stages[layer]).attribute(inputs, target=2))


def test_a_neuron_is_that_in_process(predictor, network, images):
    model = RemoteModel(predictor.url)
    got = NeuronGradient(model, model.pool).attribute(images, (1, 0, 2))
    assert torch.equal(got, NeuronGradient(network, network.pool).attribute(images, (1, 0, 2)))


def test_afterwards_it_is_whole_again(predictor, images):
    model = RemoteModel(predictor.url)
    DeepLift(model).attribute(images, target=0)
    predictor.answering.exchanges.clear()
    model(images)
    assert predictor.asked == [("image", "logits", False)]


def test_anybodys_hook_sees_a_stages_own_input_and_output(predictor, stages, images):
    model, seen = RemoteModel(predictor.url), []
    model.pool.register_forward_hook(lambda module, inputs, output: seen.append((inputs[0], output)))
    model(images)
    relu = stages["relu"](stages["conv"](images))
    assert torch.equal(seen[0][0], relu)
    assert torch.equal(seen[0][1], stages["pool"](relu))


def test_a_part_of_another_model_is_explained_there(predictor, network, images):
    got = Saliency(nn.Sequential(RemoteModel(predictor.url), nn.Softmax(dim=1))).attribute(images, target=0)
    assert torch.equal(got, Saliency(nn.Sequential(network, nn.Softmax(dim=1))).attribute(images, target=0))


@pytest.mark.parametrize("path", ["", "/", "/v2/models/tiny", "/v2/models/tiny/infer", "/v1/models/tiny:predict"])
def test_urls_with_and_without_the_models_name(predictor, path):
    predictor.models = ["tiny"]
    assert RemoteModel(predictor.url + path).name == "tiny"


def test_of_several_models_one_must_be_named(predictor):
    predictor.models = ["tiny", "huge"]
    with pytest.raises(ValueError, match=r"serves 'tiny', 'huge'; expected a name, as in RemoteModel\('http"):
        RemoteModel(predictor.url)
    assert RemoteModel(predictor.url, "huge").name == "huge"
    predictor.models = []
    with pytest.raises(ValueError, match="lists no models; expected a name"):
        RemoteModel(predictor.url)


@pytest.mark.parametrize(
    "url",
    ["localhost:8081", "ftp://localhost", "http://", "http://a/b", "http://me:secret@host", "", "http://h/v2/models"],
)
def test_what_is_no_url_of_a_predictor_is_refused(url):
    with pytest.raises(ValueError, match=r"expected http://host:port, with or without /v2/models/\{name\}"):
        RemoteModel(url)


def test_every_call_has_the_hosts_name_and_the_headers(predictor, images):
    model = RemoteModel(predictor.url, host="tiny.example.com", headers={"Authorization": "Bearer a"})
    model(images)
    assert len(predictor.requests) == 3
    assert {request.headers["host"] for request in predictor.requests} == {"tiny.example.com"}
    assert {request.headers["authorization"] for request in predictor.requests} == {"Bearer a"}


def test_another_version_in_the_middle_is_an_error_that_names_both(predictor, images):
    model = RemoteModel(predictor.url)
    explaining = IntegratedGradients(model)
    explaining.attribute(images, target=0)
    predictor.digest = "cd" * 32
    with pytest.raises(ModelChanged, match=f"is now {'cd' * 32}; expected {DIGEST}"):
        explaining.attribute(images, target=0)


def test_failures_are_exceptions_with_a_sentence(predictor, fake_predictor, images):
    model = RemoteModel(predictor.url)
    predictor.status = 400
    with pytest.raises(BadInput, match=r"^no such thing$"):
        model(images)
    predictor.status = 404
    with pytest.raises(ServingError, match="status 404: no such thing"):
        model(images)
    fake_predictor.close()
    with pytest.raises(Unavailable, match="cannot be reached; is it running"):
        RemoteModel(predictor.url)


def test_a_predictor_that_hangs_is_waited_for_as_long_as_was_said(predictor, fake_predictor, images):
    model, release = RemoteModel(predictor.url, timeout=0.2), threading.Event()
    fake_predictor.answer = lambda handler, request: release.wait(5)
    with pytest.raises(DeadlineExceeded, match=r"within 0.2 s; ask for fewer rows, or give RemoteModel a timeout"):
        model(images)
    release.set()


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (torch.zeros(1, 6, 6), r"the shape \[1, 6, 6\]; expected \[rows, 1, 6, 6\]"),
        (torch.zeros(2, 1, 5, 6), r"the shape \[2, 1, 5, 6\]"),
        (torch.zeros(0, 1, 6, 6), "one or more"),
        (torch.zeros(1, 1, 6, 6, dtype=torch.float64), r"torch.float64 on cpu; expected torch.float32 on cpu"),
        (torch.zeros(1, 1, 6, 6, device="meta"), "on meta"),
    ],
)
def test_rows_that_do_not_fit_are_refused_here(predictor, rows, sentence):
    model = RemoteModel(predictor.url)
    with pytest.raises(ValueError, match=sentence):
        model(rows)
    assert model.calls == 0


@pytest.mark.parametrize("method", [DeepLift, GuidedBackprop])
def test_an_opaque_stage_has_no_other_backward_rule(predictor, images, method):
    predictor.metadata["stages"][0]["kind"] = "module"
    model = RemoteModel(predictor.url)
    assert Saliency(model).attribute(images, target=0).abs().max() > 0
    with pytest.raises(BadInput, match="the stage 'conv' is opaque; expected a model whose nonlinearities are stages"):
        method(nn.Sequential(model, nn.Softmax(dim=1))).attribute(images, target=0)


def test_a_predictor_of_scores_alone_is_explained_without_gradients(fake_predictor, send_reply):
    def answer(handler, request):
        if request.path != "/v1/models/forest:predict":
            return send_reply(handler, 404, b"{}")
        rows = orjson.loads(request.body)["instances"]
        return send_reply(handler, 200, orjson.dumps({"predictions": [[a, 2 * a + 3 * b] for a, b in rows]}))

    fake_predictor.answer = answer
    model = RemoteModel(f"http://{fake_predictor.host}", "forest")
    assert (model.digest, model.input_shape) == (None, None)
    inputs = torch.tensor([[1.0, 2.0]])
    assert FeatureAblation(model).attribute(inputs, target=1).tolist() == [[2.0, 6.0]]
    with pytest.raises(BadInput, match="the predictor gives scores alone; expected one with the gradient extension"):
        Saliency(model).attribute(inputs, target=1)


@pytest.mark.parametrize("taken", ["forward", "labels", "calls", "eval"])
def test_a_stage_named_as_what_modules_have_gets_an_underscore(predictor, network, images, taken):
    predictor.metadata["stages"][0]["name"] = taken
    model = RemoteModel(predictor.url)
    assert torch.equal(model(images), network(images))
    assert getattr(model, taken + "_").stage.name == taken


def test_what_the_package_offers_is_what_it_says():
    for name in captum_explainer.__all__:
        assert getattr(captum_explainer, name).__name__ == name
    assert captum_explainer.__all__ == ["ModelChanged", "RemoteModel"]
    with pytest.raises(AttributeError, match="has no attribute 'LocalModel'"):
        captum_explainer.LocalModel  # noqa: B018


def test_importing_it_starts_no_server_and_the_package_not_even_torch():
    script = (
        "import sys, captum_explainer; print('torch' in sys.modules); "
        "captum_explainer.RemoteModel; print('torch' in sys.modules, 'kserve' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "True", "False"]


def test_a_model_of_texts_is_refused(predictor):
    predictor.metadata |= {
        "kind": "text",
        "stages": [
            {"name": "embeddings", "kind": "embedding", "shape": [-1, 4]},
            {"name": "logits", "kind": "module", "shape": [3]},
        ],
        "labels": ["a", "b", "c"],
        "task": "sequence-classification",
        "probabilities": "softmax",
        "padding_id": 0,
    }
    with pytest.raises(ValueError, match="takes texts; expected a model that takes tensors"):
        RemoteModel(predictor.url)
