"""The first exchange: the scores of inputs and baselines, and with them what the method is known to ask next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from captum_explainer.catalogue.path_integral import find_quadrature
from captum_explainer.inputs.targets import find_given_targets, one_hot
from captum_explainer.predictor_client.description import Access
from captum_explainer.predictor_client.exchange import Derivative, Exchange, Predicted, Rows, StraightPath
from captum_explainer.skeleton.answer_book import Known
from captum_explainer.skeleton.forward_pass import ForwardPass

if TYPE_CHECKING:
    from captum_explainer.kinds.tensor.plan import TensorPlan


def ask_first(plan: TensorPlan, scored: Rows) -> Rows:
    """The scores [rows, outputs] of these rows; what came with them goes into the plan's answer book.

    Raises:
        ServingError: The predictor fails.
    """
    integrates = plan.method.passes.integrates and plan.description.integrates
    scores = _ask_with_integral(plan, scored) if integrates else _ask_with_pass(plan, scored)
    if scores is not None:
        return scores
    output = plan.description.output_name
    return plan.book.answer(Exchange({plan.description.input_name: scored}, (output,))).values[output]


def _ask_with_integral(plan: TensorPlan, scored: Rows) -> Rows | None:
    """The scores, with the integral along the path to each input; None if one call cannot bring both."""
    description, count = plan.description, len(plan.inputs)
    rule = find_quadrature(plan.parameters)
    if rule is None or plan.parameters.get("smooth") is not None:
        return None
    derivative = _find_derivative(plan, (description.input_name,), description.output_name, count, 0)
    if derivative is None:
        return None
    path = StraightPath(torch.cat([one[:1] for one in plan.baselines]).numpy(), *rule)
    derivative = replace(derivative, path=path)
    exchange = Exchange({description.input_name: scored}, (description.output_name,), derivative)
    return _ask_and_keep(plan, exchange, len(scored), plan.inputs.numpy(), None)


def _ask_with_pass(plan: TensorPlan, scored: Rows) -> Rows | None:
    """The scores, with all values in the method's first pass; None if it is not known, or one call cannot carry it."""
    points = _find_points(plan, scored)
    forward = ForwardPass.find(plan.pieces) if points is not None else None
    if points is None or forward is None:
        return None
    description = plan.description
    # Points that are not the scored rows come behind them. With a gradient they are computed by themselves: a pass
    # with other rows in it could have other bits.
    rows, first = (scored, 0) if points is scored else (np.concatenate([scored, points]), len(scored))
    derivative = _find_derivative(plan, forward.last.sources, forward.last.name, len(rows), first)
    sinks = tuple(dict.fromkeys([*forward.sinks, description.output_name]))
    if derivative is None and (len(sinks) == 1 or first > 0):
        return None
    exchange = Exchange({description.input_name: rows}, sinks, derivative)
    return _ask_and_keep(plan, exchange, len(scored), points, forward)


def _ask_and_keep(
    plan: TensorPlan, exchange: Exchange, scored: int, points: Rows, forward: ForwardPass | None
) -> Rows | None:
    """The scores of the first `scored` rows; None if one call cannot carry the exchange.

    The book keeps the gradients at the points, and with `forward`, which the last rows go through, its values.
    """
    if not plan.book.carries(exchange):
        return None
    answer, description, derivative = plan.book.answer(exchange), plan.description, exchange.derivative
    scores, known = answer.values[description.output_name][:scored], {description.input_name: points}
    if forward is not None:
        values = {name: value[exchange.rows - len(points) :] for name, value in answer.values.items()}
        known = forward.complete({**values, **known})
    cotangents = _list_cotangents(derivative, scores, len(points))
    plan.book.keep(Known(known, cotangents, answer.gradients, derivative.path if derivative else None))
    return scores


def _list_cotangents(derivative: Derivative | None, scores: Rows, rows: int) -> Mapping[str, Rows]:
    """The given cotangents, or those that the predictor chose: row `i` is for the class of instance `i modulo rows`."""
    if derivative is None or derivative.predicted is None:
        return {} if derivative is None else derivative.cotangents
    targets = scores[: derivative.predicted.rows].argmax(axis=1)
    return {derivative.predicted.sink: one_hot(targets[np.arange(rows) % len(targets)], scores.shape[1])}


def _find_points(plan: TensorPlan, scored: Rows) -> Rows | None:
    """The rows of the first pass, if they are known: those that the method declares, or else the scored ones."""
    method = plan.method
    drawn = method.passes.random or plan.parameters.get("smooth") is not None
    if method.access == Access.SCORES or drawn or method.passes.replaces_layer:
        return None
    if method.passes.points is not None:
        if not _explains_predicted(plan):
            return None
        points = method.passes.points(plan.inputs, torch.cat([one[:1] for one in plan.baselines]), plan.parameters)
        return None if points is None else points.numpy()
    in_one_call = not method.passes.one_by_one or len(plan.inputs) == 1
    # DeepLIFT passes the input and its baseline together.
    as_scored = method.takes.baselines == "none" or (method.cuts.nonlinearities and method.takes.baselines == "one")
    return scored if in_one_call and as_scored else None


def _explains_predicted(plan: TensorPlan) -> bool:
    given = any(plan.parameters.get(name) is not None for name in ("target", "top_k"))
    return not given and plan.description.predicts and plan.description.output_width is not None


def _find_derivative(plan: TensorPlan, sources: tuple[str, ...], sink: str, rows: int, first: int) -> Derivative | None:
    """The last piece's gradient, if its cotangent is known or is the predicted class's."""
    description = plan.description
    targets = find_given_targets(
        plan.parameters.get("target"), plan.parameters.get("top_k"), len(plan.inputs), description
    )
    expected = plan.expect_cotangents(targets or [0]).get(sink)
    if expected is None:
        return None
    if targets is None and plan.method.takes.target:
        if not _explains_predicted(plan):
            return None
        return Derivative(sources, predicted=Predicted(sink, len(plan.inputs), first))
    cotangent = expected(rows)
    return None if cotangent is None else Derivative(sources, {sink: cotangent})
