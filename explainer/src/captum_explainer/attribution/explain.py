"""From plans to explanations: first exchange, targets, Captum, details."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from captum_explainer.attribution.answer_details import Details, describe_sum
from captum_explainer.attribution.explanations import Explanations
from captum_explainer.attribution.plan import Plan, Scores
from captum_explainer.catalogue.method import Attribution
from captum_explainer.inputs.targets import Target

# One explanation and its details.
Explained = tuple[Any, Details]


def explain(plans: Sequence[Plan]) -> Explanations:
    """Explain a request's plans, which share their parameters.

    Raises:
        ServingError: The request is wrong, or the predictor fails.
        ModelChanged: The predictor's model is another one than the plans were made for.
    """
    explained: list[list[Explained]] = []
    used: list[Any] = []
    outputs: list[np.ndarray] = []
    for plan in plans:
        scores = plan.score()
        targets = plan.choose_targets(scores)
        explained += _explain_plan(plan, scores, targets)
        used += [ranked[0].value for ranked in targets]
        outputs.append(plan.list_outputs(scores))
    parameters = plans[0].parameters
    values: list[Any] = [[value for value, _ in ranked] for ranked in explained]
    details: list[Any] = [[details for _, details in ranked] for ranked in explained]
    if parameters.get("top_k") is None:
        values, details = [row[0] for row in values], [row[0] for row in details]
        if "target" in parameters:
            parameters = parameters | {"target": used}
    baselines = [one for plan in plans for one in plan.list_baselines()]
    return Explanations(values, details, parameters, np.concatenate(outputs), baselines)


def _explain_plan(plan: Plan, scores: Scores, targets: list[list[Target]]) -> list[list[Explained]]:
    """For each instance, the explanations of its targets."""
    columns = [_attribute_column(plan, [ranked[k] for ranked in targets]) for k in range(len(targets[0]))]
    at_inputs = plan.take_output(scores.at_inputs)
    at_baselines = scores.at_baselines and [plan.take_output(one) for one in scores.at_baselines]
    explained = []
    for i, ranked in enumerate(targets):
        row = []
        for k, target in enumerate(ranked):
            attributions = columns[k][i]
            sides = [
                _describe(
                    plan,
                    attribution,
                    i,
                    output,
                    float(at_inputs[i, output]),
                    None if at_baselines is None else float(at_baselines[i][:, output].mean()),
                )
                for attribution, output in zip(attributions, target.outputs, strict=True)
            ]
            about = {"method": plan.parameters["method"], **plan.describe(i), **target.details}
            row.append((plan.compose(attributions, sides), cast(Details, about | _merge(sides))))
        explained.append(row)
    return explained


def _attribute_column(plan: Plan, column: Sequence[Target]) -> list[list[Attribution]]:
    """For each instance, the attributions of its target's outputs."""
    sides = zip(*(target.outputs for target in column), strict=True)
    return [list(row) for row in zip(*(plan.attribute(outputs) for outputs in sides), strict=True)]


def _describe(
    plan: Plan, attribution: Attribution, instance: int, output: int, score: float, baseline_score: float | None
) -> Details:
    metrics = plan.measure(attribution, instance, output)
    if not plan.method.takes.target:
        return cast(Details, metrics)
    # With a noise tunnel the attributions sum to something else.
    adds_up = plan.method.complete and not plan.parameters.get("smooth")
    sums = describe_sum(attribution, score, baseline_score, plan.parameters["tolerance"] if adds_up else None)
    return cast(Details, {**sums, **(attribution.details or {}), **metrics})


def _merge(sides: Sequence[Details]) -> dict[str, Any]:
    """The details of one output; of two, each key has both."""
    if len(sides) == 1:
        return dict(sides[0])
    return {key: [cast(dict[str, Any], side)[key] for side in sides] for key in sides[0]}
