"""The method's first pass, asked for with the scores: its rows and what comes of them are often known before."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from captum_explainer.attribution.auto_steps import first_steps, is_auto
from captum_explainer.attribution.foresight import foreseen_cotangents
from captum_explainer.attribution.plan import Task
from captum_explainer.catalogue.path_integral import KnownIntegral, quadrature
from captum_explainer.inputs.targets import given_targets, one_hot
from captum_explainer.predictor_client.description import Access
from captum_explainer.predictor_client.session import Derivative, Rows, StraightPath
from captum_explainer.skeleton.cuts import Piece, cut
from captum_explainer.skeleton.forward_pass import ForwardPass


def with_first_pass(task: Task, scored: Tensor) -> tuple[Rows, Task] | None:
    """The scores [rows, outputs] of rows that are scored, and the task that knows what came of the method's first pass.

    None where the pass cannot be foreseen, or where one call cannot carry it.
    """
    integral = task.chosen.method.integrates and task.description.integrates
    return _with_integral(task, scored) if integral else _with_pass(task, scored)


def _with_pass(task: Task, scored: Tensor) -> tuple[Rows, Task] | None:
    points = _points(task, scored)
    if points is None or task.far_sighted is None:
        return None
    description = task.description
    forward = ForwardPass.through(cut(description, task.cuts))
    if forward is None:
        return None
    # Points that are not the scored rows come behind them. With a gradient they are computed by themselves; a pass of
    # other rows too could have other bits.
    rows, first = (scored, 0) if points is scored else (torch.cat([scored, points]), len(scored))
    last = _derivative(task, forward.last, len(rows), first)
    stages = list(dict.fromkeys([*forward.stages, description.output_name]))
    if last is None and (len(stages) == 1 or first > 0):
        return None
    answer = task.far_sighted.ask_values(description.input_name, stages, rows.numpy(), last)
    if answer is None:
        return None
    scores = answer.by_stage[description.output_name][: len(scored)]
    cotangent = None if last is None else last.cotangent
    if last is not None and cotangent is None:
        cotangent = _of_predicted(task, scores, len(points))
    values = {name: value[first:] for name, value in answer.by_stage.items()}
    return scores.copy(), replace(task, known=forward.known(points.numpy(), values, cotangent, answer.gradient))


def _with_integral(task: Task, scored: Tensor) -> tuple[Rows, Task] | None:
    chosen, description = task.chosen, task.description
    first = first_steps(task) if is_auto(task) else task
    rule = quadrature(first.chosen.values)
    if task.far_sighted is None or rule is None or chosen.get("smooth") is not None:
        return None
    count, whole = len(task.inputs), Piece(description.input_name, description.stages, remote=True)
    last = _derivative(task, whole, count, 0)
    if last is None:
        return None
    path = StraightPath(torch.cat([one[:1] for one in task.baselines]).numpy(), *rule)
    stages = [description.output_name]
    answer = task.far_sighted.ask_values(description.input_name, stages, scored.numpy(), last._replace(path=path))
    if answer is None or answer.gradient is None:
        return None
    scores = answer.by_stage[description.output_name]
    targets = (scores[:count] if last.cotangent is None else last.cotangent).argmax(axis=1)
    integral = KnownIntegral(path, task.inputs.numpy(), targets, answer.gradient)
    return scores.copy(), replace(task, integral=integral)


def _of_predicted(task: Task, scores: Rows, rows: int) -> Rows:
    """The cotangent of rows that follow one another as the instances do, each for the class of its instance."""
    targets = scores[: len(task.inputs)].argmax(axis=1)
    return one_hot(targets[np.arange(rows) % len(targets)], scores.shape[1])


def _points(task: Task, scored: Tensor) -> Tensor | None:
    """The rows of the first pass, where they are known: those that the method declares, or else those scored."""
    chosen, method, description = task.chosen, task.chosen.method, task.description
    if method.access == Access.SCORES or method.random or method.replaces_layer or chosen.get("smooth") is not None:
        return None
    if method.points is not None:
        task = first_steps(task) if is_auto(task) else task
        if not _explains_predicted(task) or (task.cuts.layer is not None and not description.gives_values):
            return None
        return method.points(task.inputs, torch.cat([one[:1] for one in task.baselines]), task.chosen.values)
    in_one_call = not method.one_by_one or len(task.inputs) == 1
    # DeepLIFT passes the input and its baseline together.
    as_scored = method.baselines == "none" or (method.nonlinearities and method.baselines == "one")
    return scored if description.gives_values and in_one_call and as_scored else None


def _explains_predicted(task: Task) -> bool:
    chosen, description = task.chosen, task.description
    of_predicted = all(chosen.get(name) is None for name in ("target", "top_k"))
    return description.predicts and of_predicted and description.output_width is not None


def _derivative(task: Task, last: Piece, rows: int, first: int) -> Derivative | None:
    """Of the pass's last piece, where its cotangent is known, or is the predicted class's."""
    description = task.description
    targets = given_targets(task.chosen.get("target"), task.chosen.get("top_k"), len(task.inputs), description)
    foreseen = foreseen_cotangents(task, targets or [0])
    foresee = foreseen.get(last.sink)
    if foresee is None:
        return None
    if targets is None and task.chosen.method.takes_target:
        if not _explains_predicted(task):
            return None
        return Derivative(last.source, last.sink, predicted=len(task.inputs), first=first)
    cotangent = foresee(rows)
    return None if cotangent is None else Derivative(last.source, last.sink, cotangent.numpy())
