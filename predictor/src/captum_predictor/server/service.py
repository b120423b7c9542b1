"""The served model, which REST and gRPC both ask."""

import hmac
from collections.abc import Callable
from typing import Any

from captum_serving.errors import BadInput, Forbidden, NotFound
from captum_serving.limits import DEFAULT_LIMITS, ClientLimits
from captum_serving.protocol import wire
from captum_serving.protocol.extension_names import (
    EXTENSION_KEY,
    GRADIENT_OF_PREDICTED,
    MODEL_DIGEST,
    PATH_INTEGRAL,
    VALUES_OF_STAGES,
    VECTOR_JACOBIAN_PRODUCT,
)
from captum_serving.protocol.json_body import parse_json

from captum_predictor.engine.arrays import Array
from captum_predictor.engine.engine import Engine
from captum_predictor.kinds.kind import Kind
from captum_predictor.protocol.inference import Limits, Reader, Request
from captum_predictor.server.message_threads import run_off_the_loop


class Service:
    """The served model: `name` on the wire, its kind, and the engine that computes it.

    With a `key`, only requests that have it may use the gradient extension or see the model's structure.
    """

    def __init__(
        self,
        name: str,
        kind: Kind,
        engine: Engine,
        limits: Limits,
        client: ClientLimits = DEFAULT_LIMITS,
        key: str | None = None,
    ) -> None:
        self.name = name
        self.takes_strings = bool(kind.text_inputs)
        self.engine = engine
        self._kind = kind
        self._client = client
        self._limits = limits
        self._reader = Reader(kind, limits)
        self._key = key

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

    def trusts(self, key: str | None) -> bool:
        """True if a request with this key may use the extension.

        Raises:
            Forbidden: It has a key, which is another.
        """
        if self._key is None or key is None:
            return self._key is None
        if not hmac.compare_digest(self._key.encode(), key.encode()):
            raise Forbidden(
                f"{EXTENSION_KEY} is not this server's; expected the key in its --extension_key_file, which the "
                "explainer needs too"
            )
        return True

    def is_ready(self) -> bool:
        """True if a request would be answered."""
        return self.engine.lanes.are_alive()

    async def infer(self, body: bytes, header_length: str | None, key: str | None = None) -> tuple[bytes, int | None]:
        """Answer a V2 REST body: the response's body, and the length of its JSON header where tensors follow it.

        Raises:
            BadInput, TooLarge: The request is not one that this model takes.
            Forbidden: It needs this server's key and does not have it.
        """
        trusted = self.trusts(key)
        strings = str if self.takes_strings else None

        def read(check_wanted: Callable[[], None]) -> Request:
            message = wire.decode(body, header_length, "inputs", strings=strings, limits=self._client)
            return self._reader.read(message, trusted=trusted, check_wanted=check_wanted)

        request = await run_off_the_loop(len(body), read, self._kind.large_bytes)
        document, tensors = await self._compute(request)
        binary = frozenset(name for name, as_bytes in request.outputs.items() if as_bytes)
        size = sum(tensor.nbytes for tensor in tensors.values())
        return await run_off_the_loop(size, lambda _: wire.encode(document, tensors, "outputs", binary))

    async def answer(self, message: wire.Message, key: str | None = None) -> tuple[dict[str, Any], dict[str, Array]]:
        """Compute what a V2 request asks for: the response's document, and its tensors.

        Raises:
            BadInput, TooLarge: The request is not one that this model takes.
            Forbidden: It needs this server's key and does not have it.
        """
        trusted, size = self.trusts(key), count_bytes(message)
        request = await run_off_the_loop(
            size,
            lambda check_wanted: self._reader.read(message, trusted=trusted, check_wanted=check_wanted),
            self._kind.large_bytes,
        )
        return await self._compute(request)

    async def _compute(self, request: Request) -> tuple[dict[str, Any], dict[str, Array]]:
        tensors = request.tokens if request.query is None else await self.engine.compute(request.query)
        document = {"model_name": self.name, "parameters": {MODEL_DIGEST: self._kind.model.digest}}
        if request.identifier:
            document["id"] = request.identifier
        return document, {name: tensors[name] for name in request.outputs}

    async def predict(self, body: bytes) -> object:
        """Answer a V1 body: a prediction for each instance, in the form of the model's kind."""
        query, instances = await run_off_the_loop(
            len(body),
            lambda check_wanted: self._reader.read_instances(self._read_document(body).get("instances"), check_wanted),
            self._kind.large_bytes,
        )
        values = await self.engine.compute(query)
        return instances.make_predictions(values[query.segment.sink.name])

    def describe_model(self, *, trusted: bool = True) -> dict[str, Any]:
        """Describe the model as `GET /v2/models/{name}` shows it; without the extension to who may not use it."""
        model = self._kind.model
        last = model.stages[-1]
        document = {
            "name": self.name,
            "versions": [],
            "platform": "kserve-captum",
            "outputs": [{"name": last.name, "datatype": "FP32", "shape": [-1, *last.shape]}],
            "stages": [stage.describe() for stage in model.stages],
            MODEL_DIGEST: model.digest,
            "extensions": [VECTOR_JACOBIAN_PRODUCT, GRADIENT_OF_PREDICTED, VALUES_OF_STAGES, PATH_INTEGRAL],
            **self._kind.describe_model(),
        }
        document |= {"max_rows": self._limits.rows, "max_body_bytes": self._limits.answer_bytes}
        return document if trusted else {**document, "stages": [], "extensions": []}

    def _read_document(self, body: bytes) -> dict[str, Any]:
        document = parse_json(body, self._client)
        if not isinstance(document, dict):
            raise BadInput("the body is not a JSON object; expected an object with 'instances'")
        return document


def count_bytes(message: wire.Message) -> int:
    """Estimate how many bytes a message's tensors have."""
    return sum(
        sum(map(len, tensor.flat)) if tensor.dtype.kind == "O" else tensor.nbytes for tensor in message.tensors.values()
    )
