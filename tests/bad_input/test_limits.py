"""A parameter that asks for more than the server's limits, or than the picture has."""

from __future__ import annotations

import pytest
import requests

from local.servers import Pair
from tests.bad_input.bodies import document, parameters
from tests.bad_input.refusals import OF_ONE_WORKER_AND_OF_TWO, Case, assert_told, of_groups

pytestmark = OF_ONE_WORKER_AND_OF_TWO

LIMITS = {
    "steps": (
        parameters("integrated_gradients", n_steps=1001),
        400,
        "1 to 1000 (the server's limit, --max_steps)",
    ),
    "rows of a pass": (
        parameters("integrated_gradients", internal_batch_size=10_001),
        400,
        "1 to 10000 or null (the server's limit, --max_rows)",
    ),
    "perturbations of a pass": (parameters("occlusion", perturbations_per_eval=10_001), 400, "--max_rows"),
    "samples": (parameters("kernel_shap", n_samples=10_001), 400, "1 to 10000 (the server's limit, --max_samples)"),
    "random points": (parameters("gradient_shap", n_samples=10_001), 400, "the server's limit, --max_samples"),
    "segments": (parameters("lime", n_segments=10_001), 400, "2 to 10000 (the server's limit, --max_perturbations)"),
    "samples of a wide layer": (
        parameters("neuron_gradient_shap", layer="conv1", neuron=[0, 0, 0], n_samples=5000),
        400,
        "n_samples is 5000; expected at most 2551 of this size",
    ),
    "noisy inputs": (parameters(smooth={"nt_samples": 10_001}), 400, "smooth.nt_samples is 10001; expected"),
    "noisy inputs a pass": (parameters(smooth={"nt_samples_batch_size": 10_001}), 400, "server's limit, --max_rows"),
    "changed inputs of a metric": (parameters(n_perturb_samples=10_001), 400, "the server's limit, --max_samples"),
    "nine segments' orders": (
        parameters("shapley_values", n_segments=5),
        400,
        "shapley_values of 9 segments makes more than 10000 evaluations (the server's limit, --max_perturbations)",
    ),
    "every pixel's orders": (
        parameters("shapley_value_sampling", segmentation="pixels"),
        400,
        "shapley_value_sampling of 784 segments makes more than 10000 evaluations",
    ),
    "a layer's units": (
        parameters("layer_feature_ablation", layer="conv1", layer_mask="units"),
        400,
        "the layer has 50176 units; expected at most 10000 (the server's limit, --max_perturbations)",
    ),
    "AIX's samples": (document(num_samples="20000", top_labels=1), 400, "the server's limit, --max_samples"),
}

WINDOWS = {
    "no stride": (parameters("occlusion", strides=0), 400, "strides is 0"),
    "a stride over the window": (parameters("occlusion", strides=5), 400, "at most the window's size [1, 4, 4]"),
    "a window over the picture": (
        parameters("occlusion", sliding_window_shapes=[1, 29, 1]),
        400,
        "sliding_window_shapes is [1, 29, 1]; expected one size a dimension, at most [1, 28, 28]",
    ),
    "a window of two dimensions": (parameters("occlusion", sliding_window_shapes=[3, 3]), 400, "one size a dimension"),
    "a window without size": (parameters("occlusion", sliding_window_shapes=[]), 400, "one size a dimension"),
    "a window of 70 bits": (parameters("occlusion", sliding_window_shapes=2**70), 400, "a whole number of 1 or more"),
}

CASES = of_groups(
    {
        "limit": LIMITS,
        "window": WINDOWS,
    }
)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_parameter_over_a_limit_is_told(case: Case, pair: Pair, session: requests.Session) -> None:
    assert_told(case, pair, session)
