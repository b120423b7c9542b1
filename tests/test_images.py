"""What both servers' Dockerfiles share."""

from __future__ import annotations

import re

from local.servers import ROOT

SERVERS = ("predictor", "explainer")


def common(server: str) -> str:
    """The Dockerfile's text to the end of the stage `common`, without the header before it."""
    text = (ROOT / server / "Dockerfile").read_text()
    (stage,) = re.findall(r"^(FROM \S+ AS common\n.*?)^FROM ", text, flags=re.MULTILINE | re.DOTALL)
    return stage


def test_the_largest_layer_is_shared():
    # BuildKit takes a layer from its cache where the instructions and what they copy are the same to the letter.
    predictor, explainer = (common(server) for server in SERVERS)
    assert predictor == explainer
    assert "install --progress-bar off -c /build/constraints.txt --no-deps" in predictor


def test_the_largest_layer_copies_neither_servers_source():
    copied = re.findall(r"^COPY (.+) \S+$", common("predictor"), flags=re.MULTILINE)
    assert copied == ["constraints.txt", "serving/pyproject.toml"]


def test_a_server_imports_nothing_from_its_working_directory():
    # A model's folder could be that.
    for server in SERVERS:
        assert re.search(r"^ENV .*\bPYTHONSAFEPATH=1\b", (ROOT / server / "Dockerfile").read_text(), flags=re.MULTILINE)
