"""Asking an explainer, and the pictures to ask about."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
import requests
import torch
from PIL import Image
from torch import Tensor

from local.servers import ROOT, Pair

session = requests.Session()


@dataclass(frozen=True)
class Answer:
    """A response, whatever its status."""

    status: int
    body: bytes
    document: dict[str, Any]

    @cached_property
    def values(self) -> np.ndarray:
        """The explanations, float32 [instances, ...]."""
        assert self.status == 200, self.document
        return np.array(self.document["explanations"], dtype=np.float32)

    @property
    def details(self) -> list[Any]:
        return self.document["details"]

    @property
    def parameters(self) -> dict[str, Any]:
        assert self.status == 200, self.document
        return self.document["parameters"]

    @property
    def error(self) -> str:
        return self.document["error"]


def ask(pair: Pair, inputs: Tensor, **parameters: Any) -> Answer:
    """Explain float32 [instances, channels, height, width] over a kept-alive connection."""
    return ask_url(pair.explain_url, inputs, **parameters)


def ask_url(url: str, inputs: Tensor, **parameters: Any) -> Answer:
    response = session.post(url, json={"instances": inputs.tolist(), "parameters": parameters}, timeout=60)
    return Answer(response.status_code, response.content, response.json())


@cache
def examples(name: str) -> Tensor:
    """The ten pictures that are shipped with a model, float32 [10, 1, 28, 28] in 0..1."""
    folder = ROOT / "models" / name / "examples"
    pictures = [np.asarray(Image.open(folder / f"{i}.png"), dtype=np.float32) for i in range(10)]
    return torch.from_numpy(np.stack(pictures)[:, None] / np.float32(255))
