"""Requests that were read: what is computed for each, and the tensors of its answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from captum_serving.protocol.extension_names import GRADIENT, MODEL_DIGEST

from captum_predictor.engine.arrays import Array
from captum_predictor.engine.engine import Engine
from captum_predictor.engine.query import Query


class Request(Protocol):
    """A V2 request."""

    @property
    def outputs(self) -> Mapping[str, bool]:
        """The names of the outputs in the answer's order, and whether each goes as bytes."""

    async def compute(self, engine: Engine) -> Mapping[str, Array]:
        """The output tensors, by name. Raises `BadInput`, `Overloaded`."""


@dataclass(frozen=True)
class TensorRequest:
    """A request for values, and perhaps a gradient."""

    query: Query
    outputs: Mapping[str, bool]

    async def compute(self, engine: Engine) -> Mapping[str, Array]:
        """Compute the query."""
        computed = await engine.compute(self.query)
        gradient = {} if computed.gradient is None else {GRADIENT: computed.gradient}
        return {**computed.values, **gradient}


@dataclass(frozen=True)
class TextRequest:
    """A request for the tokens of texts, which are known when it has been read."""

    tensors: Mapping[str, Array]
    outputs: Mapping[str, bool]

    async def compute(self, _engine: Engine) -> Mapping[str, Array]:
        """Nothing is computed on a lane."""
        return self.tensors


@dataclass(frozen=True)
class InstancesRequest:
    """A V1 request; `make_predictions` turns the model's output `[rows, ...]` into V1's predictions."""

    query: Query
    make_predictions: Callable[[Array], object]

    async def predict(self, engine: Engine) -> object:
        """The predictions."""
        return self.make_predictions((await engine.compute(self.query)).value)


def answer_message(
    tensors: Mapping[str, Array], outputs: Mapping[str, bool], request: Mapping[str, Any], model_name: str, digest: str
) -> tuple[dict[str, Any], dict[str, Array]]:
    """The response to `request`: its document without the outputs, and the output tensors in order."""
    document: dict[str, Any] = {"model_name": model_name, "parameters": {MODEL_DIGEST: digest}}
    if request.get("id"):
        document["id"] = request["id"]
    return document, {name: tensors[name] for name in outputs}
