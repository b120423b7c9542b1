import dataclasses
import weakref

import pytest
import torch
from captum.attr import LRP, DeepLift
from captum.attr._utils.lrp_rules import EpsilonRule
from captum_explainer.predictor_client.description import Access, Stage
from captum_explainer.skeleton.build import Separate, Skeleton, Step, build_skeleton
from captum_explainer.skeleton.cuts import Cuts
from captum_explainer.skeleton.remote_segment import RemoteSegment
from captum_serving.errors import BadGateway, BadInput
from torch import nn

NONLINEAR = Cuts(nonlinearities=True)


@pytest.fixture
def build(description, plain_predictor):
    def run(cuts=Cuts(), output="logit", **changes):  # noqa: B008 - it is frozen
        return build_skeleton(dataclasses.replace(description, **changes), plain_predictor, cuts, output)

    return run


def kinds(skeleton):
    return {
        name: (*module.sources, *module.sinks) if isinstance(module, RemoteSegment) else type(module)
        for name, module in skeleton.named_children()
    }


def renamed(description, **names):
    return tuple(stage.model_copy(update={"name": names.get(stage.name, stage.name)}) for stage in description.stages)


def test_without_cuts_the_whole_model_is_one_segment(build):
    assert kinds(build()) == {"logits": ("image", "logits")}


def test_a_layer_ends_a_segment_that_is_named_after_it(build):
    assert kinds(build(Cuts("pool"))) == {"pool": ("image", "pool"), "logits": ("pool", "logits")}


def test_a_layer_at_the_end_needs_no_second_segment(build):
    assert kinds(build(Cuts("logits"))) == {"logits": ("image", "logits")}


def test_to_a_layer_what_comes_after_it_is_left_out(build):
    assert kinds(build(Cuts("relu", to_layer=True))) == {"relu": ("image", "relu")}
    assert kinds(build(Cuts("relu", to_layer=True), "probability")) == {"relu": ("image", "relu")}


def test_scores_alone_are_probabilities_already(build):
    assert kinds(build(output="probability"))["probability"] is nn.Softmax
    unknown = {"access": Access.SCORES, "stages": (), "output_name": "output", "input_name": "input"}
    assert kinds(build(output="probability", **unknown)) == {"output": ("input", "output")}


def test_nonlinearities_are_local_and_separate_where_they_touch(build):
    assert kinds(build(NONLINEAR)) == {
        "conv": ("image", "conv"),
        "relu": nn.ReLU,
        "before_pool": Separate,
        "pool": nn.MaxPool2d,
        "logits": ("pool", "logits"),
    }


def test_nonlinearities_have_the_stages_options(build, stages):
    pool = build(NONLINEAR).pool
    for option in ("kernel_size", "stride", "padding", "dilation", "ceil_mode"):
        assert getattr(pool, option) == getattr(stages["pool"], option)


def test_a_layer_between_nonlinearities_is_cut_too(build):
    assert list(kinds(build(Cuts("flat", nonlinearities=True))))[-2:] == ["flat", "logits"]
    assert list(kinds(build(Cuts("relu", nonlinearities=True)))) == list(kinds(build(NONLINEAR)))


def test_what_stands_between_nonlinearities_separates_them(build, description):
    conv, relu, pool, *rest = description.stages
    between = Stage(name="drop", kind="dropout", shape=(2, 6, 6))
    skeleton = build(NONLINEAR, stages=(conv, relu, between, pool, *rest))
    assert kinds(skeleton)["drop"] == ("relu", "drop")
    assert "before_pool" not in kinds(skeleton)


def test_a_model_that_begins_with_a_nonlinearity(build, description):
    assert list(kinds(build(NONLINEAR, stages=description.stages[1:]))) == ["relu", "before_pool", "pool", "logits"]


def test_probability_is_a_softmax_at_the_end_and_of_one_output_a_sigmoid(build):
    assert kinds(build(output="probability"))["probability"] is nn.Softmax
    assert kinds(build(output="probability", output_width=1))["probability"] is nn.Sigmoid


@pytest.mark.parametrize("name", ["probability", "before_pool"])
def test_a_stage_may_have_the_name_of_a_module_of_ours(
    name, build, description, plain_predictor, stages, network, images
):
    plain_predictor.stages = {name if stage == "logits" else stage: module for stage, module in stages.items()}
    skeleton = build(NONLINEAR, "probability", stages=renamed(description, logits=name))
    torch.testing.assert_close(skeleton(images), torch.softmax(network(images), dim=1), rtol=0, atol=0)
    assert skeleton.get_submodule(name).sinks == (name,)


@pytest.mark.parametrize("cuts", [Cuts(), Cuts("relu"), Cuts("flat"), NONLINEAR, Cuts("conv", nonlinearities=True)])
def test_however_it_is_cut_values_and_gradients_are_the_networks(cuts, build, network, images):
    given, expected = (images.clone().requires_grad_() for _ in range(2))
    output, reference = build(cuts)(given), network(expected)
    assert torch.equal(output, reference)
    (output[0, 2] + output[1, 0]).backward()
    (reference[0, 2] + reference[1, 0]).backward()
    assert torch.equal(given.grad, expected.grad)


def test_deep_lift_is_complete_though_nonlinearities_touch(build, network, images):
    baseline = torch.full_like(images, 0.3)
    values, delta = DeepLift(build(NONLINEAR)).attribute(images, baseline, target=1, return_convergence_delta=True)
    difference = (network(images) - network(baseline))[:, 1]
    torch.testing.assert_close(values.sum((1, 2, 3)), difference, rtol=1e-4, atol=1e-5)
    assert delta.abs().max() < 1e-4


@pytest.mark.parametrize("kind", ["module", "gelu"])
def test_a_stage_that_hides_what_is_in_it_is_refused_where_rules_change(kind, build, description):
    stages = tuple(s.model_copy(update={"kind": kind}) if s.name == "relu" else s for s in description.stages)
    with pytest.raises(BadInput, match="the stage 'relu' is opaque; expected a model whose nonlinearities are stages"):
        build(NONLINEAR, stages=stages)
    assert list(kinds(build(Cuts("relu"), stages=stages))) == ["relu", "logits"]


def test_for_relevance_every_stage_is_a_module_and_what_is_linear_has_a_rule(build):
    skeleton = build(Cuts(relevance=True))
    assert kinds(skeleton) == {
        "conv": ("image", "conv"),
        "relu": nn.ReLU,
        "pool": nn.MaxPool2d,
        "flat": ("pool", "flat"),
        "logits": ("flat", "logits"),
    }
    rules = {
        name for name, module in skeleton.named_children() if isinstance(getattr(module, "rule", None), EpsilonRule)
    }
    assert rules == {"conv", "flat", "logits"}


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        (
            "sigmoid",
            "the stage 'relu' is of the kind sigmoid, for which Captum has no rule of relevance; expected linear",
        ),
        ("module", "the stage 'relu' is opaque"),
    ],
)
def test_a_stage_without_a_rule_is_named_where_relevance_passes(kind, sentence, build, description):
    stages = tuple(s.model_copy(update={"kind": kind}) if s.name == "relu" else s for s in description.stages)
    with pytest.raises(BadInput, match=sentence):
        build(Cuts(relevance=True), stages=stages)


def test_without_biases_relevance_is_kept(build, stages, network, images):
    for name in ("conv", "logits"):
        stages[name].bias.zero_()
    values = LRP(build(Cuts(relevance=True))).attribute(images, target=1)
    torch.testing.assert_close(values.sum((1, 2, 3)), network(images)[:, 1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("before", ["dropout", "identity", "normalize"])
def test_what_gives_the_gradient_on_leaves_its_order_in_memory_to_the_flatten_behind_it(before, build, description):
    *_, flat, logits = description.stages
    first = Stage(name="first", kind=before, shape=(2, 3, 3))
    assert build(stages=(first, flat, logits)).logits.gradient_format == torch.contiguous_format
    assert (
        build(stages=(Stage(name="conv", kind="conv2d", shape=(2, 3, 3)), flat)).flat.gradient_format
        == torch.channels_last
    )


@pytest.mark.parametrize("options", [{"slope": 1}, {"kernel_size": 2, "strides": 2}])
def test_options_that_a_kind_does_not_have_are_the_predictors_mistake(options, build, description):
    stages = tuple(s.model_copy(update={"options": options}) if s.name == "pool" else s for s in description.stages)
    with pytest.raises(BadGateway, match="stage 'pool' has options that no max_pool2d has"):
        build(NONLINEAR, stages=stages)


def test_a_model_without_stages_is_one_opaque_segment(build):
    assert kinds(build(stages=())) == {"logits": ("image", "logits")}
    with pytest.raises(BadInput, match="the stage 'logits' is opaque"):
        build(NONLINEAR, stages=())


def test_a_value_is_let_go_after_its_last_use():
    seen, alive = [], []

    class Watch(nn.Module):
        def forward(self, *rows):
            alive.append([one() is not None for one in seen])
            return sum(rows) + 1

    def watched(skeleton, inputs, output):
        seen.append(weakref.ref(output))

    steps = [
        Step("first", ("image",), ("first",), Watch()),
        Step("second", ("first",), ("second",), Watch()),
        Step("third", ("first", "second"), ("third",), Watch()),
        Step("last", ("third",), ("last",), Watch()),
    ]
    for step in steps:
        step.module.register_forward_hook(watched)
    with torch.no_grad():
        assert Skeleton("image", steps)(torch.zeros(1)) == 5
    assert alive == [[], [True], [True, True], [False, False, True]]


def test_separate_gives_the_same_values_in_another_tensor():
    for rows in (torch.rand(1, 2, 3, 3), torch.rand(2, 2, 3, 3).to(memory_format=torch.channels_last)):
        other = Separate()(rows)
        assert other is not rows
        assert torch.equal(other, rows)
        assert other.stride() == rows.stride()
