import dataclasses

import pytest
from captum_explainer.kinds.tensor.kind import TensorKind
from captum_explainer.predictor_client.description import Access, Description
from captum_explainer.server.options import compose_settings
from captum_serving.errors import BadInput

SHAPE = (2, 1, 6, 6)


@pytest.fixture
def resolved(description):
    def run(given, model=description, shape=SHAPE, **flags):
        settings = compose_settings(model_name="tiny", predictor_host="127.0.0.1:1", **flags)
        return TensorKind(model, settings.defaults).resolve(given, shape, settings.limits)

    return run


def test_defaults_complete_a_request(resolved):
    chosen = resolved({})
    assert chosen.name == "integrated_gradients"
    assert chosen.values == {
        "method": "integrated_gradients",
        "n_steps": 50,
        "quadrature": "gausslegendre",
        "internal_batch_size": None,
        "smooth": None,
        "seed": 0,
        "output": "logit",
        "target": None,
        "top_k": None,
        "baselines": 0.0,
        "metrics": [],
        "perturb_radius": 0.02,
        "n_perturb_samples": 10,
        "tolerance": 0.05,
    }


def test_the_baseline_is_the_models_own(resolved, description):
    assert resolved({}, dataclasses.replace(description, baseline=-1.0))["baselines"] == -1.0


def test_of_a_predictor_that_gives_scores_only_kernel_shap_explains_probabilities(resolved):
    chosen = resolved({}, Description("forest"))
    assert (chosen.name, chosen["output"]) == ("kernel_shap", "probability")
    with pytest.raises(BadInput, match="output is 'logit'; expected one of 'probability'"):
        resolved({"output": "logit"}, Description("forest"))


@pytest.mark.parametrize(
    ("shape", "default"), [((2, 4), "pixels"), ((2, 1, 2, 3, 4), "pixels"), ((2, 28, 28), "quickshift")]
)
def test_how_values_are_grouped_is_by_the_instances_own_shape_where_no_other_is_known(shape, default, resolved):
    for method in ("kernel_shap", "lime"):
        assert resolved({"method": method}, Description("forest"), shape)["segmentation"] == default


@pytest.mark.parametrize(("shape", "default"), [((2, 1, 28, 28), "pixels"), ((2, 3, 224, 224), "quickshift")])
def test_feature_ablation_takes_single_values_of_what_has_few(shape, default, resolved):
    assert resolved({"method": "feature_ablation"}, Description("any"), shape)["segmentation"] == default


@pytest.mark.parametrize("access", [Access.GRADIENTS, Access.SCORES])
def test_a_method_that_needs_more_than_the_predictor_gives_is_refused_with_those_that_work(
    access, resolved, description
):
    with pytest.raises(BadInput, match=r"deep_lift needs the model's structure .* possible: .*kernel_shap") as refusal:
        resolved({"method": "deep_lift"}, dataclasses.replace(description, access=access))
    possible = refusal.value.sentence.partition("possible: ")[2].split(", ")
    assert ("saliency" in possible) == (access == Access.GRADIENTS)
    assert "layer_grad_cam" not in possible


def test_the_servers_defaults_come_before_the_methods_and_after_the_requests(resolved):
    defaults = {"method": "saliency", "n_steps": 15, "seed": 3}
    assert resolved({}, defaults=defaults).values["method"] == "saliency"
    chosen = resolved({"method": "integrated_gradients", "seed": 4}, defaults=defaults)
    assert (chosen["n_steps"], chosen["seed"]) == (15, 4)


def test_a_servers_default_that_the_method_does_not_take_is_passed_over(resolved):
    chosen = resolved({"method": "saliency"}, defaults={"n_steps": 15})
    assert "n_steps" not in chosen.values
    assert chosen.get("n_steps") is None


def test_a_servers_default_that_fits_other_methods_is_passed_over(resolved):
    defaults = {"output": "probability", "segmentation": "slic"}
    assert resolved({"method": "saliency"}, defaults=defaults)["output"] == "probability"
    assert resolved({"method": "lrp"}, defaults=defaults)["output"] == "logit"
    assert resolved({"method": "lime"}, defaults=defaults)["segmentation"] == "slic"
    assert resolved({"method": "feature_permutation"}, defaults=defaults)["segmentation"] == "grid"


def test_a_null_of_the_request_overrides_a_servers_default(resolved):
    assert resolved({"target": None}, defaults={"target": 1})["target"] is None


def test_the_same_parameters_again_resolve_to_themselves(resolved):
    for given in ({}, {"method": "occlusion"}, {"method": "neuron_gradient", "layer": "logits", "neuron": 2}):
        values = resolved(given).values
        assert resolved(values).values == values


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"method": "integrated_gradient"}, "method: 'integrated_gradient' is not known; did you mean 'integrated_g"),
        ({"method": 5}, "method: '5' is not known; Known: deconvolution, deep_lift, "),
        ({"method": None}, "method: 'None' is not known"),
        ({"n_step": 5}, "parameters of integrated_gradients: 'n_step' is not known; did you mean 'n_steps'?"),
        ({"method": "saliency", "n_steps": 5}, "parameters of saliency: 'n_steps' is not known; Known: method, abs"),
        ({"n_steps": 1001}, "the server's limit, --max_steps"),
        ({"method": "gradient_shap", "n_samples": 10_001}, "the server's limit, --max_samples"),
        ({"method": "lime", "n_segments": 10_001}, "the server's limit, --max_perturbations"),
        ({"internal_batch_size": 10_001}, "the server's limit, --max_rows"),
        (
            {"method": "layer_grad_cam"},
            "layer_grad_cam needs layer; expected one of 'conv', 'relu', 'pool', 'flat', 'logits'",
        ),
        ({"method": "layer_grad_cam", "layer": "conv1"}, "layer is 'conv1'; expected one of 'conv'"),
        ({"method": "neuron_gradient", "layer": "conv"}, "neuron_gradient needs neuron; expected a whole number"),
    ],
)
def test_what_does_not_fit_is_refused(given, sentence, resolved):
    with pytest.raises(BadInput) as refusal:
        resolved(given)
    assert sentence in refusal.value.sentence


def test_a_number_is_a_neuron_of_a_layer_of_one_dimension(resolved):
    assert resolved({"method": "neuron_gradient", "layer": "logits", "neuron": 2})["neuron"] == [2]
    assert resolved({"method": "neuron_gradient", "layer": "pool", "neuron": [1, 2, 0]})["neuron"] == [1, 2, 0]


@pytest.mark.parametrize(("layer", "neuron"), [("pool", 0), ("pool", [0, 0]), ("pool", [0, 3, 0]), ("logits", 3)])
def test_a_neuron_is_an_index_into_its_layer(layer, neuron, resolved):
    with pytest.raises(BadInput, match=f"expected an index into {layer}'s shape"):
        resolved({"method": "neuron_gradient", "layer": layer, "neuron": neuron})


@pytest.mark.parametrize(
    ("shape", "window", "completed"),
    [
        ((1, 6, 6), 4, [1, 4, 4]),
        ((3, 6, 5), 3, [3, 3, 3]),
        ((6, 5, 3), 3, [3, 3, 3]),
        ((6, 2), 4, [4, 2]),
        ((5,), 4, [4]),
        ((2,), 4, [2]),
        ((1, 6, 6), [1, 2, 3], [1, 2, 3]),
        ((1, 28, 28), None, [1, 4, 4]),
        ((3, 64, 48), None, [3, 7, 7]),
        ((3,), None, [1]),
    ],
)
def test_a_window_of_one_number_is_its_height_and_width(shape, window, completed, resolved):
    given = {"method": "occlusion", "sliding_window_shapes": window, "strides": 1}
    assert resolved(given, Description("any"), (1, *shape))["sliding_window_shapes"] == completed


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"sliding_window_shapes": [2, 2]}, r"sliding_window_shapes is \[2, 2\]; expected one size a dimension"),
        ({"sliding_window_shapes": [1, 7, 2]}, r"expected one size a dimension, at most \[1, 6, 6\]"),
        (
            {"sliding_window_shapes": 4, "strides": [1, 5, 5]},
            r"strides is \[1, 5, 5\]; expected at most the window's size \[1, 4, 4\]",
        ),
    ],
)
def test_windows_that_captum_cannot_slide_are_refused(given, sentence, resolved):
    with pytest.raises(BadInput, match=sentence):
        resolved({"method": "occlusion", **given})


def test_windows_are_counted_against_the_servers_limit(resolved):
    given = {"method": "occlusion", "sliding_window_shapes": 2, "strides": 1}
    assert resolved(given, max_perturbations=25)["strides"] == [1, 1, 1]
    with pytest.raises(BadInput, match=r"make 25 windows; expected at most 24 \(the server's limit, --max_pert"):
        resolved(given, max_perturbations=24)


def test_steps_that_fit_one_pass_need_no_internal_batches(resolved):
    # 2 instances of 36 numbers of 4 bytes in 50 steps are 14,400 bytes.
    assert resolved({}, max_call_bytes=14_400)["internal_batch_size"] is None


def test_where_all_steps_are_too_much_at_once_the_answer_tells_the_batch(resolved):
    assert resolved({}, max_call_bytes=14_399)["internal_batch_size"] == 99


def test_a_batch_over_what_fits_is_lowered_and_a_smaller_one_is_kept(resolved):
    assert resolved({"internal_batch_size": 500}, max_call_bytes=1440)["internal_batch_size"] == 10
    assert resolved({"internal_batch_size": 6}, max_call_bytes=1440)["internal_batch_size"] == 6


def test_captum_takes_no_fewer_rows_than_instances(resolved):
    assert resolved({"internal_batch_size": 1}, shape=(7, 1, 6, 6))["internal_batch_size"] == 7


def test_a_layers_rows_are_held_and_count_too(resolved):
    # The convolution's output has 72 numbers: 8 calls of 1440 bytes hold 40 of them, one call 10 of the input.
    given = {"method": "layer_integrated_gradients", "layer": "conv"}
    assert resolved(given, max_call_bytes=1440)["internal_batch_size"] == 10
    wide = {"method": "layer_integrated_gradients", "layer": "logits"}
    assert resolved(wide, max_call_bytes=144 * 50, shape=(1, 1, 6, 6))["internal_batch_size"] is None


@pytest.mark.parametrize(("method", "rows"), [("occlusion", 5), ("feature_ablation", 10), ("kernel_shap", 10)])
def test_perturbations_a_pass_are_lowered_to_what_fits(method, rows, resolved):
    assert resolved({"method": method}, max_call_bytes=1440)["perturbations_per_eval"] == rows
    assert (
        resolved({"method": method, "perturbations_per_eval": 3}, max_call_bytes=1440).values["perturbations_per_eval"]
        == 3
    )
    assert resolved({"method": method}, max_call_bytes=1)["perturbations_per_eval"] == 1
