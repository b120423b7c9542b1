"""What the pages about texts say can be sent is answered, and what the commands write can be looked at."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import html5lib
import pytest
import requests

from local.servers import ROOT, TEXT_MODEL, Pair

PAGE, REFERENCE = ((ROOT / "docs" / name).read_text() for name in ("text.md", "text-reference.md"))
TIMEOUT = 60
ADDRESS = "http://localhost:8080"


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def section(heading: str) -> str:
    return REFERENCE.partition(f"## {heading}\n")[2].partition("\n## ")[0]


def words_of(page: str) -> list[str]:
    tree = html5lib.HTMLParser(namespaceHTMLElements=False).parseFragment(page)
    return ["".join(element.itertext()) for element in tree.iter() if element.get("title") is not None]


@pytest.mark.parametrize("pair", [TEXT_MODEL], indirect=True)
@pytest.mark.parametrize("command", blocks("bash")[0].splitlines())
def test_the_commands_are_answered(command: str, pair: Pair, tmp_path: Path) -> None:
    command = command.replace(ADDRESS, pair.explainer.url).replace(".venv/bin/python", shlex.quote(sys.executable))
    command = command.replace("why.html", str(tmp_path / "why.html"))
    done = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT)
    assert done.returncode == 0, done.stderr
    if "why.html" in command:
        assert {"dull", "minute"} <= set(words_of((tmp_path / "why.html").read_text()))
    else:
        assert set(json.loads(done.stdout)["explanations"][0]) == {"words", "importances", "delta"}


@pytest.mark.parametrize("pair", [TEXT_MODEL], indirect=True)
def test_the_request_is_answered_by_the_words_of_its_json(pair: Pair) -> None:
    request = json.loads(blocks("json")[0])
    page = requests.post(pair.explain_url, json=request, timeout=TIMEOUT)
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    del request["render"]
    plain = requests.post(pair.explain_url, json=request, timeout=TIMEOUT).json()
    assert words_of(page.text) == [word for one in plain["explanations"] for word in one["words"]]
    assert "מה" in words_of(page.text)
    named = {"method", "text", "target_label", "prediction_label", "score", "truncated", "tokens_dropped", "offsets"}
    assert named <= set(plain["details"][0])
    assert plain["details"][1]["target_label"] == "negative"


@pytest.mark.parametrize("pair", [TEXT_MODEL], indirect=True)
def test_the_table_names_the_parameters_and_their_defaults(pair: Pair) -> None:
    rows = re.findall(r"^\| (`.*?) \| .*? \| .*\|$", section("The parameters"), re.MULTILINE)
    named = {name for names in rows for name in re.findall(r"`(\w+)`", names)}
    for method in ("layer_integrated_gradients", "lime", "occlusion"):
        request = {"instances": ["Not a dull minute."], "parameters": {"method": method}}
        parameters = requests.post(pair.explain_url, json=request, timeout=TIMEOUT).json()["parameters"]
        assert set(parameters) & named == set(parameters) - {"tolerance"} - OF_THE_METHOD
        assert parameters["normalization"] == ("l2" if method.startswith("layer") else "none")


# Captum's own, which the catalogue describes.
OF_THE_METHOD = {
    *("n_steps", "quadrature", "internal_batch_size", "perturbations_per_eval", "n_samples"),
    *("num_features", "surrogate", "alpha", "kernel_width", "distance_mode"),
}


@pytest.mark.parametrize("pair", [TEXT_MODEL], indirect=True)
def test_a_text_has_no_picture(pair: Pair) -> None:
    reply = requests.post(pair.explain_url, json={"instances": ["glad"], "render": "png"}, timeout=TIMEOUT)
    assert reply.status_code == 400
    assert reply.json() == {"error": 'render is "png", which shows pictures; expected "html" for this model'}


@pytest.mark.parametrize("pair", ["mnist"], indirect=True)
def test_a_picture_has_no_words(pair: Pair) -> None:
    body = {"instances": [[[0.0] * 28] * 28], "render": "html"}
    reply = requests.post(pair.explain_url, json=body, timeout=TIMEOUT)
    assert reply.status_code == 400
    assert reply.json() == {"error": 'render is "html", which shows texts; expected "png" for this model'}
