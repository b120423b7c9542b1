"""The skeleton that comes of a model and its cuts."""

from __future__ import annotations

import inspect
from collections import OrderedDict
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from captum_explainer.predictor_client.description import Access, Description, Stage
from captum_explainer.skeleton.cuts import Cuts, cut, nonlinearity
from captum_explainer.skeleton.lrp_segment import RuledSegment
from captum_explainer.skeleton.remote_segment import Foresee, RemoteSegment, Segments

# What gives its gradient on in the memory format that it comes in, when the model is evaluated.
PASSED_THROUGH = ("dropout", "identity", "normalize")
PROBABILITY = "probability"


class Separate(nn.Module):
    """Between two nonlinearities that touch: gives the second one a tensor of its own.

    Captum 0.9.0 hooks a module's output before the next one's input. Where both are one tensor, DeepLIFT's hooks run
    in the wrong order and its multipliers are wrong: 8 % off on a ReLU before a max-pool, and without bound.
    """

    def forward(self, rows: Tensor) -> Tensor:
        """The same values, in another tensor."""
        # Not view_as: of one row it forgets that the rows are channels_last, which decides the bits of sums over them.
        return rows.expand_as(rows)


class Skeleton(nn.Sequential):
    """Modules in a row, which say at once what Captum asks before every pass: how many arguments they take."""

    __signature__ = inspect.signature(nn.Sequential())


def build_skeleton(
    description: Description, segments: Segments, cuts: Cuts, output: str, foreseen: Mapping[str, Foresee | None]
) -> Skeleton:
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
    for piece in cut(description, cuts):
        if piece.remote:
            modules[piece.sink] = Remote(segments, piece.source, piece.sink, gradient_format(piece.stages))
            continue
        if piece.touching and cuts.nonlinearities:
            modules[_unused(f"before_{piece.sink}", description)] = Separate()
        modules[piece.sink] = nonlinearity(*piece.stages)
    for name, foresee in foreseen.items():
        segment = modules.get(name)
        if isinstance(segment, RemoteSegment):
            segment.foresee = foresee
    if output == PROBABILITY and not cuts.to_layer and description.access > Access.SCORES:
        name = _unused(PROBABILITY, description)
        modules[name] = nn.Sigmoid() if description.output_width == 1 else nn.Softmax(dim=1)
    return Skeleton(modules)


def _unused(name: str, description: Description) -> str:
    while any(stage.name == name for stage in description.stages):
        name += "_"
    return name


def gradient_format(run: Sequence[Stage]) -> torch.memory_format:
    """How the gradient by the run's source lies in memory in process: flatten's is row-major, all others' are not."""
    kinds = [stage.kind for stage in run if stage.kind not in PASSED_THROUGH]
    return torch.contiguous_format if kinds[:1] == ["flatten"] else torch.channels_last
