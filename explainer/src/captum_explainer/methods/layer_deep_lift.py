"""DeepLIFT of a layer."""

from __future__ import annotations

from captum.attr import LayerDeepLift

from captum_explainer.method import Attribution, Method, Problem, detached
from captum_explainer.predictor.description import Access


def attribute(problem: Problem) -> Attribution:
    """Contributions of the layer's differences from the baseline's, [1, *the layer's shape]."""
    values = LayerDeepLift(problem.model, problem.only_layer).attribute(
        problem.inputs, baselines=problem.baselines, target=problem.target
    )
    return detached(values)


METHOD = Method(
    attribute,
    summary="DeepLIFT's contributions of a layer's output instead of the input's; "
    "they sum to the difference of logits, not of probabilities.",
    paper="Shrikumar et al., Learning Important Features, https://arxiv.org/abs/1704.02685",
    access=Access.STRUCTURE,
    family="layer",
    baselines="one",
    nonlinearities=True,
    one_by_one=True,
    complete=True,
)
