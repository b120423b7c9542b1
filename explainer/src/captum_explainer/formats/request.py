"""What is between a way in and the explanation: the request as it came, as it was read, and what was found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import Tensor

from captum_explainer.predictor_client.description import Description
from captum_explainer.predictor_client.texts import Text
from captum_explainer.settings import Settings


@dataclass(frozen=True)
class Incoming:
    """A request as it came.

    Attributes:
        body: As the client sent it, decompressed.
        content_type: What the client calls the body, as it wrote it; empty where it does not say.
        accept: What the client would read, lower case; empty where it does not say.
        header_length: V2's Inference-Header-Content-Length; None where there is none.
        passed_on: Those of its headers that go on to the predictor.
    """

    body: bytes
    content_type: str = ""
    accept: str = ""
    header_length: str | None = None
    passed_on: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Explanations:
    """What was found.

    Attributes:
        values: An array for each instance, of a text an object; with `top_k`, a list of them.
        details: A dictionary for each instance; with `top_k`, a list of them.
        parameters: In full.
        outputs: The model's, logits or probabilities as they are explained: float32 [instances, outputs].
        baselines: Each instance's, float32 [1 or more, *input shape]; zeros for a method without.
    """

    values: list[Any]
    details: list[Any]
    parameters: dict[str, Any]
    outputs: np.ndarray
    baselines: list[np.ndarray]


@dataclass(frozen=True)
class Answer:
    """A response's body, and what it is."""

    body: bytes
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """What is to be explained, and how the answer is written.

    Attributes:
        instances: float32 [instances, *input shape], or texts.
        parameters: As they were given.
        write: Makes the answer of what was found.
        at_most_top_k: Of texts: `top_k` is the most that are explained, where the model has fewer outputs.
    """

    instances: Tensor | list[Text]
    parameters: dict[str, Any]
    write: Callable[[Explanations, Description], Answer]
    at_most_top_k: bool = False

    @property
    def tensors(self) -> Tensor:
        """The instances of a model that takes tensors."""
        assert isinstance(self.instances, Tensor)
        return self.instances

    @property
    def texts(self) -> list[Text]:
        """The instances of a model that takes texts."""
        assert isinstance(self.instances, list)
        return self.instances


# Reads what came for a model, and says with BadInput or TooLarge what is wrong with it.
Read = Callable[[Incoming, Description, Settings], Request]
