"""The skeleton of a model: a module whose parts are local nonlinearities and remote segments."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from captum_explainer.predictor_client.description import Access, Description, Stage
from captum_explainer.predictor_client.exchange import Answerer
from captum_explainer.skeleton.cuts import Cuts, Piece, build_nonlinearity, cut
from captum_explainer.skeleton.lrp_segment import LrpSegment
from captum_explainer.skeleton.remote_segment import RemoteSegment

# In an evaluated model, the gradient passes through these in the memory format that it arrives in.
PASSED_THROUGH = ("dropout", "identity", "normalize")
PROBABILITY = "probability"


class Separate(nn.Module):
    """Between two nonlinearities that touch: gives the second one a tensor of its own.

    Captum 0.9.0 hooks a module's output before the next one's input. Where both are one tensor, DeepLIFT's hooks run
    in the wrong order and its multipliers are wrong: 8 % off on a ReLU before a max-pool, and without bound.
    """

    def forward(self, rows: Tensor) -> Tensor:
        """The same values, in another tensor."""
        # Not view_as: for one row it forgets that the rows are channels_last, which decides the bits of sums over them.
        return rows.expand_as(rows)


@dataclass(frozen=True)
class Step:
    """A module of a skeleton, and the names of the values that it takes and gives."""

    name: str
    sources: tuple[str, ...]
    sinks: tuple[str, ...]
    module: nn.Module


class Skeleton(nn.Module):
    """Runs its steps in order; each takes its sources from the values that earlier steps gave.

    The modules are submodules with their steps' names. A value is dropped after its last use.
    """

    def __init__(self, input_name: str, steps: Sequence[Step]) -> None:
        super().__init__()
        self._input_name = input_name
        self._steps = [(step.name, step.sources, step.sinks) for step in steps]
        self._output = steps[-1].sinks[-1]
        last_use = {source: i for i, step in enumerate(steps) for source in step.sources}
        self._finished = [[name for name, last in last_use.items() if last == i] for i in range(len(steps))]
        for step in steps:
            self.add_module(step.name, step.module)

    def forward(self, rows: Tensor) -> Tensor:
        """The last step's value [rows, ...] for the model's input, float32 [rows, *input shape]."""
        values = {self._input_name: rows}
        for (name, sources, sinks), finished in zip(self._steps, self._finished, strict=True):
            found = self._modules[name](*[values[source] for source in sources])  # type: ignore[misc]
            values.update(zip(sinks, found if isinstance(found, tuple) else (found,), strict=True))
            for source in finished:
                del values[source]
        return values[self._output]


def build_skeleton(description: Description, answerer: Answerer, cuts: Cuts, output: str) -> Skeleton:
    """A fresh skeleton; its modules are named after the stages that they end with.

    Args:
        description: The model.
        answerer: What answers the remote segments' exchanges.
        cuts: Where the method needs the model cut.
        output: `logit`, or `probability` for a softmax (for one output: a sigmoid) after the last stage; a predictor
            that gives scores alone gives probabilities already.

    Raises:
        BadInput: The method needs to see inside a stage that the predictor does not describe.
        BadGateway: The predictor describes a stage that cannot be.
    """
    steps = [step for piece in cut(description, cuts) for step in _build_steps(piece, description, answerer, cuts)]
    if output == PROBABILITY and not cuts.to_layer and description.access > Access.SCORES:
        name = _find_unused_name(PROBABILITY, description)
        last = nn.Sigmoid() if description.output_width == 1 else nn.Softmax(dim=1)
        steps.append(Step(name, steps[-1].sinks, (name,), last))
    return Skeleton(description.input_name, steps)


def _build_steps(piece: Piece, description: Description, answerer: Answerer, cuts: Cuts) -> list[Step]:
    if piece.remote:
        kind = LrpSegment if cuts.relevance else RemoteSegment
        segment = kind(answerer, piece.sources, piece.sinks, find_gradient_format(piece.stages))
        return [Step(piece.name, piece.sources, piece.sinks, segment)]
    local = build_nonlinearity(*piece.stages)
    if not (piece.touching and cuts.nonlinearities):
        return [Step(piece.name, piece.sources, piece.sinks, local)]
    between = _find_unused_name(f"before_{piece.name}", description)
    return [
        Step(between, piece.sources, (between,), Separate()),
        Step(piece.name, (between,), piece.sinks, local),
    ]


def _find_unused_name(name: str, description: Description) -> str:
    while any(stage.name == name for stage in description.stages):
        name += "_"
    return name


def find_gradient_format(run: Sequence[Stage]) -> torch.memory_format:
    """The memory format of the source's gradient in process: row-major if the run begins with flatten."""
    kinds = [stage.kind for stage in run if stage.kind not in PASSED_THROUGH]
    return torch.contiguous_format if kinds[:1] == ["flatten"] else torch.channels_last
