"""One model, served: what every protocol's front calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from captum_serving import wire
from captum_serving.errors import BadInput, NotFound

from captum_predictor.engine import Array, Engine
from captum_predictor.inference import Limits, Query, Reader, answer_message
from captum_predictor.model_directory import LoadedModel

T = TypeVar("T")

# Decoding or checking more than this would hold the event loop for milliseconds: it is done in a thread.
LARGE_BYTES = 1 << 20


class Service:
    """The served model: `name` on the wire, its network, and the engine that computes it."""

    def __init__(self, name: str, model: LoadedModel, engine: Engine, limits: Limits) -> None:
        self.name = name
        self.model = model
        self.engine = engine
        self._reader = Reader(model, limits)

    def require(self, name: str, version: str | None = None) -> None:
        """Check that a request means this model.

        Raises:
            NotFound: Another model, or a version (there are none).
        """
        if name != self.name:
            raise NotFound(f"model {name[:80]!r} is not known; this server has {self.name!r}")
        if version:
            raise NotFound(
                f"model {name!r} has no version {version[:80]!r}; expected none: it is served without versions"
            )

    def ready(self) -> bool:
        """Whether a request would be answered."""
        return self.engine.lanes.alive()

    async def infer(self, body: bytes, header_length: str | None) -> tuple[bytes, int | None]:
        """Answer a V2 REST body: the response's body, and the length of its JSON header where tensors follow it."""
        message, query = await off_the_loop(len(body), lambda: self._decode(body, header_length))
        document, tensors = await self.answer(message, query)
        binary = frozenset(name for name, as_bytes in query.outputs.items() if as_bytes)
        size = sum(tensor.nbytes for tensor in tensors.values())
        return await off_the_loop(size, lambda: wire.encode(document, tensors, "outputs", binary))

    async def answer(self, message: wire.Message, query: Query) -> tuple[dict[str, Any], dict[str, Array]]:
        """Compute what a request asks for: the response's document, and its tensors."""
        answer = await self.engine.compute(query.segment, query.source, query.cotangent, query.priority)
        return answer_message(query, answer, message.document, self.name, self.model.digest)

    def read(self, message: wire.Message) -> Query:
        """Check a V2 request; raises BadInput and TooLarge."""
        return self._reader.read(message)

    async def predict(self, body: bytes) -> Array:
        """Answer a V1 body: probabilities `[rows, classes]`; a model with one output gives that as it is."""
        query = await off_the_loop(len(body), lambda: self._decode_instances(body))
        answer = await self.engine.compute(query.segment, query.source, query.cotangent, query.priority)
        return softmax(answer.value) if answer.value.shape[1] > 1 else answer.value

    def metadata(self) -> dict[str, Any]:
        """What `GET /v2/models/{name}` says."""
        return {
            "name": self.name,
            "versions": [],
            "platform": "kserve-captum",
            "inputs": [{"name": self.model.input_name, "datatype": "FP32", "shape": [-1, *self.model.input_shape]}],
            "outputs": [
                {"name": self.model.stages[-1].name, "datatype": "FP32", "shape": [-1, *self.model.stages[-1].shape]}
            ],
            "stages": [stage.describe() for stage in self.model.stages],
            "labels": list(self.model.labels),
            "input_range": list(self.model.input_range),
            "baseline": self.model.baseline,
            "model_digest": self.model.digest,
            "extensions": ["vector_jacobian_product"],
        }

    def _decode(self, body: bytes, header_length: str | None) -> tuple[wire.Message, Query]:
        message = wire.decode(body, header_length, "inputs")
        return message, self.read(message)

    def _decode_instances(self, body: bytes) -> Query:
        document = wire.parse_json(body)
        if not isinstance(document, dict):
            raise BadInput("the body is not a JSON object; expected an object with 'instances'")
        return self._reader.read_instances(document.get("instances"))


async def off_the_loop(size: int, work: Callable[[], T]) -> T:
    """Do `work` over `size` bytes: here where it is short, else in a thread."""
    return work() if size <= LARGE_BYTES else await asyncio.to_thread(work)


def softmax(logits: Array) -> Array:
    """Probabilities `[rows, classes]` of logits, computed in double precision and rounded to single."""
    exponentials = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    probabilities: Array = exponentials / exponentials.sum(axis=1, keepdims=True)
    return probabilities.astype(np.float32)
