"""The model as kserve knows it: its readiness, its REST routes, and gRPC's requests as the service takes them."""

import math
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from captum_serving.boundary.route import Route
from captum_serving.errors import BadInput
from captum_serving.protocol import wire
from captum_serving.protocol.extension_names import EXTENSION_KEY
from kserve import InferInput, InferOutput, InferRequest, InferResponse, Model
from kserve.protocol.infer_type import to_http_parameters

from captum_predictor.engine.arrays import Array
from captum_predictor.server.metrics import count_request
from captum_predictor.server.routes import build_routes
from captum_predictor.server.service import Service


class KserveModel(Model):  # type: ignore[misc]  # kserve is untyped
    """kserve's Model over the service; only gRPC's requests go through `predict`."""

    def __init__(self, service: Service) -> None:
        super().__init__(service.name)
        self._service = service
        self.ready = True

    async def healthy(self) -> bool:
        """True if a request would be answered."""
        return bool(self.ready) and self._service.is_ready()

    def routes(self) -> list[Route]:
        """The REST routes that ask the service."""
        return build_routes(self._service)

    async def predict(
        self, payload: InferRequest, headers: Mapping[str, str] | None = None, response_headers: object = None
    ) -> InferResponse:
        """Answer gRPC's ModelInfer, with the gradient extension in its parameters."""
        with count_request("grpc_infer"):
            self._service.require(payload.model_name, payload.model_version)
            message = _read_message(payload, self._service.takes_strings)
            document, tensors = await self._service.answer(message, (headers or {}).get(EXTENSION_KEY))
            return _write_response(document, tensors, raw=payload.use_binary_outputs)

    def get_input_types(self) -> list[dict[str, Any]]:
        """The input, as gRPC's ModelMetadata lists it."""
        return list(self._service.describe_model()["inputs"])

    def get_output_types(self) -> list[dict[str, Any]]:
        """The output, as gRPC's ModelMetadata lists it."""
        return list(self._service.describe_model()["outputs"])


def _read_message(request: InferRequest, strings: bool) -> wire.Message:
    datatypes = wire.DATATYPES | wire.STRINGS if strings else wire.DATATYPES
    tensors: dict[str, Array] = {}
    for tensor in request.inputs:
        if tensor.name in tensors:
            raise BadInput(f"inputs: {tensor.name[:80]!r} is there twice; expected each tensor once")
        tensors[tensor.name] = _read_array(tensor, datatypes)
    outputs = [{"name": output.name} for output in request.request_outputs or []]
    document = {"id": request.id, "parameters": to_http_parameters(request.parameters), "outputs": outputs}
    return wire.Message(document, tensors)


def _read_array(tensor: InferInput, datatypes: Collection[str]) -> Array:
    name, shape = tensor.name, tensor.shape
    if tensor.datatype not in datatypes:
        raise BadInput(f"{name}: datatype is {tensor.datatype[:40]!r}; expected one of {', '.join(datatypes)}")
    if any(size < 0 for size in shape):
        raise BadInput(f"{name}: shape is {shape}; expected sizes of 0 or more")
    try:
        array: Array = tensor.as_numpy()
    except (ValueError, OverflowError):
        raise BadInput(
            f"{name}: its contents do not fit; expected {math.prod(shape)} {tensor.datatype} values for {shape}"
        ) from None
    return wire.convert_strings(list(array.flat), name, array.shape, str) if array.dtype.kind == "O" else array


def _write_response(document: dict[str, Any], tensors: Mapping[str, Array], *, raw: bool) -> InferResponse:
    outputs = []
    for name, tensor in tensors.items():
        output = InferOutput(name, list(tensor.shape), wire.NAMES[tensor.dtype])
        if raw:
            output.set_data_from_numpy(np.ascontiguousarray(tensor))
        else:
            output.data = tensor.reshape(-1).tolist()
        outputs.append(output)
    return InferResponse(
        response_id=document.get("id", ""),
        model_name=document["model_name"],
        infer_outputs=outputs,
        parameters=document["parameters"],
        use_binary_outputs=raw,
    )
