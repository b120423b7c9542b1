"""Loads a model directory, `model.json` and `model.safetensors`, as a frozen model."""

from dataclasses import dataclass
from pathlib import Path

from captum_serving.errors import describe_error
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from captum_predictor.acceleration.linear_as_convolution import speed_up_behind_flatten
from captum_predictor.acceleration.one_channel_gradient import speed_up_one_channel
from captum_predictor.graph.chain import Model
from captum_predictor.graph.stages import Normalize, Stage, StageError, find_kind, split_into_stages
from captum_predictor.model import weights
from captum_predictor.model.architectures import ArchitectureError, build_network, list_architectures, use_channels_last
from captum_predictor.model.description import FILE_NAME, ModelDescription, ModelDirectoryError, read_description
from captum_predictor.model.digest import compute_digest

NORMALIZATION = "normalization"


@dataclass(frozen=True)
class LoadedModel(Model):
    """A network as the predictor runs it, and what `model.json` says about it.

    Its stages' modules are in evaluation mode, float32, frozen, and channels_last where a parameter has four
    dimensions; on a CPU convolutions of one channel are `OneChannelConv2d`, and large linear layers behind a flatten of
    pictures `PictureLinear`. Inputs and gradients are in the units of the input's `range`, before normalization.
    """

    description: ModelDescription


def load_model(
    directory: Path, device: str = "cpu", *, accelerate: bool = True, architectures: str | None = None
) -> LoadedModel:
    """Load a model directory onto a device; without `accelerate` the modules stay the network's own.

    `architectures` names the module whose networks model.json may name besides the shipped ones. No pickle is read, and
    nothing that the directory holds or names is run. Raises `ModelDirectoryError`.
    """
    description = read_description(directory)
    described_in = directory / FILE_NAME
    try:
        known = list_architectures(architectures)
        network = build_network(description.architecture, description.architecture_options, known)
    except ArchitectureError as error:
        raise ModelDirectoryError(described_in, f"architecture: {error}") from error
    tensors = weights.load_weights(network, directory / weights.FILE_NAME)
    digest = compute_digest(description, tensors)
    _freeze(network)
    try:
        stages = _make_stages(description, network)
    except StageError as error:
        raise ModelDirectoryError(described_in, str(error)) from error
    if accelerate and device == "cpu":
        speed_up_one_channel(network)
        stages = speed_up_behind_flatten(stages, description.input.shape)
    _check_output(described_in, stages[-1], description.labels)
    for stage in stages:
        _move(directory, stage.module, device)
    return LoadedModel(description.input.name, description.input.shape, stages, digest, description)


def _freeze(network: nn.Module) -> None:
    network.eval().requires_grad_(False)
    for module in network.modules():
        if getattr(module, "inplace", False):
            module.inplace = False  # type: ignore[assignment]  # a segment may begin here: its source must stay as it is
    use_channels_last(network)


def _make_stages(description: ModelDescription, network: nn.Module) -> tuple[Stage, ...]:
    for name, module in network.named_modules():
        if isinstance(module, _BatchNorm) and module.running_mean is None:
            raise StageError(f"{name!r} normalizes by the batch's own statistics, expected track_running_stats=True")
    stages = split_into_stages(network, description.input.shape)
    if description.normalization is not None:
        normalize = Normalize(
            description.normalization.mean, description.normalization.std, len(description.input.shape)
        )
        kind, options = find_kind(normalize)
        stages = (Stage(NORMALIZATION, kind, description.input.shape, options, normalize.eval()), *stages)
    names = [description.input.name, *(stage.name for stage in stages)]
    for name in names:
        if names.count(name) > 1:
            raise StageError(
                f"two tensors would be called {name!r}; expected the input and every stage to differ in name"
            )
    return stages


def _check_output(path: Path, last: Stage, labels: tuple[str, ...]) -> None:
    if len(last.shape) != 1:
        raise ModelDirectoryError(
            path, f"stage {last.name!r}: got an output of shape {list(last.shape)}, expected [classes]"
        )
    if last.shape != (len(labels),):
        raise ModelDirectoryError(
            path, f"labels: got {len(labels)}, expected {last.shape[0]}, the width of {last.name!r}"
        )


def _move(directory: Path, module: nn.Module, device: str) -> None:
    try:
        module.to(device)
    except (RuntimeError, AssertionError) as error:  # torch built without CUDA raises AssertionError
        raise ModelDirectoryError(
            directory, f"cannot be moved to device {device!r}: {describe_error(error)}"
        ) from error
