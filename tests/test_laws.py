"""What must hold of attributions whatever the network: completeness, sensitivity, repeatability, independence."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import DeepLift
from captum_explainer.catalogue.catalogue import catalogue
from torch import Tensor

from local.servers import ROOT, Pair
from tests.support.explaining import Answer, ask, examples
from tests.support.reference import Network, load_network, segments

pytestmark = pytest.mark.usefixtures("one_thread")

# Of the largest value: what the order of a few additions may change.
ROUNDING = 1e-6
FEW = {"n_steps": 6, "n_samples": 40}


@pytest.fixture(scope="module")
def network(pair: Pair) -> Network:
    return load_network(ROOT / "models" / pair.name)


def quick(network: Network, method: str) -> dict[str, Any]:
    """Parameters of a method that answer fast: few steps and samples, and a layer in the middle."""
    described = catalogue()[method]
    parameters = {
        "method": method,
        **{name: value for name, value in FEW.items() if name in described.takes.parameters},
    }
    if described.has_layer:
        parameters["layer"] = "conv2"
    if described.family == "neuron":
        parameters["neuron"] = [size // 2 for size in network.shapes["conv2"]]
    if described.takes.segments:
        parameters["segmentation"] = "grid"
    if method == "shapley_value_sampling":
        parameters["n_samples"] = 3  # each of them is a call of its own
    return parameters


def assert_close(got: np.ndarray, expected: np.ndarray) -> None:
    assert np.abs(got - expected).max() <= ROUNDING * np.abs(expected).max()


def differences(network: Network, inputs: Tensor, baselines: Tensor, answer: Answer) -> np.ndarray:
    """The scores' differences between inputs and baselines, for the targets that the answer names, in float64."""
    target = torch.tensor([details["target"] for details in answer.details])[:, None]
    scores, at_baselines = network.scores(inputs).double(), network.scores(baselines).double()
    return (scores.gather(1, target) - at_baselines.gather(1, target))[:, 0].numpy()


COMPLETE = [
    {"method": "integrated_gradients", "n_steps": 200},
    {"method": "integrated_gradients", "n_steps": 100, "baselines": "ones"},
    {"method": "deep_lift"},
    {"method": "deep_lift", "baselines": "ones"},
    {"method": "layer_integrated_gradients", "n_steps": 50, "layer": "conv2"},
    {"method": "layer_conductance", "n_steps": 200, "layer": "conv2"},
    {"method": "layer_conductance", "n_steps": 200, "layer": "relu2"},
    {"method": "layer_deep_lift", "layer": "conv1"},
    {"method": "layer_deep_lift", "layer": "conv2"},
    {"method": "gradient_shap", "n_samples": 200},
    {"method": "layer_gradient_shap", "n_samples": 40, "layer": "conv2"},
]
SEVERAL = np.linspace(0, 1, 3 * 28 * 28, dtype=np.float32).reshape(3, 1, 28, 28)


@pytest.mark.parametrize("parameters", COMPLETE, ids=lambda parameters: "-".join(map(str, parameters.values())))
def test_attributions_sum_to_the_scores_difference_within_the_reported_delta(
    pair: Pair, network: Network, parameters: dict[str, Any]
) -> None:
    inputs = examples(pair.name)[:3]
    baselines = torch.full_like(inputs, float(parameters.get("baselines") == "ones"))
    answer = ask(pair, inputs, **parameters)
    difference = differences(network, inputs, baselines, answer)
    sums = answer.values.astype(np.float64).reshape(3, -1).sum(axis=1)
    for i, details in enumerate(answer.details):
        assert details["score"] - details["baseline_score"] == pytest.approx(difference[i], rel=1e-5)
        assert details["convergence_delta"] == pytest.approx(sums[i] - difference[i], abs=1e-5 * abs(difference[i]))
        assert details["converged"] == (abs(details["convergence_delta"]) <= 0.05 * abs(difference[i]))
    if "gradient_shap" not in parameters["method"]:
        assert all(details["converged"] for details in answer.details)


@pytest.mark.parametrize(
    "parameters", [{"method": "deep_lift_shap"}, {"method": "layer_deep_lift_shap", "layer": "conv2"}]
)
def test_deep_lift_shap_sums_to_the_difference_from_the_baselines_mean(
    pair: Pair, network: Network, parameters: dict[str, Any]
) -> None:
    inputs = examples(pair.name)[:2]
    answer = ask(pair, inputs, baselines=SEVERAL.tolist(), **parameters)
    for i, details in enumerate(answer.details):
        at_baselines = network.scores(torch.from_numpy(SEVERAL)).double()[:, details["target"]].mean()
        difference = float(network.scores(inputs).double()[i, details["target"]] - at_baselines)
        assert answer.values[i].astype(np.float64).sum() == pytest.approx(difference, abs=1e-4)
        assert abs(details["convergence_delta"]) <= 1e-4


def test_the_conductance_of_the_target_itself_is_its_integrated_gradients(pair: Pair) -> None:
    inputs = examples(pair.name)[:1]
    whole = ask(pair, inputs, method="integrated_gradients", n_steps=20)
    target = whole.parameters["target"][0]
    through = ask(pair, inputs, method="neuron_conductance", layer="logits", neuron=target, n_steps=20)
    assert_close(through.values, whole.values)
    other = ask(pair, inputs, method="neuron_conductance", layer="logits", neuron=(target + 1) % 10, n_steps=20)
    assert not other.values.any()


def test_behind_the_last_nonlinearity_gradient_x_activation_is_the_score_without_its_bias(
    pair: Pair, network: Network
) -> None:
    inputs = examples(pair.name)[:3]
    layer = list(network.shapes)[-2]
    answer = ask(pair, inputs, method="layer_gradient_x_activation", layer=layer)
    for values, details in zip(answer.values.astype(np.float64), answer.details, strict=True):
        bias = float(network.stages["logits"].bias[details["target"]])
        assert values.sum() == pytest.approx(details["score"] - bias, abs=1e-4)


def test_relevance_is_kept_from_the_score_to_each_stage_but_for_what_biases_take(pair: Pair, network: Network) -> None:
    """At the last stage all of it; below a linear stage z = Wx + b, R_j = x_j sum_k W_kj R_k / z_k, as LRP-0 says."""
    inputs = examples(pair.name)[:3]
    at_logits = ask(pair, inputs, method="layer_lrp", layer="logits")
    before = list(network.shapes)[-2 if pair.name == "fashion-mnist" else -4]
    below = ask(pair, inputs, method="layer_lrp", layer=before)
    weight = network.stages["logits"].weight.flatten(1).double().numpy()  # of pictures behind a flatten it is 4-D
    activations = ask(pair, inputs, method="layer_activation", layer=list(network.shapes)[-2]).values.astype(np.float64)
    for i, details in enumerate(at_logits.details):
        target = details["target"]
        assert at_logits.values[i].sum() == pytest.approx(details["score"], rel=1e-6)
        assert (at_logits.values[i] != 0).sum() == 1
        # ReLU and dropout pass relevance on as it is.
        expected = activations[i] * weight[target]
        np.testing.assert_allclose(below.values[i], expected, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize(
    "method", [name for name, method in catalogue().items() if "smooth" in method.takes.parameters]
)
def test_without_noise_the_noise_tunnel_changes_nothing_and_sees_no_variance(
    pair: Pair, network: Network, method: str
) -> None:
    if pair.name == "mnist":
        pytest.skip("it is Captum's, and of one network enough")
    inputs = examples(pair.name)[:2]
    parameters = quick(network, method)
    plain = ask(pair, inputs, **parameters).values
    tunnel = {"nt_samples": 3, "stdevs": 0}
    assert_close(ask(pair, inputs, smooth=tunnel, **parameters).values, plain)
    variance = ask(pair, inputs, smooth={**tunnel, "nt_type": "vargrad"}, **parameters)
    assert np.abs(variance.values).max() <= 1e-5 * float(np.abs(plain).max()) ** 2
    assert [details.get("convergence_delta") for details in variance.details] == [None, None]


@pytest.mark.parametrize("parameters", [{"method": "deep_lift"}, {"method": "layer_deep_lift", "layer": "conv2"}])
def test_deep_lift_of_a_probability_is_told_not_to_add_up(pair: Pair, parameters: dict[str, Any]) -> None:
    """Captum's own rule for a softmax does not: the answer has its bits, and says so."""
    answer = ask(pair, examples(pair.name)[:3], output="probability", **parameters)
    sums = answer.values.astype(np.float64).reshape(3, -1).sum(axis=1)
    for total, details in zip(sums, answer.details, strict=True):
        difference = details["score"] - details["baseline_score"]
        assert abs(total - difference) > 0.05 * abs(difference)
        assert details["convergence_delta"] == pytest.approx(total - difference, rel=1e-4)
        assert details["converged"] is False


def test_deep_lift_is_complete_at_every_layer(pair: Pair, network: Network) -> None:
    inputs = examples(pair.name)[:3]
    for parameters in (
        {"method": "deep_lift"},
        *({"method": "layer_deep_lift", "layer": layer} for layer in network.shapes),
    ):
        for details in ask(pair, inputs, **parameters).details:
            assert abs(details["convergence_delta"]) <= 1e-4, parameters


def test_a_max_pool_beside_a_relu_spoils_captums_own_deep_lift(pair: Pair, network: Network) -> None:
    """The trap that the identity mends: so the tests above can fail."""
    if "pool1" not in network.shapes:
        pytest.skip("the network has no max-pool")
    inputs = examples(pair.name)[:3]
    answer = ask(pair, inputs, method="deep_lift")
    touching = DeepLift(network.module()).attribute(
        inputs, baselines=torch.zeros_like(inputs), target=answer.parameters["target"]
    )
    error = np.abs(touching.detach().numpy() - answer.values).max() / np.abs(answer.values).max()
    assert error > 0.01


@pytest.mark.parametrize("method", ["integrated_gradients", "deep_lift"])
def test_what_equals_the_baseline_is_attributed_nothing(pair: Pair, method: str) -> None:
    inputs = examples(pair.name)[:3]
    baselines = inputs.clone()
    baselines[:, :, 7:21, 7:21] = 0.25
    values = ask(pair, inputs, method=method, baselines=baselines.tolist()).values
    assert np.all(values[inputs.numpy() == baselines.numpy()] == 0)
    assert np.any(values != 0)


@pytest.mark.parametrize("method", list(catalogue()))
def test_the_same_request_gives_the_same_bytes_and_so_do_its_resolved_parameters(
    pair: Pair, network: Network, method: str
) -> None:
    inputs = examples(pair.name)[:2]
    first = ask(pair, inputs, **quick(network, method))
    assert ask(pair, inputs, **quick(network, method)).body == first.body
    assert ask(pair, inputs, **first.parameters).body == first.body


@pytest.mark.parametrize("method", [name for name, method in catalogue().items() if not method.passes.across])
def test_a_batch_is_its_instances_in_any_order(pair: Pair, network: Network, method: str) -> None:
    inputs = examples(pair.name)[:4]
    parameters = quick(network, method)
    together = ask(pair, inputs, **parameters)
    order = [2, 0, 3, 1]
    assert_close(ask(pair, inputs[order], **parameters).values, together.values[order])
    for i in range(len(inputs)):
        alone = ask(pair, inputs[i : i + 1], **parameters)
        assert_close(alone.values[0], together.values[i])
        assert alone.details[0].get("target") == together.details[i].get("target")


def scores_without(network: Network, image: Tensor, kept: np.ndarray, target: int) -> np.ndarray:
    """Scores [rows], float64, of an image [1, 28, 28] whose pixels are zero where kept [rows, 28, 28] is."""
    return network.scores(image * torch.from_numpy(kept.astype(np.float32))[:, None])[:, target].double().numpy()


def fall(network: Network, image: Tensor, gone: np.ndarray, target: int) -> float:
    """How much the score falls where the pixels of `gone` [28, 28] are zero."""
    whole, less = scores_without(network, image, np.stack([np.ones_like(gone), ~gone]), target)
    return float(whole - less)


def test_occlusion_is_the_mean_fall_over_the_windows_that_hold_a_pixel(pair: Pair, network: Network) -> None:
    image = examples(pair.name)[0]
    answer = ask(pair, image[None], method="occlusion", sliding_window_shapes=8, strides=6)
    target = answer.parameters["target"][0]
    total, windows = np.zeros((28, 28)), np.zeros((28, 28))
    # The last window begins where it first reaches the edge, and hangs over it.
    for top in range(0, 27, 6):
        for left in range(0, 27, 6):
            gone = np.zeros((28, 28), dtype=bool)
            gone[top : top + 8, left : left + 8] = True
            total += gone * fall(network, image, gone, target)
            windows += gone
    expected = total / windows
    assert np.abs(answer.values[0, 0] - expected).max() <= 1e-5 * np.abs(expected).max()


def test_feature_ablation_is_the_fall_without_a_segment(pair: Pair, network: Network) -> None:
    image = examples(pair.name)[0]
    answer = ask(pair, image[None], method="feature_ablation", segmentation="grid")
    mask = segments(image[0].numpy(), "grid", answer.parameters["n_segments"])
    target = answer.parameters["target"][0]
    expected = np.zeros((28, 28))
    for number in range(mask.max() + 1):
        expected[mask == number] = fall(network, image, mask == number, target)
    assert np.abs(answer.values[0, 0] - expected).max() <= 1e-5 * np.abs(expected).max()


def coefficients_of(answer: Answer) -> tuple[np.ndarray, np.ndarray]:
    """The first instance's segment map [28, 28], and each segment's coefficient, which all its pixels have."""
    mask, values = np.array(answer.details[0]["segments"]).reshape(28, 28), answer.values[0, 0]
    coefficients = np.array([values[mask == number][0] for number in range(mask.max() + 1)])
    np.testing.assert_array_equal(values, coefficients[mask])
    return mask, coefficients.astype(np.float64)


def lime_samples(count: int, n_samples: int) -> np.ndarray:
    """LIME's draws by the seed 0, each segment kept or not by a fair coin."""
    torch.manual_seed(0)
    return np.stack([torch.bernoulli(torch.full((1, count), 0.5)).numpy()[0] for _ in range(n_samples)])


def kernel_shap_samples(count: int, n_samples: int) -> np.ndarray:
    """KernelSHAP's: all, none, then as many as the Shapley kernel says, of the largest random numbers."""
    torch.manual_seed(0)
    sizes = torch.distributions.Categorical(
        torch.tensor([0.0, *((count - 1) / (size * (count - size)) for size in range(1, count))])
    )
    samples = [np.ones(count), np.zeros(count)]
    while len(samples) < n_samples:
        size = int(sizes.sample())
        samples.append((torch.randn(1, count).argsort().argsort()[0] >= count - size).numpy())
    return np.stack(samples).astype(np.float64)


def cosine_weights(image: Tensor, mask: np.ndarray, samples: np.ndarray) -> np.ndarray:
    """LIME's: exp(-d^2 / 2) of the cosine distance between the image and what is left of it."""
    picture = image[0].numpy().ravel().astype(np.float64)
    left = picture * samples[:, mask.ravel()]
    norms = np.maximum(np.linalg.norm(left, axis=1), 1e-8) * np.linalg.norm(picture)
    return np.exp(-((1 - left @ picture / norms) ** 2) / 2)


def weighted_fit(samples: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
    """Weighted least squares with an intercept: coefficients, intercept, and the fitted scores."""
    design = np.column_stack([samples, np.ones(len(samples))])
    root = np.sqrt(weights)
    solution = np.linalg.lstsq(design * root[:, None], scores * root, rcond=None)[0]
    return solution[:-1], solution[-1], design @ solution


def explained_share(scores: np.ndarray, fitted: np.ndarray, weights: np.ndarray) -> float:
    mean = np.average(scores, weights=weights)
    return 1 - np.sum(weights * (scores - fitted) ** 2) / np.sum(weights * (scores - mean) ** 2)


@pytest.mark.parametrize("segmentation", ["grid", "slic", "quickshift"])
def test_segments_are_scikit_images(pair: Pair, segmentation: str) -> None:
    image = examples(pair.name)[:1]
    mask, _ = coefficients_of(ask(pair, image, method="lime", segmentation=segmentation, n_samples=20))
    np.testing.assert_array_equal(mask, segments(image[0, 0].numpy(), segmentation, 30))


def test_lime_is_the_weighted_least_squares_fit(pair: Pair, network: Network) -> None:
    image = examples(pair.name)[0]
    answer = ask(pair, image[None], method="lime", alpha=1e-6, segmentation="grid", n_segments=20, n_samples=300)
    mask, coefficients = coefficients_of(answer)
    samples = lime_samples(len(coefficients), 300)
    scores = scores_without(network, image, samples[:, mask], answer.parameters["target"][0])
    weights = cosine_weights(image, mask, samples)
    expected, intercept, fitted = weighted_fit(samples, scores, weights)
    scale = np.abs(expected).max()
    assert np.abs(coefficients - expected).max() <= 1e-2 * scale
    assert answer.details[0]["intercept"] == pytest.approx(intercept, abs=1e-2 * scale)
    assert answer.details[0]["r2"] == pytest.approx(explained_share(scores, fitted, weights), abs=1e-3)


def test_kernel_shap_is_the_weighted_least_squares_fit(pair: Pair, network: Network) -> None:
    image = examples(pair.name)[0]
    answer = ask(pair, image[None], method="kernel_shap", segmentation="grid", n_segments=20, n_samples=300)
    mask, coefficients = coefficients_of(answer)
    samples = kernel_shap_samples(len(coefficients), 300)
    scores = scores_without(network, image, samples[:, mask], answer.parameters["target"][0])
    weights = np.array([1e6, 1e6, *[1.0] * 298])
    expected, intercept, fitted = weighted_fit(samples, scores, weights)
    details, scale = answer.details[0], np.abs(expected).max()
    assert np.abs(coefficients - expected).max() <= 1e-3 * scale
    assert details["intercept"] == pytest.approx(intercept, abs=1e-3 * scale)
    # The two that the weights hold are left out: with them any fit looks perfect.
    assert details["r2"] == pytest.approx(explained_share(scores[2:], fitted[2:], weights[2:]), abs=1e-3)
    assert coefficients.sum() == pytest.approx(details["score"] - details["baseline_score"], rel=1e-3)


def shapley_values(network: Network, image: Tensor, mask: np.ndarray, target: int) -> np.ndarray:
    """By their definition, from the scores of all subsets of the segments."""
    count = mask.max() + 1
    subsets = (np.arange(2**count)[:, None] >> np.arange(count)) & 1
    scores = scores_without(network, image, subsets[:, mask], target)
    expected = np.zeros(count)
    for player in range(count):
        without = np.flatnonzero(subsets[:, player] == 0)
        sizes = subsets[without].sum(axis=1)
        orders = np.array([1 / (count * math.comb(count - 1, size)) for size in sizes])
        expected[player] = np.sum(orders * (scores[without + (1 << player)] - scores[without]))
    return expected


def test_kernel_shap_nears_the_shapley_values(pair: Pair, network: Network) -> None:
    """Of nine segments all subsets can be computed."""
    image = examples(pair.name)[0]
    answer = ask(pair, image[None], method="kernel_shap", segmentation="grid", n_segments=8, n_samples=1000)
    mask, coefficients = coefficients_of(answer)
    expected = shapley_values(network, image, mask, answer.parameters["target"][0])
    assert np.abs(coefficients - expected).max() <= 0.1 * np.abs(expected).max()


def test_shapley_values_are_those_of_the_definition_and_sampling_adds_up_too(pair: Pair, network: Network) -> None:
    image = examples(pair.name)[0]
    answer = ask(pair, image[None], method="shapley_values")
    mask, coefficients = coefficients_of(answer)
    expected = shapley_values(network, image, mask, answer.parameters["target"][0])
    assert np.abs(coefficients - expected).max() <= 1e-5 * np.abs(expected).max()
    difference = answer.details[0]["score"] - answer.details[0]["baseline_score"]
    assert coefficients.sum() == pytest.approx(difference, rel=1e-4)
    _, sampled = coefficients_of(ask(pair, image[None], method="shapley_value_sampling", n_samples=2))
    assert len(sampled) > len(coefficients)
    assert sampled.sum() == pytest.approx(difference, rel=1e-4)


def test_of_two_instances_feature_permutation_is_the_fall_where_they_swap_a_segment(
    pair: Pair, network: Network
) -> None:
    """Two can be permuted in one way only."""
    images = examples(pair.name)[:2]
    answer = ask(pair, images, method="feature_permutation", n_segments=9)
    mask = segments(images[0, 0].numpy(), "grid", 9)
    for i, target in enumerate(answer.parameters["target"]):
        for number in range(mask.max() + 1):
            swapped = torch.where(torch.from_numpy(mask == number), images[1 - i], images[i])
            scores = network.scores(torch.stack([images[i], swapped]))[:, target].double()
            fallen = float(scores[0] - scores[1])
            assert np.all(np.abs(answer.values[i, 0][mask == number] - fallen) <= 1e-5 * np.abs(answer.values).max())
