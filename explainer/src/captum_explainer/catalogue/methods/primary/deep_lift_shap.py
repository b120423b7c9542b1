"""DeepLIFT SHAP."""

from __future__ import annotations

from captum.attr import DeepLiftShap

from captum_explainer.catalogue.method import About, Attribution, Method, Passes, Problem, Takes, detach
from captum_explainer.predictor_client.description import Access
from captum_explainer.skeleton.cuts import Cuts


def attribute(problem: Problem) -> Attribution:
    """DeepLIFT's contributions, averaged over the baselines, [1, *input shape]."""
    values = DeepLiftShap(problem.model).attribute(problem.inputs, baselines=problem.baselines, target=problem.target)
    return detach(values)


METHOD = Method(
    attribute,
    about=About(
        summary="DeepLIFT averaged over a distribution of baselines: approximate SHAP values of logits.",
        when="SHAP values of a network at a price between DeepLIFT and KernelSHAP; send typical instances "
        "as baselines.",
        cost="instances * remote",
        paper="Lundberg and Lee, A Unified Approach to Interpreting Model Predictions, https://arxiv.org/abs/1705.07874",
    ),
    access=Access.STRUCTURE,
    takes=Takes(baselines="distribution"),
    cuts=Cuts(nonlinearities=True),
    passes=Passes(one_by_one=True),
    complete=True,
)
