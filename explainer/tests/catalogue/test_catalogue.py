import dataclasses
import re
from pathlib import Path

import captum.attr
import jsonschema
import pytest
from captum.attr import Attribution, LayerAttribution, NeuronAttribution
from captum_explainer.catalogue import methods
from captum_explainer.catalogue.catalogue import catalogue
from captum_explainer.catalogue.shared_parameters import list_parameters
from captum_explainer.kinds.kind import write_catalogue
from captum_explainer.kinds.tensor.kind import DEFAULT_METHOD
from captum_explainer.parameters.schema import fits_schema
from captum_explainer.predictor_client.description import Access, Description
from captum_explainer.settings import Limits

FILES = sorted(path.stem for path in Path(methods.__path__[0]).glob("*/*.py") if path.stem != "__init__")
# What each needs of the network: its gradient, its layers or nonlinearities, or nothing but its scores.
ACCESS = {
    "deconvolution": "structure",
    "deep_lift_shap": "structure",
    "feature_permutation": "scores",
    "internal_influence": "structure",
    "layer_activation": "structure",
    "layer_conductance": "structure",
    "layer_deep_lift_shap": "structure",
    "layer_feature_ablation": "structure",
    "layer_gradient_shap": "structure",
    "layer_gradient_x_activation": "structure",
    "layer_lrp": "structure",
    "lrp": "structure",
    "neuron_conductance": "structure",
    "neuron_deconvolution": "structure",
    "neuron_deep_lift": "structure",
    "neuron_deep_lift_shap": "structure",
    "neuron_feature_ablation": "structure",
    "neuron_guided_backprop": "structure",
    "shapley_value_sampling": "scores",
    "shapley_values": "scores",
    "deep_lift": "structure",
    "feature_ablation": "scores",
    "gradient_shap": "gradients",
    "guided_backprop": "structure",
    "guided_grad_cam": "structure",
    "input_x_gradient": "gradients",
    "integrated_gradients": "gradients",
    "kernel_shap": "scores",
    "layer_deep_lift": "structure",
    "layer_grad_cam": "structure",
    "layer_integrated_gradients": "structure",
    "lime": "scores",
    "neuron_gradient": "structure",
    "neuron_gradient_shap": "structure",
    "neuron_integrated_gradients": "structure",
    "occlusion": "scores",
    "saliency": "gradients",
}


def snake_case(name):
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=X)(?=[A-Z][a-z])", "_", name).lower()


CLASSES = {snake_case(name): name for name in captum.attr.__all__}
# What of Captum is no method of a served model's: bases and wrappers, what explains language models or data loaders,
# the noise tunnel, which is the parameter `smooth`, and what fails in Captum 0.9.0 of any target.
OTHERS = {
    *("attribution", "gradient_attribution", "perturbation_attribution", "neuron_attribution", "layer_attribution"),
    *("data_loader_attribution", "lime_base", "noise_tunnel", "layer_feature_permutation"),
    *("llmattribution", "llmgradient_attribution", "remote_llmattribution"),
}


def test_every_method_of_captums_is_here():
    found = {name for name, kind in CLASSES.items() if is_attribution(getattr(captum.attr, kind))}
    assert found - OTHERS == set(FILES)


def is_attribution(kind):
    return isinstance(kind, type) and issubclass(kind, Attribution)


def test_every_file_of_methods_is_a_method_found_by_its_name():
    assert list(catalogue()) == FILES
    assert set(ACCESS) == set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_a_name_is_captums_class_in_snake_case(name):
    assert catalogue()[name].captum is getattr(captum.attr, CLASSES[name])


@pytest.mark.parametrize("name", sorted(ACCESS))
def test_a_method_needs_the_access_that_its_kind_needs(name):
    assert catalogue()[name].access.name.lower() == ACCESS[name]


@pytest.mark.parametrize("name", FILES)
def test_a_method_declares_what_the_catalogue_shows(name):
    method = catalogue()[name]
    assert method.about.summary.endswith(".")
    assert "https://" in method.about.paper
    assert method.about.when.endswith(".")
    kind = getattr(captum.attr, CLASSES[name])
    assert method.family == (
        "layer"
        if issubclass(kind, LayerAttribution)
        else "neuron"
        if issubclass(kind, NeuronAttribution)
        else "primary"
    )


@pytest.mark.parametrize("name", FILES)
def test_parameters_are_valid_json_schemas_whose_defaults_satisfy_them(name, description, settings):
    for key, parameter in list_parameters(catalogue()[name], description).items():
        schema = parameter.apply_limits(settings.limits)
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["description"], key
        if "default" in schema:
            jsonschema.validate(schema["default"], schema)
            parameter.check(key, schema["default"], settings.limits)
        else:
            assert key in ("layer", "neuron")


@pytest.mark.parametrize("access", list(Access))
def test_the_catalogue_is_of_what_the_predictor_makes_possible(access, description, settings):
    answer = write_catalogue(dataclasses.replace(description, access=access), settings.limits, {})
    possible = {name for name, needed in ACCESS.items() if Access[needed.upper()] <= access}
    assert {entry["name"] for entry in answer["methods"]} & set(ACCESS) == possible
    assert (answer["model"], answer["access"]) == ("tiny", access.name.lower())
    assert DEFAULT_METHOD[access] in possible


def test_the_catalogue_shows_this_servers_limits_and_this_models_layers(description, settings):
    answer = write_catalogue(description, Limits(max_steps=77), {})
    entries = {entry["name"]: entry for entry in answer["methods"]}
    assert entries["integrated_gradients"]["parameters"]["n_steps"]["maximum"] == 77
    assert entries["layer_grad_cam"]["parameters"]["layer"]["enum"] == ["conv", "relu", "pool", "flat", "logits"]


def test_scores_alone_can_be_explained_as_probabilities_only(settings):
    for entry in write_catalogue(Description("forest"), settings.limits, {})["methods"]:
        assert entry["parameters"]["output"]["enum"] == ["probability"]


@pytest.mark.parametrize("name", FILES)
def test_what_fits_is_what_the_schema_with_the_servers_limits_says(name, description, settings):
    values = [None, True, -1, 0, 1, 2.0, 0.5, 1000, 1001, 10_000, 10_001, 1e31, "auto", "zeros", [], [0, 1], ["x"]]
    for key, parameter in list_parameters(catalogue()[name], description).items():
        schema = parameter.apply_limits(settings.limits)
        for value in values:
            assert parameter.fits(value, settings.limits) == fits_schema(value, schema), (key, value)
