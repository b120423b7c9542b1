"""Explanations of texts, by every method and by all ways in and out."""

import json
from collections.abc import Iterator
from typing import Any

from tools.checkout_servers import EXPLAINER, STAND_IN
from tools.compared_requests.asked import Asked, ask_in_json, explain
from tools.compared_requests.pictures import Methods

TEXTS = [
    "A dull and tedious film, and an insult to the audience.",
    "Not a dull minute.",
    "מה שלומך? 🎉 Great, unbelievably great phone!",
]
PAIR = {"text": "Not a dull minute.", "text_pair": "I loved every minute.", "target": "negative"}
FEW = {"n_steps": 7, "n_samples": 30}
PARAMETERS: list[dict[str, Any]] = [
    {},
    {"merge_subwords": True},
    {"merge_subwords": True, "skip_special_tokens": True, "normalization": "none"},
    {"n_steps": 100, "internal_batch_size": 9, "quadrature": "riemann_middle"},
    *({"layer": layer, "n_steps": 5} for layer in ("embedding_sum", "layer_0", "layer_1")),
    *({"n_steps": 5, "target": target} for target in (0, "positive", ["positive", None, 0])),
    {"method": "saliency", "abs": False},
    *({"method": method, "top_k": 2} for method in ("saliency", "layer_integrated_gradients")),
    {"method": "lime", "n_samples": 40, "top_k": 2},
    {"method": "gradient_shap", "n_samples": 4, "stdevs": 0.05, "seed": 5},
    {"method": "lime", "n_samples": 40, "bag_of_words": True, "surrogate": "ridge", "num_features": 4},
    {"method": "lime", "n_samples": 40, "replacement": "[MASK]", "seed": 3, "normalization": "l2"},
    {"method": "occlusion", "replacement": "[MASK]", "perturbations_per_eval": 3},
]
AIX: list[dict[str, Any]] = [
    {"top_labels": 2, "num_samples": 60},
    {"num_features": "3", "num_samples": "60", "seed": 4, "top_labels": "1"},
    {"format": "aix", "num_samples": 40},
]


def list_text_explanations(model: str, methods: Methods) -> Iterator[Asked]:
    """Every method with one, a pair and three texts; parameters by hand; HTML; the peers' clients."""
    for method, known in methods.items():
        few = {"method": method, **{name: value for name, value in FEW.items() if name in known}}
        yield explain("methods", model, TEXTS[1:2], {"method": method})
        yield explain("methods", model, TEXTS, few)
        yield explain("methods", model, [PAIR, TEXTS[0]], few)
        yield explain("probability", model, TEXTS[:2], {**few, "output": "probability"})
    for parameters in PARAMETERS:
        yield explain("parameters", model, TEXTS, parameters)
    yield explain("texts", model, ["", "dog " * 500, "<b>dog</b> & \0 [SEP] fox"], {"n_steps": 3})
    yield from _list_html(model)
    for server in (EXPLAINER, STAND_IN):
        yield from _list_peers(model, server)


def _list_html(model: str) -> Iterator[Asked]:
    for parameters in ({}, {"method": "lime", "n_samples": 40}, {"top_k": 2, "merge_subwords": True}):
        yield explain("HTML", model, TEXTS, parameters, render="html")
    body = json.dumps({"instances": [PAIR]}).encode()
    for accept in ("text/html", "*/*"):
        yield Asked("HTML", f"/v1/models/{model}:explain", body, accept, headers={"Accept": accept})


def _list_peers(model: str, server: str) -> Iterator[Asked]:
    path = f"/explanations/{model}"
    more: dict[str, Any] = {"kind": "TorchServe", "server": server}
    yield Asked(path=path, body=TEXTS[1].encode(), name="a bare text", **more)
    for document in ({"text": TEXTS[1], "target": 0}, {"instances": [{"text": TEXTS[0]}, TEXTS[1]]}):
        yield ask_in_json(path=path, document=document, name=str(document)[:40], **more)
    for keys in AIX:
        for texts in (TEXTS[:1], TEXTS):
            document = {"instances": texts, **keys}
            name = f"{len(texts)} x {keys}"
            yield ask_in_json("AIX", f"/v1/models/{model}:explain", document, name=name, server=server)
