"""What the README and the page of the HTTP API show can be sent, and is answered as they show."""

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

README, API = (ROOT / "README.md").read_text(), (ROOT / "docs" / "http-api.md").read_text()


def test_every_make_target_of_the_readme_is_in_the_makefile():
    named = set(re.findall(r"\bmake ([a-z-]+)", README))
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert {"demo", "test", "serve", "help"} <= named
    assert named <= targets


def test_the_table_of_methods_is_the_catalogue():
    rows = dict(re.findall(r"^\| (scores|gradients|structure): .*? \| (`.*`) \|$", API, flags=re.MULTILINE))
    for access in Access:
        known = {name for name, method in catalogue().items() if method.access == access}
        assert set(re.findall(r"`(\w+)`", rows[access.name.lower()])) == known


def test_the_readme_counts_the_methods_right():
    assert re.findall(r"\b(\d+) of (?:its methods|Captum's)", README) == [str(len(catalogue()))] * 2


@pytest.mark.parametrize("pair", ["fashion-mnist"], indirect=True)
def test_the_answer_of_the_readme_is_what_its_request_gets(pair: Pair):
    picture, path = re.findall(r"^curl -s --data-binary @(\S+) localhost:8080(\S+)$", README, flags=re.MULTILINE)[0]
    answer = requests.post(pair.explainer.url + path, data=(ROOT / picture).read_bytes(), timeout=60).json()
    (shown,) = re.findall(r"```\n(\{.*?)```", README, flags=re.DOTALL)
    (details,) = re.findall(r'"details": \[(\{.*?\})\]', shown, flags=re.DOTALL)
    (parameters,) = re.findall(r'"parameters": (\{.*?), \.\.\.\}', shown, flags=re.DOTALL)
    # The page rounds the numbers, and another processor's last bits differ.
    assert json.loads(details) == pytest.approx(answer["details"][0], abs=0.006)
    assert json.loads(parameters + "}").items() <= answer["parameters"].items()
    name, digest = re.findall(r'"model": \{"name": "(\S+)", "digest": "(\w+)\.\.\."\}', shown)[0]
    assert answer["model"]["name"] == name
    assert answer["model"]["digest"].startswith(digest)


def test_the_example_request_is_answered(pair: Pair):
    request = json.loads(re.findall(r"```json\n(.*?)```", API, flags=re.DOTALL)[0])
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
