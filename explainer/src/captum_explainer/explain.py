"""From a request to its explanations: parameters, skeleton, method, details."""

from __future__ import annotations

import traceback
from typing import Any

import numpy as np
import torch
from captum.attr import LayerAttribution
from captum_serving.errors import BadInput
from torch import Tensor

from captum_explainer.baselines import resolve_baselines
from captum_explainer.details import Scored, details_of, explained
from captum_explainer.draws import own_draws
from captum_explainer.foresight import neuron_cotangent, target_cotangent
from captum_explainer.layout import find_layout
from captum_explainer.method import Attribution, Problem
from captum_explainer.parameters.resolve import resolve
from captum_explainer.predictor.description import Access, Description
from captum_explainer.request import Explanations, Request
from captum_explainer.segmentation import segment
from captum_explainer.settings import Settings
from captum_explainer.skeleton.build import Cuts, build_skeleton
from captum_explainer.skeleton.remembered import Remembered
from captum_explainer.skeleton.segment import Segments
from captum_explainer.targets import resolve_targets
from captum_explainer.task import Task


def explain(request: Request, description: Description, segments: Segments, settings: Settings) -> Explanations:
    """Explain a request's instances.

    Raises:
        ServingError: The request is wrong, or the predictor fails.
        ModelChanged: The predictor's model is another one than the description's.
    """
    inputs = request.instances
    chosen = resolve(request.parameters, description, settings, tuple(inputs.shape))
    kind = chosen.method.baselines
    baselines = resolve_baselines(
        chosen.get("baselines"), inputs, kind, description.input_range, chosen["seed"], settings.max_samples
    )
    if chosen.get("top_k") is not None and chosen.method.access == Access.SCORES:
        segments = Remembered(segments)
    task = Task(description, segments, settings, chosen, inputs, baselines)
    scored = _score(task)
    targets = resolve_targets(chosen.get("target"), chosen.get("top_k"), scored.output, description)
    columns = [_attribute(task, [ranked[k] for ranked in targets]) for k in range(len(targets[0]))]
    details = [
        [details_of(task, scored, column[i], i, ranked[k]) for k, column in enumerate(columns)]
        for i, ranked in enumerate(targets)
    ]
    values = [[_rendered(task, column[i]) for column in columns] for i in range(len(inputs))]
    outputs, arrays = explained(task, scored.output).numpy(), [one.numpy() for one in baselines]
    if chosen.get("top_k") is not None:
        return Explanations(values, details, chosen.values, outputs, arrays)
    parameters = chosen.values | ({"target": [ranked[0] for ranked in targets]} if "target" in chosen.values else {})
    return Explanations([row[0] for row in values], [row[0] for row in details], parameters, outputs, arrays)


def _score(task: Task) -> Scored:
    """The model's output at inputs and baselines, in one call; baselines that instances share are in it once."""
    baselines = task.baselines if task.chosen.method.baselines != "none" else []
    distinct = {id(one): one for one in baselines}
    rows = [task.inputs, *distinct.values()]
    skeleton = build_skeleton(task.description, task.segments, Cuts(), "logit", None)
    with torch.no_grad():
        output = skeleton(torch.cat(rows))
    if output.ndim != 2:
        raise BadInput(f"the model's output has the shape {list(output.shape[1:])}; expected one score a class")
    at_inputs, *parts = torch.split(output, [len(part) for part in rows])
    at_distinct = dict(zip(distinct, parts, strict=True))
    return Scored(at_inputs, [at_distinct[id(one)] for one in baselines] or None)


def _attribute(task: Task, targets: list[int]) -> list[Attribution]:
    """One attribution an instance, each for its target."""
    method = task.chosen.method
    if not (method.one_by_one or method.random):
        attribution = _call(task, task.inputs, torch.cat([b[:1] for b in task.baselines]), targets, {})
        return [Attribution(row[None]) for row in attribution.values]
    instances = zip(torch.split(task.inputs, 1), task.baselines, targets, strict=True)
    return [
        _call(task, instance, baselines, [target], task.memos[i])
        for i, (instance, baselines, target) in enumerate(instances)
    ]


def _call(task: Task, inputs: Tensor, baselines: Tensor, targets: list[int], memo: dict[str, Any]) -> Attribution:
    chosen, method = task.chosen, task.chosen.method
    neuron = method.family == "neuron"
    cuts = Cuts(chosen.get("layer"), method.nonlinearities, to_layer=neuron)
    foresee = (
        neuron_cotangent(chosen["neuron"], task.description.shape_of(chosen["layer"]))
        if neuron
        else target_cotangent(targets, task.description.output_width)
    )
    skeleton = build_skeleton(task.description, task.segments, cuts, chosen.get("output") or "logit", foresee)
    layer = skeleton.get_submodule(chosen["layer"]) if method.has_layer else None
    if method.takes_segments and "mask" not in memo:
        memo["mask"] = _segments(task, inputs[0])
    problem = Problem(skeleton, inputs, targets, baselines, layer, chosen.values, memo.get("mask"), memo)
    try:
        if not method.random:
            return method.attribute(problem)
        with own_draws(chosen["seed"]):
            return method.attribute(problem)
    except AssertionError as error:
        # Captum checks its arguments by `assert`: what the schemas let through and it refuses is the caller's mistake.
        if _is_captums(error):
            raise BadInput(f"{chosen.name}: {error}") from error
        raise


def _is_captums(error: AssertionError) -> bool:
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    return str(frame.f_globals["__name__"]).startswith("captum.")


def _segments(task: Task, instance: Tensor) -> Tensor:
    chosen, limit = task.chosen, task.settings.max_perturbations
    mask = segment(instance, chosen["segmentation"], chosen["n_segments"], task.description.input_range)
    count = int(mask.max()) + 1
    if chosen.method.random and count < 2:
        raise BadInput(f"segmentation {chosen['segmentation']!r} finds one segment; expected two or more: try 'grid'")
    if count > limit:
        raise BadInput(f"{count} segments; expected at most {limit} (the server's limit, --max_perturbations)")
    return mask


def _rendered(task: Task, attribution: Attribution) -> np.ndarray:
    values = attribution.values
    if task.chosen.get("upsample"):
        layout = find_layout(tuple(task.inputs.shape[1:]))
        if layout is None or values.ndim != 4:
            shape = list(values.shape[1:])
            raise BadInput(f"upsample: the attributions have the shape {shape}; expected channels, height and width")
        values = LayerAttribution.interpolate(values, (layout.height, layout.width), task.chosen["interpolate_mode"])
    return np.ascontiguousarray(values[0].numpy())
