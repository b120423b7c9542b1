"""What a Hugging Face folder may say, checked before transformers reads it: the folder is data, and runs no code."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from captum_serving.sentences import shorten

from captum_predictor.kinds.text.model import CONFIG
from captum_predictor.model.description import ModelDirectoryError

WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
TOKENIZER_CONFIG = "tokenizer_config.json"
# Read once: none of these networks, as transformers has them, reads a file or fetches code that its folder names.
# (timm_wrapper reads any file, and yoso fetches a kernel.)
MODEL_TYPES = """
albert bart bert big_bird bloom camembert convbert data2vec-text deberta deberta-v2 distilbert electra ernie eurobert
falcon flaubert fnet funnel gemma gemma2 gpt2 gpt_neo gpt_neox ibert llama longformer mbart megatron-bert mobilebert
modernbert mpnet nystromformer opt phi phi3 qwen2 qwen3 rembert roberta roberta-prelayernorm roformer squeezebert t5
umt5 xlm xlm-roberta xlm-roberta-xl xlnet xmod
"""
# transformers takes this for the name of any class that it has.
TOKENIZER_CLASS = re.compile(r"[A-Za-z0-9]+Tokenizer(Fast)?|TokenizersBackend")
# With peft installed, transformers would load the folder that this file names.
ADAPTER = "adapter_config.json"


def read_config(directory: Path) -> Mapping[str, Any]:
    """Read `config.json`, and check it and the files beside it.

    Raises `ModelDirectoryError`: one cannot be read, or names another network than those of `MODEL_TYPES`, code of its
    own, or a file elsewhere.
    """
    path = directory / CONFIG
    document = _read_object(path, "a transformers configuration")
    for key in ("auto_map", "quantization_config"):
        if document.get(key):
            raise ModelDirectoryError(
                path, f"has {key!r}, expected one of transformers' own networks, without custom code or quantization"
            )
    known = MODEL_TYPES.split()
    if document.get("model_type") not in known:
        got = shorten(document.get("model_type"))
        raise ModelDirectoryError(path, f"model_type: got {got}, expected one of {', '.join(known)}")
    _check_tokenizer(path, document)
    if (directory / TOKENIZER_CONFIG).exists():
        _check_tokenizer(
            directory / TOKENIZER_CONFIG, _read_object(directory / TOKENIZER_CONFIG, "a tokenizer's configuration")
        )
    if (directory / ADAPTER).exists():
        raise ModelDirectoryError(directory / ADAPTER, "names another model, expected a whole model without adapters")
    _check_weights(directory)
    return document


def _check_tokenizer(path: Path, document: Mapping[str, Any]) -> None:
    name = document.get("tokenizer_class")
    if name is not None and not (isinstance(name, str) and TOKENIZER_CLASS.fullmatch(name)):
        raise ModelDirectoryError(path, f"tokenizer_class: got {shorten(name)}, expected a tokenizer of transformers")
    for key in ("auto_map", "gguf_file"):
        if document.get(key):
            raise ModelDirectoryError(path, f"has {key!r}, expected one of transformers' own tokenizers")


def _check_weights(directory: Path) -> None:
    """Check the files that an index names; without one, that there are weights."""
    whole, index = (directory / name for name in WEIGHTS)
    if whole.is_file():
        return
    if not index.is_file():
        pickled = " (pytorch_model.bin is a pickle, and is not read)" if any(directory.glob("*.bin")) else ""
        raise ModelDirectoryError(directory, f"has no {WEIGHTS[0]}, expected the weights as safetensors{pickled}")
    names = _read_object(index, "an index of the weights").get("weight_map")
    for name in names.values() if isinstance(names, dict) else [names]:
        if not isinstance(name, str) or Path(name).name != name or not name.endswith(".safetensors"):
            raise ModelDirectoryError(
                index, f"weight_map: got {shorten(name)}, expected the names of safetensors files in the folder"
            )


def _read_object(path: Path, expected: str) -> dict[str, Any]:
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise ModelDirectoryError(path, f"cannot be read ({error}), expected {expected}") from error
    if not isinstance(document, dict):
        raise ModelDirectoryError(path, f"is not a JSON object, expected {expected}")
    return document
