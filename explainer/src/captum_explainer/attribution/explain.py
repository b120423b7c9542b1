"""From a request to its explanations: parameters, skeleton, method, details."""

from __future__ import annotations

import traceback
from collections import defaultdict
from dataclasses import replace
from functools import cache
from typing import Any, cast

import numpy as np
import torch
from captum.attr import LayerAttribution
from captum_serving.errors import BadInput
from torch import Tensor, nn

from captum_explainer.attribution.answer_details import Scored, details_of, explained
from captum_explainer.attribution.auto_steps import fewest_steps, is_auto, with_steps
from captum_explainer.attribution.foresight import foreseeing, foreseen_cotangents
from captum_explainer.attribution.plan import Task
from captum_explainer.attribution.quality_metrics import quality_of
from captum_explainer.attribution.scoring import score
from captum_explainer.catalogue.method import Attribution, Problem
from captum_explainer.catalogue.path_integral import Integrals
from captum_explainer.catalogue.resolve import Resolved, held_shape, resolve
from captum_explainer.formats.request import Explanations, Request
from captum_explainer.inputs.baselines import resolve_baselines
from captum_explainer.inputs.image_axes import find_layout
from captum_explainer.inputs.superpixels import segment
from captum_explainer.inputs.targets import resolve_targets
from captum_explainer.parameters.layer_mask import mask_of
from captum_explainer.parameters.row_limits import check_undivided, most_rows
from captum_explainer.predictor_client.description import Access, Description
from captum_explainer.rng import own_draws
from captum_explainer.settings import Settings
from captum_explainer.skeleton.build import build_skeleton
from captum_explainer.skeleton.cuts import Cuts
from captum_explainer.skeleton.remembered import Remembered
from captum_explainer.skeleton.remote_segment import FarSighted, Segments


def explain(request: Request, description: Description, segments: Segments, settings: Settings) -> Explanations:
    """Explain a request's instances, which are tensors.

    Raises:
        ServingError: The request is wrong, or the predictor fails.
        ModelChanged: The predictor's model is another one than the description's.
    """
    inputs = request.tensors
    chosen = resolve(request.parameters, description, settings, tuple(inputs.shape))
    kind = chosen.method.baselines
    baselines = resolve_baselines(
        chosen.get("baselines"), inputs, kind, description.input_range, chosen["seed"], settings.max_samples
    )
    if kind == "distribution":
        held = held_shape(chosen.method, chosen.get("layer"), description)
        check_undivided("baselines are", len(baselines[0]), inputs.shape[1:], held, settings)
    # Not isinstance, which looks through the protocol's methods each time: 6 us.
    far_sighted = cast(FarSighted, segments) if hasattr(segments, "ask_values") else None
    scored_again = chosen.get("top_k") is not None and chosen.method.access == Access.SCORES
    if scored_again or chosen.method.repeats:
        segments = Remembered(segments)
    task = Task(description, segments, settings, chosen, inputs, baselines, far_sighted=far_sighted)
    scored, task = score(task)
    targets = resolve_targets(chosen.get("target"), chosen.get("top_k"), scored.output, description)
    columns = [_column(task, scored, [ranked[k] for ranked in targets]) for k in range(len(targets[0]))]
    details = [
        [
            details_of(task, scored, column[i], i, ranked[k]) | _quality(task, column[i], i, ranked[k])
            for k, column in enumerate(columns)
        ]
        for i, ranked in enumerate(targets)
    ]
    values = [[_rendered(task, column[i]) for column in columns] for i in range(len(inputs))]
    outputs, arrays = explained(task, scored.output).numpy(), [one.numpy() for one in baselines]
    if chosen.get("top_k") is not None:
        return Explanations(values, details, chosen.values, outputs, arrays)
    parameters = chosen.values | ({"target": [ranked[0] for ranked in targets]} if "target" in chosen.values else {})
    return Explanations([row[0] for row in values], [row[0] for row in details], parameters, outputs, arrays)


def _column(task: Task, scored: Scored, targets: list[int]) -> list[Attribution]:
    """One attribution an instance, each for its target."""
    return fewest_steps(task, scored, targets, _attribute) if is_auto(task) else _attribute(task, targets)


def _attribute(task: Task, targets: list[int]) -> list[Attribution]:
    """One attribution an instance, each for its target."""
    method = task.chosen.method
    draws = method.random or task.chosen.get("smooth") is not None
    if method.across or not (method.one_by_one or draws):
        at_once = len(targets) if method.across else _instances_at_once(task)
        starts = torch.cat([b[:1] for b in task.baselines])
        parts = [slice(i, i + at_once) for i in range(0, len(targets), at_once)]
        called = [_call(task, task.inputs[part], starts[part], targets[part], {}) for part in parts]
        return [Attribution(row[None]) for attribution in called for row in attribution.values]
    instances = zip(torch.split(task.inputs, 1), task.baselines, targets, strict=True)
    return [
        _call(task, instance, baselines, [target], task.memos[i])
        for i, (instance, baselines, target) in enumerate(instances)
    ]


def _instances_at_once(task: Task) -> int:
    """All, but of a method for which every stage's values are held here: 512 of the MNIST network took 1.4 GB."""
    method, description, shape = task.chosen.method, task.description, tuple(task.inputs.shape[1:])
    if not (method.nonlinearities or method.relevance):
        return len(task.inputs)
    return most_rows(shape, held_shape(method, None, description), task.settings.max_call_bytes)


def _quality(task: Task, attribution: Attribution, instance: int, target: int) -> dict[str, float]:
    """The metrics that the request asks for; changed inputs keep the instance's target and baselines."""
    if not task.chosen.get("metrics"):
        return {}
    if is_auto(task):
        assert attribution.details is not None
        task, instance = with_steps(task, attribution.details["n_steps"], [instance]), 0

    def explain_changed(rows: Tensor) -> Tensor:
        baselines = [task.baselines[instance]] * len(rows)
        changed = replace(task, inputs=rows, baselines=baselines, memos=defaultdict(dict), known=(), integral=None)
        return torch.cat([one.values for one in _attribute(changed, [target] * len(rows))])

    skeleton = build_skeleton(task.description, task.segments, Cuts(), task.chosen["output"], {})
    return quality_of(task, skeleton, instance, target, attribution.values, explain_changed)


def _call(task: Task, inputs: Tensor, baselines: Tensor, targets: list[int], memo: dict[str, Any]) -> Attribution:
    chosen, method, description = task.chosen, task.chosen.method, task.description
    name = chosen.get("layer")
    foreseen = foreseen_cotangents(task, targets)

    @cache
    def skeleton() -> nn.Sequential:
        segments, output = foreseeing(task, foreseen), chosen.get("output") or "logit"
        return build_skeleton(description, segments, task.cuts, output, foreseen)

    if method.takes_segments and "mask" not in memo:
        memo["mask"] = _segments(task, inputs[0])
    integrals = None
    integrable = method.integrates and description.integrates and foreseen.get(description.output_name) is not None
    if integrable and task.far_sighted is not None:
        integrals = Integrals(task.far_sighted, description, task.integral)
    problem = Problem(
        # Where the predictor integrates, a pass goes through the skeleton only if no call can carry a path.
        skeleton() if integrals is None else lambda rows: skeleton()(rows),
        inputs,
        targets,
        baselines,
        layer=None if name is None else skeleton().get_submodule(name),
        parameters=chosen.values,
        feature_mask=memo.get("mask"),
        layer_mask=mask_of(description.shape_of(name), chosen["layer_mask"]) if method.takes_units else None,
        integrate=None if integrals is None else integrals.integrate,
        memo=memo,
    )
    return run_method(chosen, problem)


def run_method(chosen: Resolved, problem: Problem) -> Attribution:
    """Run a method, with draws of its own where it draws.

    Raises:
        BadInput: Captum refuses its arguments.
    """
    try:
        if not chosen.method.random and chosen.get("smooth") is None:
            return chosen.method.attribute(problem)
        with own_draws(chosen["seed"]):
            return chosen.method.attribute(problem)
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
    evaluations = chosen.method.evaluations
    if chosen.method.random and count < 2:
        raise BadInput(f"segmentation {chosen['segmentation']!r} finds one segment; expected two or more: try 'grid'")
    if count > limit:
        raise BadInput(f"{count} segments; expected at most {limit} (the server's limit, --max_perturbations)")
    if evaluations is not None and evaluations(count, chosen.values) > limit:
        raise BadInput(
            f"{chosen.name} of {count} segments makes more than {limit} evaluations (the server's limit, "
            "--max_perturbations); expected fewer: lower n_segments"
        )
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
