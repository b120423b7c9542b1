"""What Captum will ask for, as far as it can be known before it asks."""

from __future__ import annotations

import torch
from torch import Tensor

from captum_explainer.attribution.plan import Task
from captum_explainer.inputs.targets import one_hot
from captum_explainer.predictor_client.session import Derivative, Rows
from captum_explainer.skeleton.answer_book import Foreseen, Known
from captum_explainer.skeleton.build import PROBABILITY
from captum_explainer.skeleton.cuts import cut
from captum_explainer.skeleton.forward_pass import ForwardPass
from captum_explainer.skeleton.remote_segment import Foresee, Segments


def foreseen_cotangents(task: Task, targets: list[int]) -> dict[str, Foresee | None]:
    """The likely cotangent of each stage that is explained: of the output, of the neuron's layer, or of both."""
    chosen, method, description = task.chosen, task.chosen.method, task.description
    foreseen: dict[str, Foresee | None] = {}
    # Relevance comes to the last stage divided by the score, and a probability's gradient depends on it: both are known
    # only then.
    if method.takes_target and not method.relevance and chosen.get("output") != PROBABILITY:
        foreseen[description.output_name] = target_cotangent(targets, description.output_width)
    if method.family == "neuron":
        foreseen[chosen["layer"]] = neuron_cotangent(chosen["neuron"], description.shape_of(chosen["layer"]))
    return foreseen


def foreseeing(task: Task, foreseen: dict[str, Foresee | None]) -> Segments:
    """The task's segments for one skeleton: what the scores' call told of them is known, and passes are looked ahead.

    One call then answers all segments of a forward pass, and the last one's gradient too.
    """
    ahead, begin = task.far_sighted, task.description.input_name
    forward = ForwardPass.through(cut(task.description, task.cuts))
    foreseeable = task.description.gives_values and not task.chosen.method.replaces_layer
    if not foreseeable or ahead is None or forward is None or len(forward.stages) == 1:
        return Foreseen(task.segments, task.known, begin, None)
    foresee = foreseen.get(forward.last.sink)

    def look_ahead(rows: Rows) -> list[Known]:
        one_hot = None if foresee is None else foresee(len(rows))
        cotangent = None if one_hot is None else one_hot.numpy()
        last = None if cotangent is None else Derivative(forward.last.source, forward.last.sink, cotangent)
        found = ahead.ask_values(begin, forward.stages, rows, last)
        return [] if found is None else forward.known(rows, found.by_stage, cotangent, found.gradient)

    return Foreseen(task.segments, task.known, begin, look_ahead)


def target_cotangent(targets: list[int], width: int | None) -> Foresee | None:
    """One-hot rows of the targets, repeated as Captum repeats a batch (all instances, then all instances again)."""
    if width is None:
        return None

    def foresee(rows: int) -> Tensor | None:
        if rows % len(targets):
            return None
        return torch.from_numpy(one_hot(targets * (rows // len(targets)), width))

    return foresee


def neuron_cotangent(neuron: list[int], shape: tuple[int, ...]) -> Foresee:
    """One neuron's one-hot, the same in every row."""
    one_hot = torch.zeros(shape)
    one_hot[tuple(neuron)] = 1.0

    def foresee(rows: int) -> Tensor:
        return one_hot.repeat(rows, *[1] * len(shape))

    return foresee
