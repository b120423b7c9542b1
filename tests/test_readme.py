"""What the README says can be typed, and its example request is a good one."""

from __future__ import annotations

import io
import json
import re

import numpy as np
import pytest
import requests
from captum_explainer.catalogue.catalogue import catalogue
from captum_explainer.predictor_client.description import Access
from PIL import Image

from local.servers import ROOT, Pair

README = (ROOT / "README.md").read_text()


def test_every_make_target_of_the_readme_is_in_the_makefile():
    named = set(re.findall(r"\bmake ([a-z-]+)", README))
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert {"demo", "test", "serve", "help"} <= named
    assert named <= targets


def test_the_table_of_methods_is_the_catalogue():
    rows = dict(re.findall(r"^\| (scores|gradients|structure): .*? \| (`.*`) \|$", README, flags=re.MULTILINE))
    for access in Access:
        known = {name for name, method in catalogue().items() if method.access == access}
        assert set(re.findall(r"`(\w+)`", rows[access.name.lower()])) == known


def test_the_example_request_is_answered(pair: Pair):
    request = json.loads(re.findall(r"```json\n(.*?)```", README, flags=re.DOTALL)[0])
    if pair.name == "mnist":
        request["parameters"]["target"] = "7"
    reply = requests.post(pair.explain_url, json=request, timeout=60)
    assert reply.status_code == 200, reply.text
    assert set(reply.json()) == {"explanations", "details", "parameters", "model"}
    assert reply.json()["parameters"]["n_steps"] == 100


def test_the_pictures_of_the_examples_are_answered_as_bytes(pair: Pair):
    picture = (ROOT / "models" / pair.name / "examples" / "0.png").read_bytes()
    reply = requests.post(pair.explain_url, data=picture, timeout=60)
    assert reply.status_code == 200, reply.text
    labels = json.loads((ROOT / "models" / pair.name / "examples" / "labels.json").read_text())
    assert reply.json()["details"][0]["prediction"] == labels[0]


@pytest.mark.parametrize("pair", ["fashion-mnist"], indirect=True)
def test_the_picture_of_the_readme_is_what_its_command_draws(pair: Pair):
    name, value, picture, path = re.findall(
        r"^curl -s -H '(\S+): (\S+)' --data-binary @(\S+) localhost:8080(\S+) > why.png$", README, flags=re.MULTILINE
    )[0]
    data = (ROOT / picture).read_bytes()
    reply = requests.post(pair.explainer.url + path, data=data, headers={name: value}, timeout=60)
    assert reply.status_code == 200, reply.text
    drawn, shown = (
        np.asarray(Image.open(file)) for file in (io.BytesIO(reply.content), ROOT / "docs/pictures/why.png")
    )
    # Another processor's last bits may be another shade.
    np.testing.assert_allclose(drawn.astype(int), shown.astype(int), atol=3)
