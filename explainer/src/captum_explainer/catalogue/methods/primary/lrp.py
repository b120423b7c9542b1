"""Layer-wise relevance propagation."""

from __future__ import annotations

from captum.attr import LRP

from captum_explainer.catalogue.method import About, Attribution, Method, Passes, Problem, Takes
from captum_explainer.parameters.noise_tunnel import SMOOTH
from captum_explainer.predictor_client.description import Access
from captum_explainer.skeleton.cuts import Cuts


def attribute(problem: Problem) -> Attribution:
    """The relevance of each input value, [rows, *input shape]; it sums to the score but for what biases take."""
    return problem.run(LRP(problem.model), target=problem.target)


METHOD = Method(
    attribute,
    about=About(
        summary="The score, divided over each stage's inputs by their share in its output, from the last stage back.",
        when="Contributions without a baseline, by the epsilon rule (1e-9) at each linear stage and max-pool; "
        "of networks of ReLUs, tanh and max-pools. Biases keep their share.",
        cost="linear",
        paper="Bach et al., On Pixel-Wise Explanations, https://doi.org/10.1371/journal.pone.0130140",
    ),
    access=Access.STRUCTURE,
    takes=Takes(parameters=SMOOTH),
    cuts=Cuts(relevance=True),
    passes=Passes(repeats=True),
)
