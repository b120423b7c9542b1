"""A method or a parameter that is not known, or of another kind than it takes."""

from __future__ import annotations

import pytest
import requests

from local.servers import Pair
from tests.bad_input.bodies import document, parameters
from tests.bad_input.refusals import OF_ONE_WORKER_AND_OF_TWO, Case, assert_told, of_groups

pytestmark = OF_ONE_WORKER_AND_OF_TWO

METHODS = {
    "an unknown method": (
        parameters("integrated_gradient"),
        400,
        "did you mean 'integrated_gradients'? Known: deconvolution",
    ),
    "Captum's class name": (parameters("IntegratedGradients"), 400, "did you mean 'integrated_gradients'?"),
    "a method that is nobody's": (parameters("zzz"), 400, "'zzz' is not known"),
    "a method that is a number": (parameters(3), 400, "method: '3' is not known"),
    "a method that is null": (parameters(None), 400, "is not known"),
    "a method that is a list": (parameters(["saliency"]), 400, "is not known"),
    "an unknown parameter": (
        parameters("integrated_gradients", n_step=5),
        400,
        "parameters of integrated_gradients: 'n_step' is not known; did you mean 'n_steps'?",
    ),
    "another method's parameter": (parameters(n_steps=5), 400, "parameters of saliency: 'n_steps' is not known"),
    "a neuron's target": (
        parameters("neuron_gradient", layer="logits", neuron=3, target=3),
        400,
        "parameters of neuron_gradient: 'target' is not known",
    ),
    "baselines of a method without": (parameters(baselines=0), 400, "'baselines' is not known"),
}

KINDS = {
    "a flag that is 1": (parameters(abs=1), 400, "abs is 1; expected true or false"),
    "a flag that is a string": (parameters(abs="true"), 400, "abs is 'true'; expected true or false"),
    "an integer that is a string": (
        parameters("integrated_gradients", n_steps="5"),
        400,
        "n_steps is '5'; expected a whole",
    ),
    "an integer with a fraction": (parameters("integrated_gradients", n_steps=2.5), 400, "n_steps is 2.5"),
    "an integer as a float": (parameters("integrated_gradients", n_steps=5.0), 400, "n_steps is 5.0"),
    "an integer that is true": (parameters("integrated_gradients", n_steps=True), 400, "n_steps is True"),
    "an integer that is null": (parameters("integrated_gradients", n_steps=None), 400, "n_steps is None"),
    "an integer that is another word": (
        parameters("integrated_gradients", n_steps="Auto"),
        400,
        "n_steps is 'Auto'; expected a whole number of 1 to 1000",
    ),
    "as many steps as it takes": (
        parameters("integrated_gradients", n_steps="auto"),
        400,
        "n_steps is 'auto'; expected a whole number of 1 to 1000: details.converged tells whether they suffice",
    ),
    "an integer under its minimum": (parameters("integrated_gradients", n_steps=0), 400, "a whole number of 1 to 1000"),
    "a negative seed": (parameters(seed=-1), 400, "seed is -1; expected a whole number of 0 to 4294967295"),
    "a seed of 33 bits": (parameters(seed=2**32), 400, "seed is 4294967296"),
    "a seed of 70 bits": (parameters(seed=2**70), 400, "expected a whole number of 0 to 4294967295"),
    "a number that is a string": (parameters("lime", alpha="x"), 400, "alpha is 'x'; expected a number of 0.0 or more"),
    "a number under its minimum": (parameters("gradient_shap", stdevs=-0.1), 400, "stdevs is -0.1"),
    "a choice that is none": (
        parameters("integrated_gradients", quadrature="simpson"),
        400,
        "one of 'gausslegendre', ",
    ),
    "an output that is none": (parameters(output="logits"), 400, "expected one of 'logit', 'probability'"),
    "a segmentation that is none": (
        parameters("lime", segmentation="watershed"),
        400,
        "'quickshift', 'grid', 'pixels'",
    ),
    "an interpolation that is none": (
        parameters("layer_grad_cam", layer="conv2", interpolate_mode="cubic"),
        400,
        "expected one of 'nearest', 'bilinear'",
    ),
    "too few rows a pass": (parameters("integrated_gradients", internal_batch_size=0), 400, "of 1 to 10000 or null"),
    "no perturbations a pass": (parameters("kernel_shap", perturbations_per_eval=0), 400, "whole number of 1 to 10000"),
    "a negative tolerance": (parameters("integrated_gradients", tolerance=-1), 400, "tolerance is -1"),
    "one step of a trapezoid": (
        parameters("integrated_gradients", n_steps=1, quadrature="riemann_trapezoid"),
        400,
        "number of steps has to be larger than one",
    ),
    "AIX's top labels a word": (document(top_labels="all"), 400, "top_labels is 'all'; expected a whole number"),
    "AIX's top labels over": (document(top_labels="11"), 400, "top_k is 11; expected at most 10"),
    "AIX's weight a word": (document(min_weight="a"), 400, "min_weight is 'a'; expected a number"),
    "AIX's flag a word": (document(positive_only="maybe"), 400, "positive_only is 'maybe'; expected true or false"),
    "AIX's algorithm a list": (document(segmentation_alg=[]), 400, "segmentation_alg is []"),
}

SMOOTH = {
    "a word": (parameters(smooth="smoothgrad"), 400, "smooth is 'smoothgrad'; expected an object or null"),
    "an unknown key": (
        parameters(smooth={"samples": 3}),
        400,
        "smooth has the key 'samples'; expected some of nt_type",
    ),
    "an unknown kind": (parameters(smooth={"nt_type": "mean"}), 400, "smooth.nt_type is 'mean'; expected one of"),
    "negative noise": (parameters(smooth={"stdevs": -1}), 400, "smooth.stdevs is -1; expected a number of 0"),
    "no samples": (parameters(smooth={"nt_samples": 0}), 400, "smooth.nt_samples is 0; expected a whole number of 1"),
    "of samples": (parameters("lime", smooth={}), 400, "parameters of lime: 'smooth' is not known"),
}

METRICS = {
    "a word": (parameters(metrics="infidelity"), 400, "metrics is 'infidelity'; expected a list, each item one of"),
    "an unknown one": (parameters(metrics=["faith"]), 400, "metrics is ['faith']; expected a list, each item one of"),
    "no radius": (parameters(metrics=["sensitivity"], perturb_radius=0), 400, "perturb_radius is 0; expected"),
    "of one another": (
        document(parameters={"method": "feature_permutation"}),
        400,
        "feature_permutation compares instances with one another; got 1, expected two or more",
    ),
    "relevance of a probability": (parameters("lrp", output="probability"), 400, "expected one of 'logit'"),
}

CASES = of_groups(
    {
        "method": METHODS,
        "kind": KINDS,
        "smooth": SMOOTH,
        "metrics": METRICS,
    }
)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_mistake_in_a_parameter_is_told(case: Case, pair: Pair, session: requests.Session) -> None:
    assert_told(case, pair, session)
