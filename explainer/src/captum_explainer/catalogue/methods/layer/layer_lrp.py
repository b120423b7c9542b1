"""Layer-wise relevance propagation, down to a layer."""

from captum.attr import LayerLRP
from captum.attr._core.lrp import SUPPORTED_NON_LINEAR_LAYERS
from captum_serving.errors import BadInput

from captum_explainer.catalogue.method import About, Attribution, Method, Passes, Problem


def attribute(problem: Problem) -> Attribution:
    """The relevance of each unit of the layer, [rows, *the layer's shape].

    Raises:
        BadInput: Captum has no rule at the layer, and so no relevance there.
    """
    if type(problem.layer) in SUPPORTED_NON_LINEAR_LAYERS:
        layer, kind = problem.parameters["layer"], type(problem.layer).__name__
        raise BadInput(f"layer_lrp: Captum keeps no relevance at {layer!r}, a {kind}; expected the stage before it")
    return problem.run(LayerLRP(problem.model, problem.layer), target=problem.target)


METHOD = Method(
    LayerLRP,
    attribute_by=attribute,
    about=About(
        summary="The relevance of each unit of a layer, from the same propagation as LRP's.",
        when="How the score is divided, stage by stage. It works at linear stages and max-pools, not at the ReLUs that "
        "pass it on.",
        cost="linear",
        paper="Bach et al., On Pixel-Wise Explanations, https://doi.org/10.1371/journal.pone.0130140",
    ),
    needs="structure",
    family="layer",
    backward="relevance",
    passes=Passes(repeats=True),
)
