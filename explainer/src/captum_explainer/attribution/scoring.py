"""The scores of inputs and baselines, and where it is known what will be asked next, that with the same call."""

from __future__ import annotations

import torch
from captum_serving.errors import BadInput
from torch import Tensor

from captum_explainer.attribution.answer_details import Scored
from captum_explainer.attribution.plan import Task
from captum_explainer.attribution.prefetch import with_first_pass
from captum_explainer.skeleton.build import build_skeleton
from captum_explainer.skeleton.cuts import Cuts


def score(task: Task) -> tuple[Scored, Task]:
    """The model's output at inputs and baselines, in one call; baselines that instances share are in it once.

    The task that is given back knows the method's first pass already where it was foreseen.
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
    found = with_first_pass(task, rows)
    if found is not None:
        scores, task = found
        return torch.from_numpy(scores), task
    skeleton = build_skeleton(task.description, task.segments, Cuts(), "logit", {})
    with torch.no_grad():
        return skeleton(rows), task
