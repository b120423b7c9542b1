import captum.attr
import numpy as np
import pytest
import torch
from captum.metrics import infidelity, infidelity_perturb_func_decorator, sensitivity_max
from captum_explainer.catalogue.catalogue import catalogue
from captum_serving.errors import BadInput

BOTH = ["infidelity", "sensitivity"]
FEW = {"n_steps": 4, "n_samples": 6, "n_perturb_samples": 3}
MEASURED = [name for name, method in catalogue().items() if method.takes_metrics]


@pytest.fixture
def explained(explain_tensors, images):
    def run(inputs=images, **parameters):
        return explain_tensors(inputs, parameters)

    return run


def parameters_of(name):
    method = catalogue()[name]
    few = {key: value for key, value in FEW.items() if key in method.takes.parameters} | {"n_perturb_samples": 3}
    segmentation = {"segmentation": "grid", "n_segments": 4} if method.takes.segments else {}
    return {"method": name, **few, **segmentation, **({"layer": "relu"} if method.has_layer else {})}


@pytest.mark.parametrize("name", MEASURED)
def test_every_attribution_of_a_score_to_the_input_is_measured_and_again_the_same(name, explained, images):
    first = explained(images[:1], **parameters_of(name), metrics=BOTH)
    for details in first.details:
        assert details["infidelity"] >= -1e-6
        assert 0 <= details["sensitivity"] < float("inf")
    again = explained(images[:1], **first.parameters)
    assert [detail["infidelity"] for detail in again.details] == [detail["infidelity"] for detail in first.details]
    assert [detail["sensitivity"] for detail in again.details] == [detail["sensitivity"] for detail in first.details]


@pytest.mark.parametrize(
    ("name", "kind", "options"),
    [
        ("saliency", "Saliency", {"abs": False}),
        ("integrated_gradients", "IntegratedGradients", {"baselines": 0.25, "n_steps": 7}),
        ("input_x_gradient", "InputXGradient", {}),
    ],
)
def test_they_are_captums_in_process(name, kind, options, explained, network, images):
    parameters = {"method": name, **options, "metrics": BOTH, "perturb_radius": 0.05, "n_perturb_samples": 6, "seed": 4}
    answer = explained(**parameters)
    explainer = getattr(captum.attr, kind)(network)
    for i, details in enumerate(answer.details):
        image, target = images[i : i + 1], details["target"]
        baselines = {"baselines": torch.full_like(image, 0.25)} if "baselines" in options else {}

        @infidelity_perturb_func_decorator(name != "saliency")
        def perturb(inputs, baselines=None):
            return inputs - 0.05 * torch.randn(inputs.shape)

        torch.manual_seed(4)
        values = torch.from_numpy(answer.values[i])[None]
        expected = infidelity(
            network, perturb, image, values, target=target, normalize=True, n_perturb_samples=6, **baselines
        )
        assert details["infidelity"] == pytest.approx(float(expected), rel=1e-4, abs=1e-9)
        torch.manual_seed(4)
        more = {key: value for key, value in options.items() if key != "baselines"} | baselines
        expected = sensitivity_max(
            explainer.attribute, image, perturb_radius=0.05, n_perturb_samples=6, target=target, **more
        )
        assert details["sensitivity"] == pytest.approx(float(expected), rel=1e-4)


def test_the_gradient_of_a_linear_piece_is_faithful_and_does_not_change(explained):
    """So near to the input that no nonlinearity turns over, gradients are what the metrics' papers call perfect."""
    answer = explained(method="saliency", abs=False, metrics=BOTH, perturb_radius=1e-4)
    turned = explained(method="saliency", abs=True, metrics=BOTH, perturb_radius=1e-4)
    for details, other in zip(answer.details, turned.details, strict=True):
        assert details["infidelity"] < 1e-3 * other["infidelity"]
        assert details["sensitivity"] < 1e-6


def test_only_what_is_asked_for_is_measured(explained):
    assert "infidelity" not in explained(method="saliency").details[0]
    details = explained(method="saliency", metrics=["sensitivity"]).details[0]
    assert "sensitivity" in details
    assert "infidelity" not in details


def test_each_of_top_k_is_measured(explained):
    answer = explained(method="saliency", top_k=2, metrics=BOTH)
    assert np.shape([[detail["infidelity"] for detail in details] for details in answer.details]) == (2, 2)


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"method": "layer_grad_cam", "layer": "relu"}, "layer_grad_cam is a layer method"),
        ({"method": "neuron_gradient", "layer": "logits", "neuron": 0}, "neuron_gradient is a neuron method"),
        ({"method": "feature_permutation"}, "feature_permutation compares instances"),
    ],
)
def test_other_methods_say_why_they_are_not_measured(parameters, sentence, explained):
    with pytest.raises(BadInput, match=f"metrics need a method that attributes the score to the input, .*; {sentence}"):
        explained(**parameters, metrics=BOTH)
