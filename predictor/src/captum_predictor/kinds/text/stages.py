"""A transformer as a chain of stages: the word embeddings, what is added to them, the blocks, the head.

The modules and the weights are transformers' own. A stage is the network with other stages' modules taken out of it
(a copy of the few objects on the way to them, which share everything else), so that masks and pooling stay its own.
"""

import copy
from collections.abc import Callable
from functools import partial
from operator import attrgetter
from typing import Any

import torch
from captum_serving.protocol.extension_names import EMBEDDING_SUM, EMBEDDINGS, LOGITS
from torch import nn

from captum_predictor.graph.chain import ANY
from captum_predictor.graph.stages import Stage
from captum_predictor.kinds.text.model import Task


class Words(nn.Module):
    """Token ids `[n, tokens]` to the word embeddings `[n, tokens, width]`."""

    def __init__(self, words: nn.Module) -> None:
        super().__init__()
        self.words = words

    def forward(self, ids: torch.Tensor, **_extra_inputs: torch.Tensor) -> torch.Tensor:
        """Look them up; the extra inputs do not matter."""
        embeddings: torch.Tensor = self.words(ids)
        return embeddings


class Part(nn.Module):
    """A part of a network, from embeddings or a block's output on; `read` takes the value out of transformers' output.

    That is the last block's value `[n, tokens, width]`, or the logits `[n, labels]` or `[n, tokens, labels]`.
    """

    def __init__(self, network: nn.Module, read: Callable[[Any], torch.Tensor]) -> None:
        super().__init__()
        self.network = network
        self.read = read

    def forward(self, value: torch.Tensor, **extra_inputs: torch.Tensor) -> torch.Tensor:
        """Run it."""
        return self.read(self.network(inputs_embeds=value, **extra_inputs))


class PassThrough(nn.Module):
    """Replaces the embeddings: returns the embeddings that it is given."""

    def forward(self, *arguments: object, **named: object) -> torch.Tensor:
        """Find it among the arguments, whose order differs from network to network."""
        candidates = (*arguments, *named.values())
        return next(value for value in candidates if isinstance(value, torch.Tensor) and value.is_floating_point())


def read_logits(output: Any, task: Task) -> torch.Tensor:  # noqa: ANN401 - transformers' output classes are many
    """The logits of a network's output; of question answering, start and end are the last dimension."""
    if task is Task.ANSWER:
        return torch.stack([output.start_logits, output.end_logits], dim=-1)
    result: torch.Tensor = output.logits
    return result


def split_text_network(network: Any, task: Task, classes: int) -> tuple[Stage, ...]:  # noqa: ANN401 - as above
    """The stages of a transformers model in evaluation mode.

    `embeddings`, `embedding_sum` (words, positions and types added and normalized), `layer_0` and so on, `logits`; a
    network that is not made so has `embeddings` and `logits` alone.
    """
    read, read_hidden = partial(read_logits, task=task), attrgetter("last_hidden_state")
    words = network.get_input_embeddings()
    width = words.weight.shape[1]
    hidden, last = (ANY, width), (classes,) if task is Task.SEQUENCE else (ANY, classes)
    first = Stage(EMBEDDINGS, "embedding", hidden, {}, Words(words))
    whole = (first, Stage(LOGITS, "module", last, {}, Part(network, read)))
    blocks = _find_blocks(network)
    if blocks is None:
        return whole
    base = network.base_model
    inner = _replace_module(base, EMBEDDINGS, PassThrough())
    if getattr(inner, "pooler", None) is not None:
        inner, base = _replace_module(inner, "pooler", None), _replace_module(base, "pooler", None)
    chain = [
        Stage(EMBEDDING_SUM, "module", hidden, {}, Part(_replace_module(base, blocks, nn.ModuleList()), read_hidden))
    ]
    for index, block in enumerate(network.base_model.get_submodule(blocks)):
        alone = _replace_module(inner, blocks, nn.ModuleList([block]))
        chain.append(Stage(f"layer_{index}", "module", hidden, {}, Part(alone, read_hidden)))
    prefix = network.base_model_prefix
    outer = _replace_module(network, f"{prefix}.{EMBEDDINGS}", PassThrough())
    head = Part(_replace_module(outer, f"{prefix}.{blocks}", nn.ModuleList()), read)
    stages = (first, *chain, Stage(LOGITS, "module", last, {}, head))
    return stages if _agree(stages, whole, width) else whole


def _find_blocks(network: Any) -> str | None:  # noqa: ANN401 - as above
    base = network.base_model
    if base is network or not isinstance(getattr(base, EMBEDDINGS, None), nn.Module):
        return None
    count = getattr(network.config, "num_hidden_layers", None)
    lists = [
        name
        for name, module in base.named_modules()
        if isinstance(module, nn.ModuleList) and len(module) == count and not name.startswith(EMBEDDINGS)
    ]
    return min(lists, key=lambda name: name.count("."), default=None)


def _replace_module(module: nn.Module, path: str, replacement: nn.Module | None) -> Any:  # noqa: ANN401 - as above
    name, _, rest = path.partition(".")
    twin = copy.copy(module)
    twin._modules = dict(module._modules)
    child = module._modules[name]
    assert child is not None, "the path was found by walking it"
    twin._modules[name] = _replace_module(child, rest, replacement) if rest else replacement
    return twin


def _agree(stages: tuple[Stage, ...], whole: tuple[Stage, ...], width: int) -> bool:
    generator = torch.Generator().manual_seed(0)
    embeddings = torch.randn(2, 3, width, generator=generator)
    mask = torch.tensor([[1, 1, 1], [1, 1, 0]])
    with torch.no_grad():
        expected = whole[-1].module(embeddings, attention_mask=mask)
        try:
            value = embeddings
            for stage in stages[1:]:
                value = stage.module(value, attention_mask=mask)
        except Exception:  # a network whose parts do not fit together in this way may raise anything
            return False
    return torch.equal(value, expected)
