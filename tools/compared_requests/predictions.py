"""What the predictor answers: V1, V2 in JSON and binary, and the gradient extension."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tools.checkout_servers import EXPLAINER, PREDICTOR
from tools.compared_requests.asked import Asked, ask_in_json, encode_tensors, read_pixels
from tools.compared_requests.texts import PAIR, TEXTS

Tensors = dict[str, NDArray[Any]]
PREDICTED = {"predicted_rows": 3, "gradient_from": 0}
NODES: Tensors = {
    "path_nodes": np.array([0.1, 0.5, 0.9], np.float32),
    "path_weights": np.array([0.25, 0.5, 0.25], np.float32),
}
# A text of five tokens, and one of three and padding.
IDS = np.array([[2, 104, 215, 1330, 3], [2, 57, 3, 0, 0]], np.int64)
MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]], np.int64)


def list_predictions(model: str) -> Iterator[Asked]:
    """A model of pictures: predictions, values of stages, gradients and integrals."""
    pixels = read_pixels(model, 10)
    for count in (1, 3, 10):
        yield _predict(model, pixels[:count].tolist(), f"{count} pictures")
    yield _predict(model, pixels[:2, 0].tolist(), "without channels")
    yield _predict(model, pixels[:1].tolist(), "through the explainer", server=EXPLAINER)
    for rows in (1, 3, 30):
        yield from _infer("V2 infer", model, {"image": np.tile(pixels, (3, 1, 1, 1))[:rows]}, {})
    yield from _infer("V2 infer", model, {"image": pixels[:2]}, {"sink": "relu2"})
    few, cotangent = pixels[:3], np.eye(10, dtype=np.float32)[[1, 5, 7]]
    for tensors, parameters, outputs in _list_gradients(few, cotangent):
        yield from _infer("gradients", model, tensors, parameters, outputs)


def _list_gradients(few: NDArray[np.float32], cotangent: NDArray[np.float32]) -> Iterator[tuple[Tensors, Any, Any]]:
    path = {**NODES, "path_start": np.zeros_like(few)}
    yield {"image": few, "cotangent": cotangent}, {}, ()
    yield {"image": few[:1], "cotangent": cotangent[:1]}, {}, ("gradient",)
    yield {"image": few}, PREDICTED, ()
    yield {"image": np.concatenate([few, few * np.float32(0.5)])}, {"predicted_rows": 3, "gradient_from": 3}, ()
    yield {"image": few}, {**PREDICTED, "gradient_source": "relu1"}, ("conv1", "conv2", "relu2", "logits", "gradient")
    yield {"image": few, "cotangent": cotangent}, {"gradient_source": "conv2"}, ("logits", "gradient")
    yield {"image": few, **path, "cotangent": cotangent}, {}, ()
    yield {"image": few, **path}, PREDICTED, ("logits", "gradient")
    yield {"image": few, **path}, {**PREDICTED, "gradient_source": "relu1"}, ()


def list_text_predictions(model: str) -> Iterator[Asked]:
    """A model of texts: predictions, tokens, values of stages, gradients and integrals."""
    yield _predict(model, TEXTS[:1], "one text")
    yield _predict(model, [*TEXTS, PAIR["text"], {key: PAIR[key] for key in ("text", "text_pair")}], "texts and a pair")
    yield _predict(model, TEXTS[:1], "through the explainer", server=EXPLAINER)
    for tokens in ({}, {"text_pair": TEXTS[1:] + TEXTS[:1]}):
        names = {"text": TEXTS, **tokens}
        entries = [{"name": n, "datatype": "BYTES", "shape": [len(v)], "data": v} for n, v in names.items()]
        document = {"inputs": entries, "parameters": {"sink": "tokens"}}
        yield ask_in_json("V2 infer", f"/v2/models/{model}/infer", document, name=", ".join(names), server=PREDICTOR)
    yield from _infer("V2 infer", model, {"input_ids": IDS, "attention_mask": MASK}, {})
    for sink in ("embeddings", "embedding_sum", "layer_0"):
        yield from _infer("V2 infer", model, {"input_ids": IDS, "attention_mask": MASK}, {"sink": sink})
    embeddings = np.random.default_rng(0).normal(size=(2, 5, 64)).astype(np.float32)
    source: Tensors = {"embeddings": embeddings, "attention_mask": MASK}
    yield from _infer("gradients", model, {**source, "cotangent": np.eye(2, dtype=np.float32)}, {})
    predicted = {"predicted_rows": 2, "gradient_from": 0}
    yield from _infer("gradients", model, source, predicted)
    yield from _infer("gradients", model, {**source, **NODES, "path_start": embeddings * np.float32(0.1)}, predicted)


def _predict(model: str, instances: list[Any], name: str, server: str = PREDICTOR) -> Asked:
    return ask_in_json("V1 predict", f"/v1/models/{model}:predict", {"instances": instances}, name=name, server=server)


def _infer(
    kind: str, model: str, tensors: Tensors, parameters: dict[str, Any], outputs: tuple[str, ...] = ()
) -> Iterator[Asked]:
    for binary in (False, True):
        marked = {**parameters, "explanation": True} if kind == "gradients" else parameters
        body, headers = encode_tensors(tensors, binary, marked, outputs)
        shapes = ", ".join(f"{name} {list(array.shape)}" for name, array in tensors.items())
        name = f"{shapes} {marked} {' '.join(outputs)} {'binary' if binary else 'JSON'}"
        yield Asked(kind, f"/v2/models/{model}/infer", body, name, headers, server=PREDICTOR)
