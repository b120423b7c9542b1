"""The scores of inputs and baselines, and where it is known what will be asked next, that with the same call."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from captum_serving.errors import BadInput
from torch import Tensor

from captum_explainer.auto_steps import first_steps, is_auto
from captum_explainer.details import Scored
from captum_explainer.predictor.session import Rows, Session
from captum_explainer.skeleton.build import build_skeleton
from captum_explainer.skeleton.cuts import Cuts
from captum_explainer.skeleton.prefetched import Prefetched
from captum_explainer.task import Task


def score(task: Task) -> tuple[Scored, Task]:
    """The model's output at inputs and baselines, in one call; baselines that instances share are in it once.

    The task that is given back knows the gradient already where it was foreseen.
    """
    baselines = task.baselines if task.chosen.method.baselines != "none" else []
    distinct = {id(one): one for one in baselines}
    rows = [task.inputs, *distinct.values()]
    output, task = _scores(task, torch.cat(rows))
    if output.ndim != 2:
        raise BadInput(f"the model's output has the shape {list(output.shape[1:])}; expected one score a class")
    at_inputs, *parts = torch.split(output, [len(part) for part in rows])
    at_distinct = dict(zip(distinct, parts, strict=True))
    return Scored(at_inputs, [at_distinct[id(one)] for one in baselines] or None), task


def _scores(task: Task, rows: Tensor) -> tuple[Tensor, Task]:
    points = _points(task)
    if points is not None and isinstance(task.segments, Session):
        found = _with_gradient(task, task.segments, rows.numpy(), points.numpy())
        if found is not None:
            return found
    skeleton = build_skeleton(task.description, task.segments, Cuts(), "logit", {})
    with torch.no_grad():
        return skeleton(rows), task


def _points(task: Task) -> Tensor | None:
    """The rows of the method's one pass, where they are known and their gradient is the predicted class's."""
    if is_auto(task):
        task = first_steps(task)
    chosen, description = task.chosen, task.description
    of_predicted = all(chosen.get(name) is None for name in ("target", "top_k", "smooth"))
    if chosen.method.points is None or not (description.predicts and of_predicted and chosen["output"] == "logit"):
        return None
    try:
        return chosen.method.points(task.inputs, torch.cat([one[:1] for one in task.baselines]), chosen.values)
    except AssertionError:  # what Captum refuses, its own call will refuse with a sentence
        return None


def _with_gradient(task: Task, session: Session, scored: Rows, points: Rows) -> tuple[Tensor, Task] | None:
    ends = task.description.input_name, task.description.output_name
    answer = session.ask_predicted(*ends, scored, points, predicted=len(task.inputs))
    if answer is None:
        return None
    values, rest = np.split(answer.value, [len(scored)])
    targets = np.resize(values[: len(task.inputs)].argmax(axis=1), len(points))
    cotangent = np.eye(values.shape[1], dtype=np.float32)[targets]
    known = Prefetched(session, *ends, points, cotangent, answer._replace(value=rest))
    return torch.from_numpy(values.copy()), replace(task, segments=known)
