import json

import numpy as np
import pytest
import torch
from captum_explainer.formats import dispatch
from captum_explainer.formats.alibi import DEFAULTS
from captum_serving.errors import BadInput


@pytest.fixture
def explanation(ask, inputs):
    """Alibi's document for both pictures."""

    def explanation(instances=None, **parameters):
        body = {"format": "alibi", "instances": inputs.tolist() if instances is None else instances}
        return json.loads(ask(dispatch.read, json.dumps({**body, "parameters": parameters}).encode()).body)

    return explanation


def alibis_formula(network, inputs, baselines, targets, step_sizes, alphas):
    """(X - baselines) * sum(step size * gradient at baselines + alpha * (X - baselines)), the sum in float64."""
    total = np.zeros(inputs.shape)
    for size, alpha in zip(step_sizes, alphas, strict=True):
        point = torch.from_numpy(np.float32(baselines + alpha * (inputs - baselines))).requires_grad_()
        picked = network(point)[range(len(targets)), targets].sum()
        total += size * torch.autograd.grad(picked, point)[0].double().numpy()
    return (inputs - baselines) * total


def gauss_legendre(steps):
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    return weights / 2, (1 + nodes) / 2


def test_the_document_has_alibis_keys(explanation):
    document = explanation()
    assert list(document) == ["meta", "data"]
    assert (
        document["meta"].items()
        >= {
            "name": "IntegratedGradients",
            "type": ["whitebox"],
            "explanations": ["local"],
            "params": {"method": "gausslegendre", "n_steps": 50, "internal_batch_size": 100, "layer": "unspecified"},
        }.items()
    )
    assert list(document["data"]) == ["attributions", "X", "baselines", "predictions", "deltas", "target"]


@pytest.mark.parametrize("given", [{}, {"n_steps": 50, "method": "gausslegendre", "internal_batch_size": 100}])
def test_the_numbers_are_those_of_alibis_formula(given, explanation, network, inputs, predicted):
    data = explanation(**given)["data"]
    x = inputs.double().numpy()
    expected = alibis_formula(network, x, np.zeros_like(x), predicted, *gauss_legendre(50))
    (attributions,) = data["attributions"]
    np.testing.assert_allclose(attributions, expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(np.float32(data["X"]), inputs)
    np.testing.assert_array_equal(data["baselines"], np.zeros_like(x))
    np.testing.assert_allclose(data["predictions"], network(inputs), rtol=1e-6)
    assert data["target"] == predicted


def test_the_deltas_are_what_the_sums_are_off_by(explanation, network, inputs):
    data = explanation(n_steps=2, baselines=0.25, target=[2, 0])["data"]
    scores = network(inputs) - network(torch.full_like(inputs, 0.25))
    sums = np.float64(data["attributions"][0]).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(data["deltas"], sums - scores[[0, 1], [2, 0]].numpy(), atol=1e-5)


def test_baselines_may_be_an_array_for_each(explanation, network, inputs):
    baselines = torch.rand(inputs.shape, generator=torch.Generator().manual_seed(1))
    data = explanation(baselines=baselines.tolist(), target=1)["data"]
    np.testing.assert_array_equal(np.float32(data["baselines"]), baselines)
    expected = alibis_formula(network, inputs.numpy(), baselines.numpy(), [1, 1], *gauss_legendre(50))
    np.testing.assert_allclose(data["attributions"][0], expected, rtol=1e-3, atol=1e-6)


def test_riemanns_quadratures_are_alibis_too(explanation, network, inputs):
    document = explanation(method="riemann_middle", n_steps=4, target=1)
    assert document["meta"]["params"]["method"] == "riemann_middle"
    middles = [1 / 8, 3 / 8, 5 / 8, 7 / 8]
    expected = alibis_formula(network, inputs.numpy(), 0 * inputs.numpy(), [1, 1], [1 / 4] * 4, middles)
    np.testing.assert_allclose(document["data"]["attributions"][0], expected, rtol=1e-4, atol=1e-6)


def test_a_layers_attributions_have_the_layers_shape_and_its_name(explanation):
    document = explanation(layer="conv")
    assert document["meta"]["params"]["layer"] == "conv"
    assert np.array(document["data"]["attributions"]).shape == (1, 2, 2, 6, 6)


@pytest.mark.parametrize("name", ["integrated_gradients", "layer_integrated_gradients"])
def test_our_own_name_of_the_method_is_taken(name, explanation):
    layer = {"layer": "conv"} if name.startswith("layer") else {}
    assert explanation(method=name, **layer) == explanation(**layer)


def test_null_is_alibis_default(explanation):
    assert explanation(**dict.fromkeys([*DEFAULTS, "method", "layer", "target"])) == explanation()


def test_instances_name_their_targets(explanation, inputs):
    named = [{"data": one.tolist(), "target": target} for one, target in zip(inputs, [2, "bee"], strict=True)]
    assert explanation(named)["data"]["target"] == [2, 1]


def test_predictions_are_probabilities_where_these_are_explained(explanation, network, inputs):
    predictions = explanation(output="probability")["data"]["predictions"]
    np.testing.assert_allclose(predictions, torch.softmax(network(inputs), dim=1), rtol=1e-5)


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"method": "saliency"}, "method is 'saliency'; expected one of gausslegendre, riemann_left"),
        ({"method": ["riemann_left"]}, "method is ['riemann_left']; expected one of gausslegendre"),
        ({"method": "riemann_left", "quadrature": "riemann_left"}, "parameters has a quadrature, and a method"),
        ({"top_k": 2}, "Alibi's format takes no top_k"),
        ({"n_step": 2}, "parameters of integrated_gradients: 'n_step' is not known"),
        ({"layer": 1}, "layer is 1; expected one of 'conv'"),
        ({"target": [0]}, "target has 1 entries; expected 2"),
    ],
)
def test_what_is_not_alibis_is_refused(parameters, sentence, explanation):
    with pytest.raises(BadInput) as refusal:
        explanation(**parameters)
    assert sentence in refusal.value.sentence


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"format": "alibi"}, "instances is missing or empty"),
        ({"format": "alibi", "instances": [[0.0]]}, "has the shape [1]; expected [1, 6, 6]"),
        ({"format": "alibi", "instances": [{"data": "aGVsbG8="}]}, "the picture's format is not known"),
        ({"format": "alibi", "instances": [[0.0]], "X": 1}, "the request's key 'X' is not known"),
        ({"format": "alibi", "instances": [[[0.0] * 6] * 6], "parameters": []}, "parameters is not an object"),
        ({"format": "alibbi", "instances": []}, "format: 'alibbi' is not known; did you mean 'alibi'?"),
        ({"format": ["alibi"], "instances": []}, "format: \"['alibi']\" is not known"),
        ({"format": None, "instances": []}, "format: 'None' is not known"),
    ],
)
def test_a_bad_body_is_refused(body, sentence, ask):
    with pytest.raises(BadInput) as refusal:
        ask(dispatch.read, json.dumps(body).encode())
    assert sentence in refusal.value.sentence
