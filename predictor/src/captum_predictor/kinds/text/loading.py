"""Loads a text model from its directory with transformers' Auto classes, and reads nothing from anywhere else."""

import inspect
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from captum_serving.errors import describe_error
from captum_serving.protocol.extension_names import ATTENTION_MASK, INPUT_IDS, POSITION_IDS, TOKEN_TYPE_IDS
from torch import nn

from captum_predictor.graph.chain import ANY
from captum_predictor.kinds.text.folder import read_config
from captum_predictor.kinds.text.model import CONFIG, Scores, Task, TextModel
from captum_predictor.kinds.text.stages import read_logits, split_text_network
from captum_predictor.kinds.text.tokenizer import Tokenizer
from captum_predictor.model.description import ModelDirectoryError
from captum_predictor.model.digest import compute_files_digest
from captum_predictor.model.weights import check_finite

SUFFIXES = {
    "ForSequenceClassification": Task.SEQUENCE,
    "ForTokenClassification": Task.TOKENS,
    "ForQuestionAnswering": Task.ANSWER,
}
VOCABULARIES = ("tokenizer.json", "vocab.txt", "vocab.json", "spiece.model", "sentencepiece.bpe.model")
# With what else transformers reads for a tokenizer, in the digest's order; a directory has some of them.
DIGESTED = (
    CONFIG,
    "added_tokens.json",
    "merges.txt",
    "sentencepiece.bpe.model",
    "special_tokens_map.json",
    "spiece.model",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.json",
    "vocab.txt",
)
# transformers' own sentinel for "no maximum" is 1e30.
UNBOUNDED = 1_000_000_000


def load_text_model(directory: Path, device: str) -> TextModel:
    """Load a directory with a Hugging Face `config.json` onto a device.

    Raises `ModelDirectoryError`: no safetensors, another task, a part that is missing, a network that cannot be run
    from its embeddings. Remote code is never run, no pickle is read, and nothing is downloaded.
    """
    document = read_config(directory)
    task = _find_task(directory / CONFIG, document)
    tokenizer = _load_tokenizer(directory)
    network = _load_network(directory, task)
    for name, tensor in network.state_dict().items():
        check_finite(directory, name, tensor)
    scores = _choose_scores(network.config, task)
    labels = _read_labels(directory / CONFIG, network.config, task)
    first, sizes = _find_sizes(network)
    special = _find_special_ids(directory, tokenizer, sizes[INPUT_IDS])
    most = _find_most_tokens(directory, tokenizer, sizes, first, network.config)
    probe = [i for i in range(sizes[INPUT_IDS]) if i not in special][:2] or [0]
    try:
        _check_embeddings(network, task, probe, first)
        stages = split_text_network(network, task, len(labels))
        for stage in stages:
            stage.module.to(device)
    except (RuntimeError, ValueError, TypeError, AttributeError, NotImplementedError, AssertionError) as error:
        problem = f"{type(network).__name__} cannot be run from its embeddings: {describe_error(error)}"
        raise ModelDirectoryError(directory, problem) from error
    return TextModel(
        input_name=INPUT_IDS,
        input_shape=(ANY,),
        stages=stages,
        digest=compute_files_digest(filter(Path.is_file, map(directory.joinpath, DIGESTED)), network.state_dict()),
        task=task,
        scores=scores,
        labels=labels,
        tokenizer=Tokenizer(
            tokenizer.backend_tokenizer, tokenizer.pad_token_id, special, most, keep_text=task is Task.ANSWER
        ),
        first_position=first,
        sizes=sizes,
    )


def _find_task(path: Path, document: Mapping[str, Any]) -> Task:
    names = document.get("architectures")
    name = names[0] if isinstance(names, list) and names and isinstance(names[0], str) else ""
    for suffix, task in SUFFIXES.items():
        if name.endswith(suffix):
            return task
    raise ModelDirectoryError(path, f"architectures: got {names!r}, expected one that ends in {', '.join(SUFFIXES)}")


def _load_network(directory: Path, task: Task) -> Any:  # noqa: ANN401 - transformers makes its classes at run time
    import transformers

    transformers.utils.logging.disable_progress_bar()
    classes = {
        Task.SEQUENCE: transformers.AutoModelForSequenceClassification,
        Task.TOKENS: transformers.AutoModelForTokenClassification,
        Task.ANSWER: transformers.AutoModelForQuestionAnswering,
    }
    try:
        network, loaded = classes[task].from_pretrained(
            directory,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=torch.float32,
            attn_implementation="sdpa",
            output_loading_info=True,
        )
    except Exception as error:  # a configuration may make transformers raise anything
        raise ModelDirectoryError(directory, f"transformers cannot load it: {describe_error(error)}") from error
    missing = sorted(loaded["missing_keys"])
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        problem = f"the weights lack {', '.join(missing[:3])}{more}, expected all of a {type(network).__name__}"
        raise ModelDirectoryError(directory, problem)
    if unused := sorted(loaded["unexpected_keys"]):
        logging.getLogger(__name__).warning("%s: not used by this network: %s", directory, ", ".join(unused))
    network.config.update({"output_hidden_states": False, "output_attentions": False, "return_dict": True})
    return network.eval().requires_grad_(False)


def _load_tokenizer(directory: Path) -> Any:  # noqa: ANN401 - transformers makes its classes at run time
    import transformers

    transformers.utils.logging.set_verbosity_error()
    if not any((directory / name).is_file() for name in VOCABULARIES):  # transformers would make an empty one
        raise ModelDirectoryError(directory, f"has no tokenizer, expected one of {', '.join(VOCABULARIES)}")
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(
            directory, local_files_only=True, trust_remote_code=False, use_fast=True
        )
    except Exception as error:  # as above
        raise ModelDirectoryError(
            directory, f"transformers cannot load its tokenizer: {describe_error(error)}"
        ) from error
    if not getattr(tokenizer, "is_fast", False):
        problem = (
            f"its tokenizer is a {type(tokenizer).__name__}, expected a fast one, which knows each token's characters: "
            "a tokenizer.json"
        )
        raise ModelDirectoryError(directory, problem)
    return tokenizer


def _find_special_ids(directory: Path, tokenizer: Any, vocabulary: int) -> tuple[int, ...]:  # noqa: ANN401 - as above
    if tokenizer.pad_token_id is None:
        raise ModelDirectoryError(directory, "its tokenizer has no pad_token, expected one")
    if len(tokenizer) > vocabulary:
        raise ModelDirectoryError(
            directory, f"its tokenizer has {len(tokenizer)} tokens, expected at most {vocabulary}, the network's"
        )
    return tuple(sorted(set(tokenizer.all_special_ids)))


def _choose_scores(config: Any, task: Task) -> Scores:  # noqa: ANN401 - as above
    if task is Task.SEQUENCE and config.problem_type == "multi_label_classification":
        return Scores.SIGMOID
    one = task is Task.SEQUENCE and (config.num_labels == 1 or config.problem_type == "regression")
    return Scores.NONE if one else Scores.SOFTMAX


def _read_labels(path: Path, config: Any, task: Task) -> tuple[str, ...]:  # noqa: ANN401 - as above
    if task is Task.ANSWER:
        if config.num_labels != 2:
            raise ModelDirectoryError(
                path, f"num_labels: got {config.num_labels}, expected 2: an answer's start and end"
            )
        return ("start", "end")
    names = tuple(str(config.id2label.get(index)) for index in range(config.num_labels))
    if len(set(names)) < len(names):
        raise ModelDirectoryError(path, f"id2label: got {', '.join(names)}, expected labels that differ")
    return names


def _find_sizes(network: Any) -> tuple[int, dict[str, int]]:  # noqa: ANN401 - as above
    embeddings = getattr(network.base_model, "embeddings", None)
    taken = inspect.signature(network.base_model.forward).parameters
    sizes = {INPUT_IDS: network.get_input_embeddings().num_embeddings, ATTENTION_MASK: 2}
    types = getattr(embeddings, "token_type_embeddings", None)
    if TOKEN_TYPE_IDS in taken and isinstance(types, nn.Embedding):
        sizes[TOKEN_TYPE_IDS] = types.num_embeddings
    positions = getattr(embeddings, "position_embeddings", None)
    first = 0
    if POSITION_IDS in taken and isinstance(positions, nn.Embedding):
        sizes[POSITION_IDS] = positions.num_embeddings
        # RoBERTa and its kin count from the one after padding's, which is padding's id.
        first = 0 if positions.padding_idx is None else positions.padding_idx + 1
    return first, sizes


def _find_most_tokens(directory: Path, tokenizer: Any, sizes: Mapping[str, int], first: int, config: Any) -> int:  # noqa: ANN401
    positions = (
        sizes[POSITION_IDS] - first if POSITION_IDS in sizes else getattr(config, "max_position_embeddings", None)
    )
    bounds = [bound for bound in (tokenizer.model_max_length, positions) if bound and bound < UNBOUNDED]
    if not bounds:
        raise ModelDirectoryError(
            directory, "does not say how long a text may be, expected model_max_length in tokenizer_config.json"
        )
    most = int(min(bounds))
    least = 2 + tokenizer.num_special_tokens_to_add(pair=True)
    if most < least:
        raise ModelDirectoryError(directory, f"takes texts of at most {most} tokens, expected at least {least}")
    return most


def _check_embeddings(network: Any, task: Task, probe: list[int], first: int) -> None:  # noqa: ANN401 - as above
    ids = torch.tensor([probe, probe[::-1]])
    with torch.no_grad():
        expected = read_logits(network(input_ids=ids), task)
        words = network.get_input_embeddings()(ids)
        got = read_logits(network(inputs_embeds=words, **_make_positions(network, ids, first)), task)
    if not torch.equal(got, expected):
        raise ValueError("its logits differ from those of the tokens themselves")


def _make_positions(network: Any, ids: torch.Tensor, first: int) -> dict[str, torch.Tensor]:  # noqa: ANN401 - as above
    if POSITION_IDS not in inspect.signature(network.base_model.forward).parameters:
        return {}
    return {POSITION_IDS: torch.arange(first, first + ids.shape[1]).expand(ids.shape)}
