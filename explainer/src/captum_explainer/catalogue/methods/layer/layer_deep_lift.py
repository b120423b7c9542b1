"""DeepLIFT of a layer."""

from __future__ import annotations

from captum.attr import LayerDeepLift

from captum_explainer.catalogue.method import About, Attribution, Method, Passes, Problem, Takes
from captum_explainer.parameters.noise_tunnel import SMOOTH
from captum_explainer.predictor_client.description import Access
from captum_explainer.skeleton.cuts import Cuts


def attribute(problem: Problem) -> Attribution:
    """Contributions of the layer's differences from the baseline's, [1, *the layer's shape]."""
    return problem.run(
        LayerDeepLift(problem.model, problem.only_layer), baselines=problem.baselines, target=problem.target
    )


METHOD = Method(
    attribute,
    about=About(
        summary="DeepLIFT's contributions of a layer's output instead of the input's; "
        "they sum to the difference of logits, not of probabilities.",
        when="Which units of a layer the score's difference from the baseline's is due to; it adds up.",
        cost="instances * above if instances > 1 else above - 1",
        paper="Shrikumar et al., Learning Important Features, https://arxiv.org/abs/1704.02685",
    ),
    access=Access.STRUCTURE,
    family="layer",
    takes=Takes(parameters=SMOOTH, baselines="one"),
    cuts=Cuts(nonlinearities=True),
    passes=Passes(one_by_one=True),
    complete=True,
)
