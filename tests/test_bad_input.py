"""Every mistake that a client of the explainer can make: its status, and its sentence."""

from __future__ import annotations

import base64
import gzip
import io
import json
import struct
import zlib
from collections.abc import Iterator

import numpy as np
import pytest
import requests
from PIL import Image

from local.servers import Pair

pytestmark = [
    pytest.mark.parametrize("pair", ["mnist"], indirect=True),
    pytest.mark.parametrize("workers", [1, 2], indirect=True),
]

TIMEOUT = 30
BODY_LIMIT = 64 * 2**20
GREY = [[0.5] * 28] * 28
LAYERS = "'conv1', 'relu1', 'pool1', 'dropout1', 'conv2'"
MARKER = "zebra-4711"
SECRET_HEADERS = {"X-Marker": MARKER, "Cookie": f"session={MARKER}", "User-Agent": MARKER}


def encoded(picture: Image.Image, form: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, form)
    return buffer.getvalue()


def noise(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width), dtype=np.uint8))


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


WHOLE = encoded(noise(28, 28))
BOMB = (
    b"\x89PNG\r\n\x1a\n"
    + chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0))
    + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    + chunk(b"IEND", b"")
)


def document(**keys: object) -> bytes:
    return json.dumps({"instances": [GREY], **keys}).encode()


def instances(*values: object) -> bytes:
    return json.dumps({"instances": values}).encode()


def b64(data: bytes) -> bytes:
    return instances({"b64": base64.b64encode(data).decode()})


def parameters(method: object = "saliency", **keys: object) -> bytes:
    return document(parameters={"method": method, **keys})


def plane(value: object) -> object:
    return [[value] * 28] * 28


BODIES = {
    "nothing": (b"", 400, "is not JSON"),
    "spaces": (b"   ", 400, "is not JSON"),
    "cut off": (b'{"instances": [[', 400, "is not JSON"),
    "not UTF-8": (b'{"instances": "\xff\xfe"}', 400, "is not JSON"),
    "NaN": (b'{"instances": [[NaN]]}', 400, "is not JSON"),
    "Infinity": (b'{"instances": [[-Infinity]]}', 400, "is not JSON"),
    "a number over every float": (b'{"instances": [[1e999]]}', 400, "is not JSON"),
    "null": (b"null", 400, "not a JSON object"),
    "a list": (b"[1, 2]", 400, "not a JSON object"),
    "a string": (b'"picture"', 400, "not a JSON object"),
    "lists a thousand deep": (b"[" * 1000 + b"]" * 1000, 400, "not a JSON object"),
    "lists too deep to be read": (b"[" * 100_000, 400, "is not JSON"),
    "an instance a thousand deep": (
        b'{"instances": [' + b"[" * 1000 + b"]" * 1000 + b"]}",
        400,
        "instances[0]: rows of different length or depth",
    ),
    "an unknown key": (document(parameter={}), 400, "'parameter' is not known; did you mean 'parameters'?"),
    "a key of V2": (document(inputs=[]), 400, "'inputs' is not known"),
    "no instances": (b'{"parameters": {}}', 400, "instances is missing or empty"),
    "instances empty": (instances(), 400, "instances is missing or empty"),
    "instances a number": (b'{"instances": 1}', 400, "instances is missing or empty"),
    "instances an object": (b'{"instances": {"b64": ""}}', 400, "instances is missing or empty"),
    "too many instances": (instances(*[[0.0]] * 1025), 413, "at most 1024 (the server's limit, --max_instances)"),
    "parameters a list": (document(parameters=[]), 400, "parameters is not an object"),
    "a render of another type": (document(render="svg"), 400, "render.type: 'svg' is not known; Known: png"),
    "a render that is a list": (document(render=[]), 400, 'render is []; expected "png" or {"type": "png"'),
    "parameters null": (document(parameters=None), 400, "parameters is not an object"),
}

INSTANCES = {
    "an empty instance": (instances([]), 400, "has the shape [0]; expected [1, 28, 28]"),
    "a row too many": (instances([*GREY, GREY[0]]), 400, "has the shape [29, 28]; expected [1, 28, 28]"),
    "a flat instance": (instances([0.5] * 784), 400, "has the shape [784]; expected [1, 28, 28]"),
    "a colour instance": (instances(plane([0.5] * 3)), 400, "has the shape [28, 28, 3]; expected [1, 28, 28]"),
    "a batch as an instance": (instances([[GREY]]), 400, "has the shape [1, 1, 28, 28]; expected [1, 28, 28]"),
    "a ragged row": (instances([*GREY[1:], [0.5] * 27]), 400, "rows of different length"),
    "the second of another shape": (instances(GREY, GREY[0]), 400, "instances[1] has the shape [28]"),
    "a number as an instance": (instances(3), 400, "instances[0] is not a list"),
    "null as an instance": (instances(GREY, None), 400, "instances[1] is not a list"),
    "a string as an instance": (instances("7"), 400, "instances[0] is not a list"),
    "strings as pixels": (instances(plane("0.5")), 400, "instances[0]: holds something that is not a number"),
    "one string among the pixels": (instances([*GREY[1:], ["a"] * 28]), 400, "something that is not a number"),
    "null as pixels": (instances(plane(None)), 400, "something that is not a number"),
    "objects as pixels": (instances(plane({})), 400, "something that is not a number"),
    "pixels over the range": (instances(plane(1.5)), 400, "values of 1.5 to 1.5; expected 0 to 1"),
    "pixels under the range": (instances(plane(-0.1)), 400, "values of -0.1 to -0.1; expected 0 to 1"),
    "pixels of 0 to 255": (instances(plane(255)), 400, "expected 0 to 1, the model's declared range"),
    "a pixel over float32": (instances(plane(1e300)), 400, "NaN or infinity"),
    "a pixel over 64 bits": (instances(plane(2**70)), 400, "expected 0 to 1"),
}

PICTURES = {
    "a picture of another size": (encoded(noise(32, 30)), 400, "is 32x30; expected 28x28"),
    "half a picture": (WHOLE[: len(WHOLE) // 2], 400, "picture is broken"),
    "a picture's first bytes": (b"\x89PNG junk", 400, "format is not known; expected one of PNG, JPEG"),
    "half a JPEG": (encoded(noise(28, 28), "JPEG")[:300], 400, "picture"),
    "a bomb": (BOMB, 400, "absurdly large"),
    "a TIFF": (encoded(noise(28, 28), "TIFF"), 400, "is not JSON"),
    "b64 of another size": (b64(encoded(noise(10, 10))), 400, "is 10x10; expected 28x28"),
    "b64 of half a picture": (b64(WHOLE[: len(WHOLE) // 2]), 400, "picture is broken"),
    "b64 of a bomb": (b64(BOMB), 400, "absurdly large"),
    "b64 of text": (b64(b"hello"), 400, "format is not known"),
    "b64 of a TIFF": (b64(encoded(noise(28, 28), "TIFF")), 400, "format is not known"),
    "b64 of nothing": (b64(b""), 400, "format is not known"),
    "b64 with other characters": (instances({"b64": "!!!!"}), 400, "b64 is not base64"),
    "b64 with other letters": (instances({"b64": "ééé"}), 400, "b64 is not base64"),
    "b64 a number": (instances({"b64": 3}), 400, "b64 is not a string"),
    "b64 and more": (instances({"b64": "", "name": "x"}), 400, "has the keys ['b64', 'name']"),
    "another key than b64": (instances({"base64": ""}), 400, "has the keys ['base64']"),
}

METHODS = {
    "an unknown method": (
        parameters("integrated_gradient"),
        400,
        "did you mean 'integrated_gradients'? Known: deconvolution",
    ),
    "Captum's class name": (parameters("IntegratedGradients"), 400, "did you mean 'integrated_gradients'?"),
    "a method that is nobody's": (parameters("zzz"), 400, "'zzz' is not known"),
    "a method that is a number": (parameters(3), 400, "method: '3' is not known"),
    "a method that is null": (parameters(None), 400, "is not known"),
    "a method that is a list": (parameters(["saliency"]), 400, "is not known"),
    "an unknown parameter": (
        parameters("integrated_gradients", n_step=5),
        400,
        "parameters of integrated_gradients: 'n_step' is not known; did you mean 'n_steps'?",
    ),
    "another method's parameter": (parameters(n_steps=5), 400, "parameters of saliency: 'n_steps' is not known"),
    "a neuron's target": (
        parameters("neuron_gradient", layer="logits", neuron=3, target=3),
        400,
        "parameters of neuron_gradient: 'target' is not known",
    ),
    "baselines of a method without": (parameters(baselines=0), 400, "'baselines' is not known"),
}

SMOOTH = {
    "a word": (parameters(smooth="smoothgrad"), 400, "smooth is 'smoothgrad'; expected an object or null"),
    "an unknown key": (
        parameters(smooth={"samples": 3}),
        400,
        "smooth has the key 'samples'; expected some of nt_type",
    ),
    "an unknown kind": (parameters(smooth={"nt_type": "mean"}), 400, "smooth.nt_type is 'mean'; expected one of"),
    "negative noise": (parameters(smooth={"stdevs": -1}), 400, "smooth.stdevs is -1; expected a number of 0"),
    "no samples": (parameters(smooth={"nt_samples": 0}), 400, "smooth.nt_samples is 0; expected a whole number of 1"),
    "of samples": (parameters("lime", smooth={}), 400, "parameters of lime: 'smooth' is not known"),
}

METRICS = {
    "a word": (parameters(metrics="infidelity"), 400, "metrics is 'infidelity'; expected a list, each item one of"),
    "an unknown one": (parameters(metrics=["faith"]), 400, "metrics is ['faith']; expected a list, each item one of"),
    "no radius": (parameters(metrics=["sensitivity"], perturb_radius=0), 400, "perturb_radius is 0; expected"),
    "of one another": (
        document(parameters={"method": "feature_permutation"}),
        400,
        "feature_permutation explains instances by one another; expected two or more of them, got 1",
    ),
    "relevance of a probability": (parameters("lrp", output="probability"), 400, "expected one of 'logit'"),
}

KINDS = {
    "a flag that is 1": (parameters(abs=1), 400, "abs is 1; expected true or false"),
    "a flag that is a string": (parameters(abs="true"), 400, "abs is 'true'; expected true or false"),
    "an integer that is a string": (
        parameters("integrated_gradients", n_steps="5"),
        400,
        "n_steps is '5'; expected a whole",
    ),
    "an integer with a fraction": (parameters("integrated_gradients", n_steps=2.5), 400, "n_steps is 2.5"),
    "an integer as a float": (parameters("integrated_gradients", n_steps=5.0), 400, "n_steps is 5.0"),
    "an integer that is true": (parameters("integrated_gradients", n_steps=True), 400, "n_steps is True"),
    "an integer that is null": (parameters("integrated_gradients", n_steps=None), 400, "n_steps is None"),
    "an integer that is another word": (
        parameters("integrated_gradients", n_steps="Auto"),
        400,
        "n_steps is 'Auto'; expected a whole number of 1 to 1000 or 'auto'",
    ),
    "an integer under its minimum": (parameters("integrated_gradients", n_steps=0), 400, "a whole number of 1 to 1000"),
    "a negative seed": (parameters(seed=-1), 400, "seed is -1; expected a whole number of 0 to 4294967295"),
    "a seed of 33 bits": (parameters(seed=2**32), 400, "seed is 4294967296"),
    "a seed of 70 bits": (parameters(seed=2**70), 400, "expected a whole number of 0 to 4294967295"),
    "a number that is a string": (parameters("lime", alpha="x"), 400, "alpha is 'x'; expected a number of 0.0 or more"),
    "a number under its minimum": (parameters("gradient_shap", stdevs=-0.1), 400, "stdevs is -0.1"),
    "a choice that is none": (
        parameters("integrated_gradients", quadrature="simpson"),
        400,
        "one of 'gausslegendre', ",
    ),
    "an output that is none": (parameters(output="logits"), 400, "expected one of 'logit', 'probability'"),
    "a segmentation that is none": (
        parameters("lime", segmentation="watershed"),
        400,
        "'quickshift', 'grid', 'pixels'",
    ),
    "an interpolation that is none": (
        parameters("layer_grad_cam", layer="conv2", interpolate_mode="cubic"),
        400,
        "expected one of 'nearest', 'bilinear'",
    ),
    "too few rows a pass": (parameters("integrated_gradients", internal_batch_size=0), 400, "of 1 to 10000 or null"),
    "no perturbations a pass": (parameters("kernel_shap", perturbations_per_eval=0), 400, "whole number of 1 to 10000"),
    "a negative tolerance": (parameters("integrated_gradients", tolerance=-1), 400, "tolerance is -1"),
    "one step of a trapezoid": (
        parameters("integrated_gradients", n_steps=1, quadrature="riemann_trapezoid"),
        400,
        "number of steps has to be larger than one",
    ),
    "AIX's top labels a word": (document(top_labels="all"), 400, "top_labels is 'all'; expected a whole number"),
    "AIX's top labels over": (document(top_labels="11"), 400, "top_k is 11; expected at most 10"),
    "AIX's weight a word": (document(min_weight="a"), 400, "min_weight is 'a'; expected a number"),
    "AIX's flag a word": (document(positive_only="maybe"), 400, "positive_only is 'maybe'; expected true or false"),
    "AIX's algorithm a list": (document(segmentation_alg=[]), 400, "segmentation_alg is []"),
}

LIMITS = {
    "steps": (
        parameters("integrated_gradients", n_steps=1001),
        400,
        "1 to 1000 or 'auto' (the server's limit, --max_steps)",
    ),
    "rows of a pass": (
        parameters("integrated_gradients", internal_batch_size=10_001),
        400,
        "1 to 10000 or null (the server's limit, --max_rows)",
    ),
    "perturbations of a pass": (parameters("occlusion", perturbations_per_eval=10_001), 400, "--max_rows"),
    "samples": (parameters("kernel_shap", n_samples=10_001), 400, "1 to 10000 (the server's limit, --max_samples)"),
    "random points": (parameters("gradient_shap", n_samples=10_001), 400, "the server's limit, --max_samples"),
    "segments": (parameters("lime", n_segments=10_001), 400, "2 to 10000 (the server's limit, --max_perturbations)"),
    "samples of a wide layer": (
        parameters("neuron_gradient_shap", layer="conv1", neuron=[0, 0, 0], n_samples=5000),
        400,
        "n_samples is 5000; expected at most 2551 of this size",
    ),
    "noisy inputs": (parameters(smooth={"nt_samples": 10_001}), 400, "smooth.nt_samples is 10001; expected"),
    "noisy inputs a pass": (parameters(smooth={"nt_samples_batch_size": 10_001}), 400, "server's limit, --max_rows"),
    "changed inputs of a metric": (parameters(n_perturb_samples=10_001), 400, "the server's limit, --max_samples"),
    "nine segments' orders": (
        parameters("shapley_values", n_segments=5),
        400,
        "shapley_values of 9 segments makes more than 10000 evaluations (the server's limit, --max_perturbations)",
    ),
    "every pixel's orders": (
        parameters("shapley_value_sampling", segmentation="pixels"),
        400,
        "shapley_value_sampling of 784 segments makes more than 10000 evaluations",
    ),
    "a layer's units": (
        parameters("layer_feature_ablation", layer="conv1", layer_mask="units"),
        400,
        "the layer has 50176 units; expected at most 10000 (the server's limit, --max_perturbations)",
    ),
    "AIX's samples": (document(num_samples="20000", top_labels=1), 400, "the server's limit, --max_samples"),
}

WINDOWS = {
    "no stride": (parameters("occlusion", strides=0), 400, "strides is 0"),
    "a stride over the window": (parameters("occlusion", strides=5), 400, "at most the window's size [1, 4, 4]"),
    "a window over the picture": (
        parameters("occlusion", sliding_window_shapes=[1, 29, 1]),
        400,
        "sliding_window_shapes is [1, 29, 1]; expected one size a dimension, at most [1, 28, 28]",
    ),
    "a window of two dimensions": (parameters("occlusion", sliding_window_shapes=[3, 3]), 400, "one size a dimension"),
    "a window without size": (parameters("occlusion", sliding_window_shapes=[]), 400, "one size a dimension"),
    "a window of 70 bits": (parameters("occlusion", sliding_window_shapes=2**70), 400, "a whole number of 1 or more"),
}

TARGETS = {
    "an unknown label": (parameters(target="boot"), 400, "the label 'boot'; expected an index, or one of '0', '1'"),
    "an index over": (parameters(target=10), 400, "target is 10; expected an index of 0 to 9"),
    "a negative index": (parameters(target=-1), 400, "target is -1"),
    "a fraction": (parameters(target=1.5), 400, "target is 1.5"),
    "a float": (parameters(target=1.0), 400, "target is 1.0"),
    "true": (parameters(target=True), 400, "target is True"),
    "an object": (parameters(target={}), 400, "target is {}"),
    "a list too long": (parameters(target=[1, 2]), 400, "target has 2 entries; expected 1, one an instance"),
    "an empty list": (parameters(target=[]), 400, "target is []"),
    "a nested list": (parameters(target=[[1]]), 400, "target is [[1]]"),
    "a list with an unknown label": (parameters(target=["boot"]), 400, "the label 'boot'"),
    "both a target and top_k": (parameters(target=1, top_k=2), 400, "both target and top_k are there"),
    "top_k over the outputs": (parameters(top_k=11), 400, "top_k is 11; expected at most 10"),
    "top_k of 0": (parameters(top_k=0), 400, "top_k is 0"),
}

LAYER_AND_NEURON = {
    "no layer": (parameters("layer_grad_cam"), 400, f"layer_grad_cam needs layer; expected one of {LAYERS}"),
    "an unknown layer": (
        parameters("layer_grad_cam", layer="conv9"),
        400,
        f"layer is 'conv9'; expected one of {LAYERS}",
    ),
    "the input as a layer": (parameters("layer_grad_cam", layer="image"), 400, f"expected one of {LAYERS}"),
    "a layer's number": (parameters("layer_grad_cam", layer=1), 400, "layer is 1; expected one of"),
    "a layer for a method without": (parameters(layer="conv1"), 400, "'layer' is not known"),
    "no neuron": (parameters("neuron_gradient", layer="conv1"), 400, "neuron_gradient needs neuron"),
    "a neuron without a layer": (parameters("neuron_gradient", neuron=1), 400, "neuron_gradient needs layer"),
    "a neuron outside": (
        parameters("neuron_gradient", layer="conv1", neuron=[64, 0, 0]),
        400,
        "neuron is [64, 0, 0]; expected an index into conv1's shape [64, 28, 28]",
    ),
    "a neuron of two dimensions": (
        parameters("neuron_gradient", layer="conv1", neuron=[0, 0]),
        400,
        "an index into conv1's shape",
    ),
    "one number for three dimensions": (parameters("neuron_gradient", layer="conv1", neuron=3), 400, "conv1's shape"),
    "a negative neuron": (parameters("neuron_gradient", layer="logits", neuron=-1), 400, "neuron is -1"),
    "a neuron that is true": (parameters("neuron_gradient", layer="logits", neuron=[True]), 400, "neuron is [True]"),
    "a neuron as a float": (parameters("neuron_gradient", layer="logits", neuron=[0.0]), 400, "neuron is [0.0]"),
    "relevance at a ReLU": (
        parameters("layer_lrp", layer="relu1"),
        400,
        "layer_lrp: Captum keeps no relevance at 'relu1', a ReLU; expected the stage before it",
    ),
    "a metric of a layer": (
        parameters("layer_lrp", layer="conv1", metrics=["infidelity"]),
        400,
        "attributes the score to the input, instance by instance; layer_lrp is a layer method",
    ),
    "a target of an activation": (
        parameters("layer_activation", layer="conv1", target=3),
        400,
        "'target' is not known",
    ),
    "guided Grad-CAM at a flat layer": (parameters("guided_grad_cam", layer="linear1"), 400, "has no height and width"),
    "upsampling a flat layer": (
        parameters("layer_integrated_gradients", layer="linear1", upsample=True),
        400,
        "upsample: the attributions have the shape [256]",
    ),
}

BASELINES = {
    "an array of another shape": (
        parameters("integrated_gradients", baselines=[[0.0]]),
        400,
        "baselines have the shape [1, 1]; expected [1, 28, 28]",
    ),
    "several for a method with one": (
        parameters("integrated_gradients", baselines=[[GREY], [GREY]]),
        400,
        "baselines have the shape [2, 1, 28, 28]",
    ),
    "an empty list": (parameters("integrated_gradients", baselines=[]), 400, "baselines is []"),
    "an unknown name": (parameters("integrated_gradients", baselines="zero"), 400, "'zeros', 'ones', 'mean', 'blur'"),
    "ragged": (parameters("deep_lift", baselines=[[1, 2], [3]]), 400, "baselines: rows of different length"),
    "strings": (parameters("deep_lift", baselines=plane("a")), 400, "baselines: holds something that is not a number"),
    "a number over float32": (parameters("integrated_gradients", baselines=1e39), 400, "that fits float32"),
    "an array over float32": (
        parameters("integrated_gradients", baselines=plane(1e39)),
        400,
        "baselines hold NaN or infinity",
    ),
    "one for a method with a distribution": (
        parameters("deep_lift_shap", baselines=0.5),
        400,
        "baselines are one; expected two or more: 'random', or an array",
    ),
    "true": (parameters("occlusion", baselines=True), 400, "baselines is True"),
}

TABLE = {
    f"{group}: {name}": case
    for group, cases in {
        "body": BODIES,
        "instances": INSTANCES,
        "picture": PICTURES,
        "method": METHODS,
        "kind": KINDS,
        "smooth": SMOOTH,
        "metrics": METRICS,
        "limit": LIMITS,
        "window": WINDOWS,
        "target": TARGETS,
        "layer": LAYER_AND_NEURON,
        "baselines": BASELINES,
    }.items()
    for name, case in cases.items()
}


def multipart(data: bytes, name: str = "data") -> bytes:
    return b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n--x--\r\n' % (name.encode(), data)


def byte_strings(*data: bytes) -> bytes:
    texts = [base64.b64encode(one).decode() for one in data]
    entry = {"name": "pictures", "datatype": "BYTES", "shape": [len(data)], "data": texts}
    return json.dumps({"inputs": [entry]}).encode()


# Each bad picture by each of the peers' ways: (verb, path, body, Content-Type).
def ways(picture: bytes) -> list[tuple[str, str, bytes, str]]:
    text = base64.b64encode(picture).decode()
    form = "multipart/form-data; boundary=x"
    return [
        ("POST", "/explanations/mnist", picture, ""),
        ("PUT", "/explanations/mnist/1.0", picture, "image/png"),
        ("POST", "/explanations/mnist", multipart(picture), form),
        ("PUT", "/explanations/mnist", json.dumps({"data": text}).encode(), "application/json"),
        ("POST", "/v1/models/mnist:explain", json.dumps({"instances": [{"data": text, "target": 7}]}).encode(), ""),
        (
            "POST",
            "/v1/models/mnist:explain",
            json.dumps({"format": "alibi", "instances": [{"data": text}]}).encode(),
            "",
        ),
        ("POST", "/v2/models/mnist/explain", byte_strings(picture), "application/json"),
    ]


BAD_PICTURES = {
    "half a picture": (WHOLE[: len(WHOLE) // 2], "picture is broken"),
    "a picture's first bytes": (b"\x89PNG junk", "format is not known"),
    "another size": (encoded(noise(32, 30)), "is 32x30; expected 28x28"),
    "a bomb": (BOMB, "absurdly large"),
    "text": (b"hello", "format is not known"),
    "a TIFF": (encoded(noise(28, 28), "TIFF"), "format is not known"),
    "nothing": (b"", "format is not known"),
}

PATHS = {
    "explain by PUT": ("PUT", "/v1/models/mnist:explain", 405, "PUT is not possible"),
    "explain by DELETE": ("DELETE", "/v1/models/mnist:explain", 405, "DELETE is not possible"),
    "predict by GET": ("GET", "/v1/models/mnist:predict", 405, "GET is not possible"),
    "methods by POST": ("POST", "/v1/models/mnist/methods", 405, "POST is not possible"),
    "another verb of V1": ("POST", "/v1/models/mnist:train", 405, "POST is not possible"),
    "another path": ("GET", "/explanations", 404, "the explainer has nothing at /explanations; GET /v1/models lists"),
    "TorchServe's path by GET": ("GET", "/explanations/mnist", 405, "GET is not possible at /explanations/mnist"),
    "another model of TorchServe's": ("PUT", "/explanations/cifar", 404, "'cifar'; this server explains 'mnist'"),
    "another version": (
        "PUT",
        "/explanations/mnist/2.0",
        404,
        "there is no version '2.0' of the model; this server explains '1.0' (its --model_version)",
    ),
    "V2's explanation by GET": ("GET", "/v2/models/mnist/explain", 405, "GET is not possible"),
    "V2's explanation of another": ("POST", "/v2/models/cifar/explain", 404, "'cifar'; this server explains 'mnist'"),
    "a slash too many": ("POST", "/v1/models/mnist:explain/", 404, "the explainer has nothing at"),
    "kserve's schema": ("GET", "/openapi.json", 404, "the explainer has nothing at /openapi.json"),
    "kserve's pages": ("GET", "/docs", 404, "the explainer has nothing at /docs"),
    "another model": ("POST", "/v1/models/cifar:explain", 404, "'cifar'; this server explains 'mnist'"),
    "another model's prediction": ("POST", "/v1/models/cifar:predict", 404, "'cifar'; this server explains 'mnist'"),
    "another model's methods": ("GET", "/v1/models/cifar/methods", 404, "'cifar'; this server explains 'mnist'"),
    "another model's catalogue": ("GET", "/v1/models/cifar:explain", 404, "'cifar'; this server explains 'mnist'"),
    "another model's readiness": ("GET", "/v1/models/cifar", 404, "'cifar'"),
    "V2's inference": ("POST", "/v2/models/mnist/infer", 404, "is the predictor's"),
    "V2's versions": ("GET", "/v2/models/mnist/versions/1", 404, "is the predictor's"),
    "taking the model away": ("POST", "/v2/repository/models/mnist/unload", 403, "load and unload are not offered"),
    "a model's name of 2,000 characters": (
        "POST",
        f"/v1/models/{'m' * 2000}:explain",
        404,
        "this server explains 'mnist'",
    ),
    "a model's name of no character": ("GET", "/v1/models/%00%ff:explain", 404, "this server explains 'mnist'"),
}


@pytest.fixture(scope="module")
def session(workers: int) -> Iterator[requests.Session]:
    with requests.Session() as client:
        client.headers.update(SECRET_HEADERS)
        if workers > 1:
            client.headers["Connection"] = "close"  # so that any worker may take the next request
        yield client


def assert_refused(response: requests.Response, status: int, sentence: str) -> None:
    """The status, `{"error": sentence}`, and nothing of the server's inside or of the request's headers."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    answer = response.json()
    assert list(answer) == ["error"]
    assert sentence in answer["error"]
    assert "\n" not in answer["error"]
    assert "Traceback" not in answer["error"]
    assert_no_echo(response)


def assert_no_echo(response: requests.Response) -> None:
    assert MARKER not in response.text
    assert MARKER not in str(response.headers)


def assert_good(pair: Pair, session: requests.Session) -> None:
    response = session.post(pair.explain_url, data=parameters(), timeout=TIMEOUT)
    assert response.status_code == 200
    assert np.array(response.json()["explanations"]).shape == (1, 1, 28, 28)


@pytest.mark.parametrize("case", TABLE.values(), ids=TABLE.keys())
def test_a_mistake_in_the_body_is_told(case: tuple[bytes, int, str], pair: Pair, session: requests.Session) -> None:
    body, status, sentence = case
    assert_refused(session.post(pair.explain_url, data=body, timeout=TIMEOUT), status, sentence)


@pytest.mark.parametrize("case", BAD_PICTURES.values(), ids=BAD_PICTURES.keys())
def test_a_bad_picture_is_told_by_every_way_in(case: tuple[bytes, str], pair: Pair, session: requests.Session) -> None:
    picture, sentence = case
    for verb, path, body, content_type in ways(picture):
        response = session.request(
            verb, pair.explainer.url + path, data=body, headers={"Content-Type": content_type}, timeout=TIMEOUT
        )
        assert_refused(response, 400, sentence)


def test_the_answers_of_all_ways_echo_nothing(pair: Pair, session: requests.Session) -> None:
    for verb, path, body, content_type in ways(WHOLE):
        response = session.request(
            verb, pair.explainer.url + path, data=body, headers={"Content-Type": content_type}, timeout=TIMEOUT
        )
        assert response.status_code == 200, response.text
        assert_no_echo(response)


@pytest.mark.parametrize("case", PATHS.values(), ids=PATHS.keys())
def test_a_mistake_in_the_path_is_told(case: tuple[str, str, int, str], pair: Pair, session: requests.Session) -> None:
    verb, path, status, sentence = case
    response = session.request(verb, pair.explainer.url + path, data=parameters(), timeout=TIMEOUT)
    assert_refused(response, status, sentence)


@pytest.mark.parametrize("operation", ["explain", "predict"])
def test_a_compressed_body_is_refused(operation: str, pair: Pair, session: requests.Session) -> None:
    url = f"{pair.explainer.url}/v1/models/mnist:{operation}"
    response = session.post(
        url, gzip.compress(instances([GREY])), headers={"Content-Encoding": "gzip"}, timeout=TIMEOUT
    )
    assert_refused(response, 400, "Content-Encoding is 'gzip'; expected none: send the body uncompressed")


@pytest.mark.parametrize("operation", ["explain", "predict"])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_limit_is_refused_and_the_next_is_served(
    operation: str, chunked: bool, pair: Pair, session: requests.Session
) -> None:
    part = b" " * 2**20
    count = BODY_LIMIT // len(part) + 1
    body = iter([part] * count) if chunked else part * count
    response = session.post(f"{pair.explainer.url}/v1/models/mnist:{operation}", data=body, timeout=TIMEOUT)
    assert_refused(response, 413, f"expected at most {BODY_LIMIT}")
    assert_good(pair, session)


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "nonsense",
        "application/octet-stream",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
        "application/cloudevents+json",
        "image/png",
    ],
)
@pytest.mark.parametrize("operation", ["explain", "predict"])
def test_json_is_read_whatever_its_content_type_says(
    operation: str, content_type: str | None, pair: Pair, session: requests.Session
) -> None:
    body = parameters() if operation == "explain" else instances([GREY])
    url = f"{pair.explainer.url}/v1/models/mnist:{operation}"
    response = session.post(url, data=body, headers={"Content-Type": content_type}, timeout=TIMEOUT)
    assert response.status_code == 200, response.text
    assert_no_echo(response)


def test_the_headers_of_a_cloud_event_are_not_echoed(pair: Pair, session: requests.Session) -> None:
    headers = {"ce-specversion": "1.0", "ce-id": MARKER, "ce-source": MARKER, "ce-type": MARKER}
    response = session.post(pair.explain_url, data=parameters(), headers=headers, timeout=TIMEOUT)
    assert response.status_code == 200, response.text
    assert_no_echo(response)
    assert not [name for name in response.headers if name.lower().startswith("ce-")]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "is not JSON"),
        (b"{", "is not JSON"),
        (b"[]", "not a JSON object"),
        (instances(GREY[0]), "expected [n, 1, 28, 28]"),
    ],
)
def test_the_predictors_refusal_of_a_prediction_is_passed_on(
    body: bytes, sentence: str, pair: Pair, session: requests.Session
) -> None:
    url = f"{pair.explainer.url}/v1/models/mnist:predict"
    assert_refused(session.post(url, data=body, timeout=TIMEOUT), 400, sentence)
