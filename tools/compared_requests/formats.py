"""Pictures by all ways in and out: renderings, encoded pictures, V2, TorchServe, Alibi and AIX."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tools.checkout_servers import EXPLAINER, STAND_IN
from tools.compared_requests.asked import (
    Asked,
    ask_in_json,
    encode_tensors,
    explain,
    in_base64,
    read_picture,
    read_pixels,
    write_form,
)

RENDERS: list[tuple[dict[str, Any], Any]] = [
    ({}, "png"),
    ({"method": "saliency", "top_k": 3}, {"type": "png", "show_colorbar": True, "scale": 5}),
    ({"method": "deep_lift"}, {"look": "heat_map", "cmap": "PuOr_r", "outlier_perc": 0}),
    ({"method": "deep_lift"}, {"look": "original_image", "titles": True}),
    ({"method": "deep_lift"}, {"look": "masked_image"}),
    ({"method": "deep_lift"}, {"look": "alpha_scaling", "sign": "negative"}),
    ({"method": "deep_lift"}, {"alpha_overlay": 0.3, "sign": "absolute_value", "cmap": "viridis"}),
    ({"method": "layer_grad_cam", "layer": "conv2"}, {"sign": "positive"}),
    ({"method": "neuron_gradient", "layer": "conv2", "neuron": [1, 5, 5]}, "png"),
]


def list_formats(model: str, stand_in: bool) -> Iterator[Asked]:
    """Requests in the formats of others, of a model of pictures; some go to the stand-in, where there is one."""
    yield from _list_renderings(model)
    yield from _list_encoded(model)
    yield from _list_v2(model)
    for server in (EXPLAINER, STAND_IN) if stand_in else (EXPLAINER,):
        yield from _list_torchserve(model, server)
        yield from _list_aix(model, server)
    yield from _list_alibi(model)


def _list_renderings(model: str) -> Iterator[Asked]:
    pixels, path = read_pixels(model).tolist(), f"/v1/models/{model}:explain"
    for parameters, render in RENDERS:
        yield explain("renderings", model, pixels[:2], parameters, render=render)
    for accept in ("image/png", "text/html,image/png;q=0.9,*/*;q=0.8", "*/*"):
        yield Asked("renderings", path, read_picture(model), accept, headers={"Accept": accept})


def _list_encoded(model: str) -> Iterator[Asked]:
    path, pictures = f"/v1/models/{model}:explain", [read_picture(model, i) for i in range(3)]
    yield Asked("encoded pictures", path, pictures[0], "bytes")
    encoded = [{"b64": in_base64(picture)} for picture in pictures]
    for count in (1, 3):
        yield explain("encoded pictures", model, encoded[:count], {"method": "input_x_gradient"})
    yield explain("encoded pictures", model, [encoded[0], read_pixels(model)[1].tolist()], {"method": "saliency"})
    yield ask_in_json("encoded pictures", path, {"instances": [{"data": in_base64(pictures[0]), "target": 7}]})


def _list_v2(model: str) -> Iterator[Asked]:
    path, pixels = f"/v2/models/{model}/explain", read_pixels(model)
    for binary in (False, True):
        for parameters in ({}, {"n_steps": 15, "target": "[1, 2, 3]"}, {"method": "occlusion", "strides": 4}):
            body, headers = encode_tensors({"image": pixels}, binary, parameters)
            yield Asked("V2 explain", path, body, f"{parameters}, binary: {binary}", headers)
        body, headers = encode_tensors({"image": pixels[0]}, binary, {"top_k": 2}, ("explain", "target"))
        yield Asked("V2 explain", path, body, f"one instance, binary: {binary}", headers)
    for count in (1, 2):
        texts = [in_base64(read_picture(model, i)) for i in range(count)]
        entry = {"name": "312a4eb0", "shape": [-1], "datatype": "BYTES", "data": texts}
        yield ask_in_json("V2 explain", path, {"id": "d3b15cad", "inputs": [entry]}, name=f"{count} as bytes")


def _list_torchserve(model: str, server: str) -> Iterator[Asked]:
    path, picture = f"/explanations/{model}", read_picture(model)
    more: dict[str, Any] = {"kind": "TorchServe", "server": server}
    for verb in ("POST", "PUT"):
        yield Asked(path=path, body=picture, verb=verb, **more)
    yield Asked(path=f"{path}/1.0", body=picture, headers={"Content-Type": "image/png"}, **more)
    for parts in ({"data": picture}, {"body": picture, "target": b"3"}):
        body, headers = write_form(**parts)
        yield Asked(path=path, body=body, name=f"a form of {', '.join(parts)}", headers=headers, **more)
    text, pixels = in_base64(picture), read_pixels(model).tolist()
    for document in (
        {"data": text, "target": 7},
        {"body": pixels[0]},
        {"instances": [{"data": text, "target": 0}, {"data": pixels[1]}]},
        {"instances": [{"data": text}], "parameters": {"n_steps": 5, "target": 1}},
    ):
        yield ask_in_json(path=path, document=document, name=str(document)[:40], **more)


def _list_aix(model: str, server: str) -> Iterator[Asked]:
    path = f"/v1/models/{model}:explain"
    coloured = np.repeat(read_pixels(model)[:2, 0, :, :, None], 3, axis=-1).tolist()
    for name, instances, keys in (
        ("one", coloured[:1], {"top_labels": 3, "num_samples": 60}),
        ("strings", coloured[:1], {"top_labels": "10", "num_samples": "60", "positive_only": "false", "seed": "4"}),
        ("two", coloured, {"num_samples": 60, "min_weight": 0.02, "segmentation_alg": "slic"}),
        ("segments", coloured[:1], {"top_labels": 2, "num_samples": 60, "parameters": {"n_segments": 50}}),
        ("by its name", coloured[:1], {"format": "aix", "num_samples": 60, "segmentation_alg": "grid"}),
    ):
        yield ask_in_json("AIX", path, {"instances": instances, **keys}, name=name, server=server)
    if server == STAND_IN:
        yield Asked("AIX", path, read_picture(model), "bytes", server=server)
        native = {"format": "captum", "instances": read_pixels(model)[:1].tolist()}
        yield ask_in_json("AIX", path, native, name="our own format", server=server)


def _list_alibi(model: str) -> Iterator[Asked]:
    pixels = read_pixels(model).tolist()
    for count, parameters in (
        (1, {}),
        (2, {"n_steps": 50, "method": "gausslegendre", "internal_batch_size": 100, "target": [3, 8]}),
        (2, {"layer": "conv2", "target": 4, "n_steps": 9}),
        (3, {"method": "riemann_trapezoid", "n_steps": 7, "baselines": 0.5}),
    ):
        yield explain("Alibi", model, pixels[:count], parameters, format="alibi")
    encoded = [{"data": in_base64(read_picture(model))}]
    yield explain("Alibi", model, encoded, {"n_steps": 5}, format="alibi")
