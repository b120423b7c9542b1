"""DeepLIFT SHAP."""

from __future__ import annotations

from captum.attr import DeepLiftShap

from captum_explainer.catalogue.method import Attribution, Method, Problem, detached
from captum_explainer.predictor_client.description import Access


def attribute(problem: Problem) -> Attribution:
    """DeepLIFT's contributions, averaged over the baselines, [1, *input shape]."""
    values = DeepLiftShap(problem.model).attribute(problem.inputs, baselines=problem.baselines, target=problem.target)
    return detached(values)


METHOD = Method(
    attribute,
    summary="DeepLIFT averaged over a distribution of baselines: approximate SHAP values of logits.",
    paper="Lundberg and Lee, A Unified Approach to Interpreting Model Predictions, https://arxiv.org/abs/1705.07874",
    when="SHAP values of a network at a price between DeepLIFT and KernelSHAP; send typical instances as baselines.",
    cost="instances * remote",
    access=Access.STRUCTURE,
    baselines="distribution",
    nonlinearities=True,
    one_by_one=True,
    complete=True,
)
