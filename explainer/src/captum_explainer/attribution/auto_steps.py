"""`"n_steps": "auto"`: for each instance, the fewest steps whose convergence delta is within tolerance."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace

from captum_explainer.attribution.answer_details import Scored, convergence, scores_of
from captum_explainer.attribution.plan import Task
from captum_explainer.catalogue.method import Attribution
from captum_explainer.catalogue.resolve import held_shape
from captum_explainer.parameters.path import AUTO, numbers_of_steps
from captum_explainer.parameters.row_limits import limit_passes

Attribute = Callable[[Task, list[int]], list[Attribution]]


def is_auto(task: Task) -> bool:
    """Whether the request leaves the number of steps to the convergence delta."""
    return bool(task.chosen.get("n_steps") == AUTO)


def fewest_steps(task: Task, scored: Scored, targets: list[int], attribute: Attribute) -> list[Attribution]:
    """One attribution an instance, each with the number of its steps in its details.

    Every number is tried on the instances that are left together. One that no number brings within tolerance has the
    last one's attribution, and its details say that it has not converged.

    Args:
        task: The request, with "auto" steps.
        scored: The model's outputs at inputs and baselines.
        targets: The output to explain, one an instance.
        attribute: Explains a task's instances, each for its target, with a given number of steps.
    """
    found: dict[int, Attribution] = {}
    left = list(range(len(targets)))
    for n_steps in numbers_of_steps(task.settings.max_steps):
        tried = attribute(with_steps(task, n_steps, left), [targets[i] for i in left])
        for i, attribution in zip(left, tried, strict=True):
            found[i] = attribution._replace(details={**(attribution.details or {}), "n_steps": n_steps})
        left = [i for i in left if not _converged(task, scored, found[i], i, targets[i])]
        if not left:
            break
    return [found[i] for i in range(len(targets))]


def first_steps(task: Task) -> Task:
    """The task of the first number that is tried, on all instances."""
    return with_steps(task, numbers_of_steps(task.settings.max_steps)[0], list(range(len(task.inputs))))


def with_steps(task: Task, n_steps: int, instances: list[int]) -> Task:
    """The task of those instances alone, as if the request had asked for that number of steps."""
    chosen, inputs = task.chosen, task.inputs[instances]
    values = chosen.values | {"n_steps": n_steps}
    held = held_shape(chosen.method, chosen.get("layer"), task.description)
    shape = tuple(inputs.shape[1:])
    limit_passes(values, len(instances), shape, held, task.settings, chosen.method.rows_an_instance)
    baselines = [task.baselines[i] for i in instances]
    chosen = replace(chosen, values=values)
    return replace(task, chosen=chosen, inputs=inputs, baselines=baselines, memos=defaultdict(dict))


def _converged(task: Task, scored: Scored, attribution: Attribution, instance: int, target: int) -> bool:
    score, baseline_score = scores_of(task, scored, instance, target)
    assert baseline_score is not None
    return bool(convergence(attribution, score - baseline_score, task.chosen["tolerance"])["converged"])
