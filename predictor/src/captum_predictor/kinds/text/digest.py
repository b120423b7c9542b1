"""The digest of a text model."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch

from captum_predictor.kinds.text.model import CONFIG
from captum_predictor.model.digest import add_part, add_weights

# What transformers reads of a tokenizer; a directory has some of them.
TOKENIZER_FILES = (
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


def compute_text_digest(directory: Path, weights: Mapping[str, torch.Tensor]) -> str:
    """Give the SHA-256, as 64 hexadecimal digits, over `config.json`, the tokenizer's files and the weights."""
    digest = hashlib.sha256()
    for name in (CONFIG, *TOKENIZER_FILES):
        path = directory / name
        if path.is_file():
            add_part(digest, name.encode())
            add_part(digest, path.read_bytes())
    add_weights(digest, weights)
    return digest.hexdigest()
