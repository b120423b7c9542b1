"""DeepLIFT with the rescale rule."""

from __future__ import annotations

from captum.attr import DeepLift

from captum_explainer.catalogue.method import About, Attribution, Method, Passes, Problem, Takes
from captum_explainer.parameters.noise_tunnel import SMOOTH
from captum_explainer.predictor_client.description import Access
from captum_explainer.skeleton.cuts import Cuts


def attribute(problem: Problem) -> Attribution:
    """Contributions of the difference from the baseline, [1, *input shape]; they sum to the scores' difference."""
    return problem.run(DeepLift(problem.model), baselines=problem.baselines, target=problem.target)


METHOD = Method(
    attribute,
    about=About(
        summary="Differences of activations from a baseline's, passed backward by the rescale rule; "
        "they sum to the difference of logits, not of probabilities.",
        when="Contributions that add up, for the price of one gradient; the first choice where a baseline makes sense.",
        cost="instances * remote if instances > 1 else remote - 1",
        paper="Shrikumar et al., Learning Important Features, https://arxiv.org/abs/1704.02685",
    ),
    access=Access.STRUCTURE,
    takes=Takes(parameters=SMOOTH, baselines="one"),
    cuts=Cuts(nonlinearities=True),
    passes=Passes(one_by_one=True),
    complete=True,
)
