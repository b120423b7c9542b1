"""A V2 predictor that is not ours: kserve's own server, and a softmax regression with an input name of its own.

`python -m tests.support.v2_predictor --host 127.0.0.1 --http_port 8081 --binary` declares the binary tensor data
extension and then takes nothing else; without the flag it takes JSON only.
"""

from __future__ import annotations

import argparse

import numpy as np
from kserve import InferRequest, InferResponse, Model, ModelServer, model_server
from kserve.errors import InvalidInput
from kserve.protocol.dataplane import DataPlane
from kserve.utils.utils import get_predict_response

NAME = "regression"
INPUT = "pixels"
CLASSES = 4


def probabilities(pictures: np.ndarray) -> np.ndarray:
    """[rows, ...] to float64 [rows, CLASSES]."""
    rows = pictures.reshape(len(pictures), -1).astype(np.float64)
    weights = np.random.default_rng(0).normal(size=(rows.shape[1], CLASSES)) / 5
    # Not a product of matrices: a row's bits would depend on the rows beside it.
    exponents = np.exp((rows[:, :, None] * weights).sum(axis=1))
    return exponents / exponents.sum(axis=1, keepdims=True)


class Regression(Model):
    def __init__(self, binary: bool) -> None:
        super().__init__(NAME)
        self.binary = binary
        self.ready = True

    async def get_input_types(self) -> list[dict]:
        return [{"name": INPUT, "datatype": "FP32", "shape": [-1, -1, -1]}]

    def predict(self, payload: InferRequest, headers: dict[str, str]) -> InferResponse:
        binary = "inference-header-content-length" in headers
        if binary != self.binary or payload.use_binary_outputs != self.binary:
            raise InvalidInput(f"the request is {'binary' if binary else 'JSON'}, and that is not declared here")
        (tensor,) = payload.inputs
        if tensor.name != INPUT or tensor.datatype != "FP32":
            raise InvalidInput(f"the input is {tensor.name!r} of {tensor.datatype}; expected {INPUT!r} of FP32")
        return get_predict_response(payload, probabilities(tensor.as_numpy()), NAME)


class DeclaredDataPlane(DataPlane):
    def metadata(self) -> dict:
        return {**super().metadata(), "extensions": ["binary_tensor_data"]}


class Server(ModelServer):
    def __init__(self, host: str, binary: bool) -> None:
        super().__init__(enable_grpc=False)
        self.host = host
        if binary:
            self.dataplane = DeclaredDataPlane(model_registry=self.registered_models)

    async def _serve(self) -> None:
        self._rest_server.config.host = self.host
        await super()._serve()


def main() -> None:
    parser = argparse.ArgumentParser(parents=[model_server.parser])
    parser.add_argument("--host")
    parser.add_argument("--binary", action="store_true")
    flags = parser.parse_args()
    Server(flags.host, flags.binary).start([Regression(flags.binary)])


if __name__ == "__main__":
    main()
