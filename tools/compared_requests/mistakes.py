"""Requests that are refused: the status is compared, and apart from it the sentence."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from tools.checkout_servers import PREDICTOR
from tools.compared_requests.asked import Asked, encode_tensors, in_base64, read_picture, read_pixels

GREY = [[0.5] * 28] * 28
SHORT = {"name": "image", "datatype": "FP32", "shape": [1, 1, 28, 28], "data": [0.0]}

BODIES: dict[str, bytes] = {
    "nothing": b"",
    "cut off": b'{"instances": [[',
    "no UTF-8": b'{"instances": "\xff\xfe"}',
    "NaN": b'{"instances": [[NaN]]}',
    "a list": b"[1, 2]",
    "too deep": b"[" * 100_000,
    "no instances": b'{"parameters": {}}',
    "instances empty": b'{"instances": []}',
    "instances a number": b'{"instances": 1}',
    "a number as an instance": b'{"instances": [3]}',
    "no base64": b'{"instances": [{"b64": "!!!!"}]}',
    "no picture": b'{"instances": [{"b64": "aGVsbG8="}]}',
    "another key than b64": b'{"instances": [{"base64": ""}]}',
    "half a picture": b"\x89PNG junk",
}
OF_PICTURES: list[dict[str, Any]] = [
    {"instances": [[[0.5] * 28] * 29]},
    {"instances": [[0.5] * 784]},
    {"instances": [GREY, None]},
    {"instances": [[["0.5"] * 28] * 28]},
    {"instances": [[[1.5] * 28] * 28]},
    {"instances": [[[1e300] * 28] * 28]},
    {"instances": [[0.0]] * 1025},
    {"instances": [GREY], "parameter": {}},
    {"instances": [GREY], "render": "svg"},
    {"instances": [GREY], "render": "html"},
    {"instances": [GREY], "render": {"look": "heatmap"}},
    {"instances": [GREY], "render": {"scale": 0}},
    {"instances": [GREY], "parameters": []},
    {"instances": [GREY], "top_labels": "all"},
    {"instances": [GREY], "positive_only": "maybe"},
    {"instances": [GREY], "num_samples": "20000", "top_labels": 1},
    {"instances": [GREY], "format": "alibi", "parameters": {"n_steps": "x"}},
    {"instances": [GREY], "format": "nobody's"},
]
TARGETS: tuple[Any, ...] = ("boot", 10, -1, 1.5, {}, [1, 2], [[1]])
PARAMETERS: list[dict[str, Any]] = [
    {"method": "integrated_gradient"},
    {"method": 3},
    {"method": "integrated_gradients", "n_step": 5},
    {"method": "saliency", "n_steps": 5},
    {"method": "saliency", "abs": 1},
    *({"method": "integrated_gradients", "n_steps": value} for value in ("5", 2.5, True, None, 0, 1001)),
    {"method": "integrated_gradients", "n_steps": 1, "quadrature": "riemann_trapezoid"},
    {"method": "integrated_gradients", "quadrature": "simpson"},
    {"method": "integrated_gradients", "internal_batch_size": 10_001},
    {"method": "integrated_gradients", "tolerance": -1},
    *({"method": "integrated_gradients", "baselines": value} for value in ([[0.0]], [], "zero", 1e39)),
    {"method": "deep_lift_shap", "baselines": 0.5},
    {"method": "saliency", "seed": -1},
    {"method": "saliency", "output": "logits"},
    {"method": "lrp", "output": "probability"},
    {"method": "lime", "alpha": "x"},
    {"method": "lime", "segmentation": "watershed"},
    {"method": "kernel_shap", "n_samples": 10_001},
    {"method": "shapley_values", "n_segments": 5},
    {"method": "occlusion", "strides": 5},
    {"method": "occlusion", "sliding_window_shapes": [1, 29, 1]},
    {"method": "feature_permutation"},
    *({"method": "saliency", "target": target} for target in TARGETS),
    {"method": "saliency", "target": 1, "top_k": 2},
    {"method": "saliency", "top_k": 11},
    *({"method": "saliency", "smooth": value} for value in ("smoothgrad", {"samples": 3}, {"nt_samples": 0})),
    *({"method": "saliency", "metrics": value} for value in ("infidelity", ["faith"])),
    {"method": "layer_lrp", "layer": "conv1", "metrics": ["infidelity"]},
    {"method": "layer_lrp", "layer": "relu1"},
    *({"method": "layer_grad_cam", "layer": layer} for layer in ("conv9", "image", 1)),
    {"method": "layer_grad_cam"},
    {"method": "neuron_gradient", "layer": "conv1"},
    {"method": "neuron_gradient", "layer": "conv1", "neuron": [64, 0, 0]},
    {"method": "neuron_gradient", "layer": "conv1", "neuron": [0, 0]},
    {"method": "guided_grad_cam", "layer": "flatten"},
    {"method": "layer_integrated_gradients", "layer": "flatten", "upsample": True},
]
OF_TEXTS: list[dict[str, Any]] = [
    *({"instances": [one]} for one in (3, None, [1.0], {"text": 3}, {"texts": "a"}, {"text_pair": "a"})),
    {"instances": ["a" * 1_000_001]},
    {"instances": ["a"], "render": "png"},
    {"instances": ["a"], "format": "alibi"},
    *(
        {"instances": ["a"], "parameters": parameters}
        for parameters in (
            {"method": "deep_lift"},
            {"method": "lime", "layer": "embeddings"},
            {"layer": "logits"},
            {"target": "glad"},
            {"target": 2},
            {"top_k": 3},
            {"n_steps": 0},
            {"normalization": "l1"},
            {"method": "lime", "num_features": 0},
            {"method": "lime", "replacement": 3},
        )
    ),
]
PATHS: list[tuple[str, str]] = [
    ("PUT", "/v1/models/{}:explain"),
    ("GET", "/v1/models/{}:predict"),
    ("POST", "/v1/models/{}:train"),
    ("POST", "/v1/models/{}:explain/"),
    ("POST", "/v1/models/cifar:explain"),
    ("POST", "/v1/models/cifar:predict"),
    ("GET", "/v1/models/cifar"),
    ("GET", "/v2/models/cifar"),
    ("POST", "/v2/models/cifar/infer"),
    ("PUT", "/explanations/{}/2.0"),
    ("GET", "/explanations/{}"),
    ("POST", "/v2/models/cifar/explain"),
    ("GET", "/v2/models/{}/versions/1"),
    ("POST", "/v2/repository/models/{}/unload"),
    ("GET", "/openapi.json"),
    ("GET", "/docs"),
]


def list_mistakes(model: str, texts: bool) -> Iterator[Asked]:
    """Bad bodies, parameters and paths, of both servers."""
    path = f"/v1/models/{model}:explain"
    for name, body in BODIES.items():
        for where in (path, f"/explanations/{model}", f"/v2/models/{model}/explain"):
            # On TorchServe's path a text may be anything.
            if not (texts and where.startswith("/explanations")):
                yield _refuse(where, body, name)
        for where in (f"/v1/models/{model}:predict", f"/v2/models/{model}/infer"):
            yield _refuse(where, body, name, server=PREDICTOR)
    documents = OF_TEXTS if texts else [*OF_PICTURES, *({"instances": [GREY], "parameters": p} for p in PARAMETERS)]
    for document in documents:
        told = {key: value for key, value in document.items() if key != "instances"}
        yield _refuse(path, json.dumps(document).encode(), json.dumps(told or document)[:150])
    for verb, where in PATHS:
        for server in ({"server": PREDICTOR}, {}):
            sent = b'{"instances": [[0.0]]}' if verb != "GET" else None
            yield _refuse(where.format(model), sent, "", verb=verb, **server)
    if not texts:
        yield from _list_bad_tensors(model)


def _list_bad_tensors(model: str) -> Iterator[Asked]:
    path, pixels = f"/v2/models/{model}/infer", read_pixels(model)
    yield _refuse(path, json.dumps({"inputs": [SHORT]}).encode(), "too few numbers", server=PREDICTOR)
    for name, tensors, parameters, outputs in (
        ("another input", {"input-0": pixels}, {}, ()),
        ("another shape", {"image": pixels.reshape(3, 784)}, {}, ()),
        ("no rows", {"image": pixels[:0]}, {}, ()),
        ("out of range", {"image": pixels - 1}, {}, ()),
        ("NaN", {"image": pixels * np.float32(np.nan)}, {}, ()),
        ("an unknown sink", {"image": pixels}, {"sink": "conv9"}, ()),
        ("an unknown output", {"image": pixels}, {}, ("probabilities",)),
        ("a cotangent of another shape", {"image": pixels, "cotangent": pixels}, {}, ()),
        ("too many predicted", {"image": pixels}, {"predicted_rows": 4, "gradient_from": 0}, ()),
        ("a path without nodes", {"image": pixels, "path_start": pixels}, {"predicted_rows": 3}, ()),
    ):
        body, headers = encode_tensors(tensors, True, parameters, outputs)
        yield _refuse(path, body, name, headers=headers, server=PREDICTOR)
    cut, headers = encode_tensors({"image": pixels}, True, {})
    yield _refuse(path, cut[:-1], "cut off", headers=headers, server=PREDICTOR)
    half = read_picture(model)[:100]
    for where in (f"/explanations/{model}", f"/v1/models/{model}:explain"):
        yield _refuse(where, half, "half a picture")
        yield _refuse(
            where, json.dumps({"instances": [{"data": in_base64(half)}]}).encode(), "half a picture in base64"
        )


def _refuse(path: str, body: bytes | None, name: str, **more: Any) -> Asked:  # noqa: ANN401 - Asked's own
    return Asked("mistakes", path, body, name, refused=True, **more)
