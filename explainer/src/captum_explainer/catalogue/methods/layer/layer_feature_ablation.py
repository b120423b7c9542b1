"""Feature ablation of a layer."""

from captum.attr import LayerFeatureAblation

from captum_explainer.catalogue.method import About, Attribution, Method, Passes, Problem, Takes
from captum_explainer.parameters.layer_mask import LAYER_MASK
from captum_explainer.parameters.parameter import finite
from captum_explainer.parameters.perturbations import PERTURBATIONS_PER_EVAL


def attribute(problem: Problem) -> Attribution:
    """How much the score falls when a group of the layer's units is replaced, [1, *the layer's shape]."""
    return problem.run(
        LayerFeatureAblation(problem.model, problem.layer),
        # Captum does not repeat a list of targets with the perturbations of a call, and fails; an index fits any rows.
        target=problem.target[0],
        layer_mask=problem.layer_mask,
        **problem.parameters_for_captum("layer_baselines", "perturbations_per_eval"),
    )


METHOD = Method(
    LayerFeatureAblation,
    attribute_by=attribute,
    about=About(
        summary="How much the score falls when one channel or unit of a layer at a time is replaced by a number.",
        when="Measures which channels the score needs, so it holds for any network after the layer.",
        cost="instances * (3 + ceil(units / perturbations_per_eval))",
        paper="Captum, https://captum.ai/api/layer.html#layer-feature-ablation",
    ),
    needs="structure",
    family="layer",
    takes=Takes(
        own={
            "layer_baselines": finite(0.0, "the value that replaces a unit, in the layer's units"),
            **LAYER_MASK,
            **PERTURBATIONS_PER_EVAL,
        },
        units=True,
    ),
    passes=Passes(replaces_layer=True, one_by_one=True, repeats=True),
)
