"""Where a method needs the model cut, and the pieces between the cuts."""

from dataclasses import dataclass

from captum_serving.errors import BadGateway, BadInput
from torch import nn

from captum_explainer.predictor_client.description import OPAQUE, Description, Stage

# Captum has rules for these (its SUPPORTED_NON_LINEAR): they stay local, so that it can change their backward pass.
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
# These may be in a remote segment even if a method changes the backward rule of nonlinearities; all else is opaque.
AFFINE = (
    *("conv1d", "conv2d", "conv3d", "linear", "flatten", "dropout", "identity"),
    *("avg_pool2d", "adaptive_avg_pool2d", "batch_norm1d", "batch_norm2d", "normalize"),
)
# The nonlinearities for which Captum has an LRP rule.
WITH_RULE = ("relu", "tanh", "max_pool1d", "max_pool2d", "max_pool3d")
# Captum's LRP treats it like a nonlinearity, although it does nothing.
DROPOUT = "dropout"


@dataclass(frozen=True)
class Cuts:
    """How a method needs the model cut.

    Attributes:
        layer: The stage after which to cut, so that a module has its output.
        nonlinearities: The method changes the backward rule of nonlinearities, so they are modules of their own.
        relevance: Every stage needs one of Captum's LRP rules, so each is a module of its own.
        to_layer: Leave out all that comes after the layer, because a method without a target does not need it.
    """

    layer: str | None = None
    nonlinearities: bool = False
    relevance: bool = False
    to_layer: bool = False


@dataclass(frozen=True)
class Piece:
    """What one module of a skeleton computes: the stages between `sources` and `sinks`.

    Attributes:
        sources: The values that it takes: the model's input, or outputs of stages.
        sinks: The values that it gives.
        stages: The stages in it, in order: any number that the predictor computes, or one nonlinearity.
        remote: The predictor computes it.
        touching: It is a nonlinearity right behind another one.
    """

    sources: tuple[str, ...]
    sinks: tuple[str, ...]
    stages: tuple[Stage, ...]
    remote: bool
    touching: bool = False

    @property
    def name(self) -> str:
        """The name of its module in the skeleton."""
        return self.sinks[-1]


def cut(description: Description, cuts: Cuts) -> list[Piece]:
    """Cut the model into pieces, in their order.

    Raises:
        BadInput: The method needs to see inside a stage that the predictor does not describe.
    """
    changed = cuts.nonlinearities or cuts.relevance
    runs: list[tuple[bool, list[Stage]]] = []
    begins = True
    for stage in list_stages(description):
        if changed:
            check_kind(stage, cuts.relevance)
        local = changed and (stage.kind in NONLINEARITIES or (cuts.relevance and stage.kind == DROPOUT))
        if begins or local:
            runs.append((local, []))
        runs[-1][1].append(stage)
        begins = local or cuts.relevance or stage.name == cuts.layer
        if cuts.to_layer and stage.name == cuts.layer:
            break
    pieces: list[Piece] = []
    source = description.input_name
    for local, run in runs:
        touching = local and bool(pieces) and not pieces[-1].remote
        pieces.append(Piece((source,), (run[-1].name,), tuple(run), not local, touching))
        source = pieces[-1].name
    return pieces


def list_stages(description: Description) -> tuple[Stage, ...]:
    """The model's stages; a model without any is one stage that is opaque."""
    return description.stages or (Stage(name=description.output_name, kind=OPAQUE, shape=()),)


def check_kind(stage: Stage, relevance: bool = False) -> None:
    """Check that a backward rule may change here, or with `relevance`, that there is a rule for its propagation.

    Raises:
        BadInput: The stage is opaque, or Captum has no rule for it.
    """
    if stage.kind not in (*NONLINEARITIES, *AFFINE):
        raise BadInput(
            f"the stage {stage.name!r} is opaque; expected a model whose nonlinearities are stages of their own"
        )
    if relevance and stage.kind in NONLINEARITIES and stage.kind not in WITH_RULE:
        raise BadInput(
            f"the stage {stage.name!r} is of the kind {stage.kind}, for which Captum has no rule of relevance; "
            f"expected linear stages and {', '.join(WITH_RULE)}"
        )


def build_nonlinearity(stage: Stage) -> nn.Module:
    """The local module for a stage whose kind is in NONLINEARITIES, or for a dropout, which does nothing.

    Raises:
        BadGateway: The kind does not have the stage's options.
    """
    if stage.kind == DROPOUT:
        return nn.Dropout().eval()
    try:
        return NONLINEARITIES[stage.kind](**stage.options)
    except TypeError:
        raise BadGateway(f"the predictor's stage {stage.name!r} has options that no {stage.kind} has") from None
