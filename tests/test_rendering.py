"""Pictures from the running server: what the JSON says, drawn."""

from __future__ import annotations

import io
import json
import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import requests
from captum.attr._utils.visualization import _normalize_attr
from captum_explainer.rendering.options import Render
from matplotlib import colormaps
from PIL import Image

from local.servers import ROOT, Pair
from tests.support.explaining import ask, examples

PNG = {"Accept": "image/png"}


def post(pair: Pair, document: object = None, picture: int | None = None) -> requests.Response:
    """A document, or the bytes of one of the model's examples, by a client that would rather have PNG."""
    if picture is None:
        return requests.post(pair.explain_url, json=document, headers=PNG, timeout=60)
    data = (ROOT / "models" / pair.name / "examples" / f"{picture}.png").read_bytes()
    return requests.post(pair.explain_url, data=data, headers=PNG, timeout=60)


def pixels(response: requests.Response) -> np.ndarray:
    assert (response.status_code, response.headers["Content-Type"]) == (200, "image/png"), response.text[:200]
    return np.asarray(Image.open(io.BytesIO(response.content)), dtype=np.float64)


def test_a_pictures_bytes_come_back_blended_with_captums_own_scale(pair: Pair):
    inputs = examples(pair.name)[:1]
    attributions = ask(pair, inputs).values[0, 0]
    shares = (_normalize_attr(attributions.astype(np.float64), "all", 2) + 1) / 2
    colours = colormaps["RdBu_r"](shares)[..., :3] * 255
    expected = 0.7 * colours + 0.3 * 255 * inputs[0, 0, :, :, None].numpy()
    picture = pixels(post(pair, picture=0))
    assert picture.shape == (280, 280, 3)
    np.testing.assert_allclose(picture, expected.repeat(10, 0).repeat(10, 1), atol=4)


def test_pictures_at_once_have_the_bytes_of_pictures_alone(pair: Pair):
    render = {"look": "heat_map", "titles": True, "show_colorbar": True}
    documents = [
        {"instances": examples(pair.name)[i : i + 2].tolist(), "parameters": {"top_k": 2}, "render": render}
        for i in range(6)
    ]
    alone = [post(pair, document).content for document in documents]
    with ThreadPoolExecutor(6) as threads:
        at_once = list(threads.map(lambda document: post(pair, document).content, documents))
    assert at_once == alone
    assert len(set(alone)) == 6


def test_errors_are_sentences_also_for_who_wants_a_picture(pair: Pair):
    instances = examples(pair.name)[:1].tolist()
    for document, sentence in (
        ({"instances": instances, "parameters": {"method": "gradcam"}}, "did you mean"),
        ({"instances": instances, "parameters": {"method": "layer_grad_cam", "layer": "logits"}}, "height and width"),
        ({"instances": instances, "render": {"look": "heatmap"}}, "render.look: 'heatmap' is not known; did you mean"),
        ({"instances": [[1.0]]}, "expected [1, 28, 28]"),
    ):
        response = post(pair, document)
        assert (response.status_code, response.headers["Content-Type"]) == (400, "application/json")
        assert sentence in response.json()["error"]


def test_the_request_of_the_page_is_drawn(pair: Pair):
    page = (ROOT / "docs/rendering.md").read_text()
    (request,) = re.findall(r"```json\n(.*?)```", page, flags=re.DOTALL)
    assert pixels(post(pair, json.loads(request))).ndim == 3
    assert set(re.findall(r"^\| `(\w+)` \|", page, flags=re.MULTILINE)) == set(Render.__dataclass_fields__)
