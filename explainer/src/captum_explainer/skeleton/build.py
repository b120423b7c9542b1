"""Where to cut the model, and the skeleton that comes of it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from captum_serving.errors import BadGateway, BadInput
from torch import Tensor, nn

from captum_explainer.predictor.description import OPAQUE, Access, Description, Stage
from captum_explainer.skeleton.ruled_segment import RuledSegment
from captum_explainer.skeleton.segment import Foresee, RemoteSegment, Segments

# What Captum has rules for (its SUPPORTED_NON_LINEAR): these stay local, so that it can rewrite their backward pass.
NONLINEARITIES: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "softplus": nn.Softplus,
    "softmax": nn.Softmax,
    "max_pool1d": nn.MaxPool1d,
    "max_pool2d": nn.MaxPool2d,
    "max_pool3d": nn.MaxPool3d,
}
# What may be in a remote segment though a method changes the backward rule of nonlinearities; all else is opaque.
AFFINE = (
    *("conv1d", "conv2d", "conv3d", "linear", "flatten", "dropout", "identity"),
    *("avg_pool2d", "adaptive_avg_pool2d", "batch_norm1d", "batch_norm2d", "normalize"),
)
# The nonlinearities through which Captum can pass relevance.
WITH_RULE = ("relu", "tanh", "max_pool1d", "max_pool2d", "max_pool3d")
# What Captum counts among the nonlinearities where it passes relevance, though it does nothing.
DROPOUT = "dropout"
# What gives its gradient on in the memory format that it comes in, when the model is evaluated.
PASSED_THROUGH = ("dropout", "identity", "normalize")
PROBABILITY = "probability"


@dataclass(frozen=True)
class Cuts:
    """How a method wants the model cut.

    `layer` names a stage that is to be a module of its own output; `nonlinearities` says that the backward rule changes
    there; `relevance` that every stage needs a rule of Captum's, and so a module of its own; `to_layer` leaves out all
    that comes after the layer (what has no target needs none of it).
    """

    layer: str | None = None
    nonlinearities: bool = False
    relevance: bool = False
    to_layer: bool = False


class Separate(nn.Module):
    """Between two nonlinearities that touch: gives the second one a tensor of its own.

    Captum 0.9.0 hooks a module's output before the next one's input. Where both are one tensor, DeepLIFT's hooks run
    in the wrong order and its multipliers are wrong: 8 % off on a ReLU before a max-pool, and without bound.
    """

    def forward(self, rows: Tensor) -> Tensor:
        """The same values, in another tensor."""
        # Not view_as: of one row it forgets that the rows are channels_last, which decides the bits of sums over them.
        return rows.expand_as(rows)


def build_skeleton(
    description: Description, segments: Segments, cuts: Cuts, output: str, foreseen: Mapping[str, Foresee | None]
) -> nn.Sequential:
    """A fresh skeleton: its modules are named after the stages that they end with.

    Args:
        description: The model; its stages are a chain.
        segments: What computes the remote segments.
        cuts: Where the method needs a module of its own.
        output: `logit`, or `probability` for a softmax (of one output: a sigmoid) after the last stage; a predictor
            that gives scores alone gives probabilities already.
        foreseen: The likely cotangents of stages, where a remote segment ends with them.

    Raises:
        BadInput: The method needs to see inside a stage that the predictor does not describe.
        BadGateway: The predictor describes a stage that cannot be.
    """
    modules: OrderedDict[str, nn.Module] = OrderedDict()
    Remote = RuledSegment if cuts.relevance else RemoteSegment
    source, run = description.input_name, list[Stage]()
    touching = False

    def close() -> None:
        nonlocal source, run, touching
        if run:
            modules[run[-1].name] = Remote(segments, source, run[-1].name, gradient_format(run))
            source, run, touching = run[-1].name, [], False

    changed = cuts.nonlinearities or cuts.relevance
    for stage in _chain(description, cuts):
        if changed:
            _check_kind(stage, cuts)
        if changed and (stage.kind in NONLINEARITIES or (cuts.relevance and stage.kind == DROPOUT)):
            close()
            if touching and cuts.nonlinearities:
                modules[_unused(f"before_{stage.name}", description)] = Separate()
            modules[stage.name] = nn.Dropout().eval() if stage.kind == DROPOUT else nonlinearity(stage)
            source, touching = stage.name, True
        else:
            run.append(stage)
        if stage.name == cuts.layer or cuts.relevance:
            close()
    close()
    for name, foresee in foreseen.items():
        segment = modules.get(name)
        if isinstance(segment, RemoteSegment):
            segment.foresee = foresee
    if output == PROBABILITY and not cuts.to_layer and description.access > Access.SCORES:
        name = _unused(PROBABILITY, description)
        modules[name] = nn.Sigmoid() if description.output_width == 1 else nn.Softmax(dim=1)
    return nn.Sequential(modules)


def _check_kind(stage: Stage, cuts: Cuts) -> None:
    if stage.kind not in (*NONLINEARITIES, *AFFINE):
        raise BadInput(
            f"the stage {stage.name!r} is opaque; expected a model whose nonlinearities are stages of their own"
        )
    if cuts.relevance and stage.kind in NONLINEARITIES and stage.kind not in WITH_RULE:
        raise BadInput(
            f"the stage {stage.name!r} is of the kind {stage.kind}, for which Captum has no rule of relevance; "
            f"expected linear stages and {', '.join(WITH_RULE)}"
        )


def nonlinearity(stage: Stage) -> nn.Module:
    """The local module of a stage whose kind is in NONLINEARITIES.

    Raises:
        BadGateway: It has no such options.
    """
    try:
        return NONLINEARITIES[stage.kind](**stage.options)
    except TypeError:
        raise BadGateway(f"the predictor's stage {stage.name!r} has options that no {stage.kind} has") from None


def _unused(name: str, description: Description) -> str:
    while any(stage.name == name for stage in description.stages):
        name += "_"
    return name


def gradient_format(run: list[Stage]) -> torch.memory_format:
    """How the gradient by the run's source lies in memory in process: flatten's is row-major, all others' are not."""
    kinds = [stage.kind for stage in run if stage.kind not in PASSED_THROUGH]
    return torch.contiguous_format if kinds[:1] == ["flatten"] else torch.channels_last


def _chain(description: Description, cuts: Cuts) -> tuple[Stage, ...]:
    if not description.stages:
        return (Stage(description.output_name, OPAQUE, (), {}),)
    if not cuts.to_layer:
        return description.stages
    names = [stage.name for stage in description.stages]
    return description.stages[: names.index(str(cuts.layer)) + 1]
