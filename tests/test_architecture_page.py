"""docs/architecture.md: the folders, files and cuts that it shows are those that there are."""

from __future__ import annotations

import re

import pytest
import requests
from captum_explainer.catalogue.catalogue import catalogue
from captum_explainer.predictor_client.read_description import read_description
from captum_explainer.skeleton.cuts import Cuts, Piece, cut

from local.servers import ROOT, Pair

PAGE = (ROOT / "docs" / "architecture.md").read_text()
TABLES = re.findall(r"^\| `(\w+/src/\w+/)` \| \|\n\| --- \| --- \|\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
CUTS = r"^(\w+)(?: at (\w+))? +(\w+ \[.*\].*)$"


def test_each_package_has_the_folders_of_its_table() -> None:
    assert len(TABLES) == 3
    for package, rows in TABLES:
        there = {path.parent.name for path in (ROOT / package).glob("*/__init__.py")}
        assert set(re.findall(r"^\| `(\w+)/` \|", rows, re.MULTILINE)) == there


def test_each_package_has_its_folders_in_the_order_of_their_imports() -> None:
    contracts = re.findall(
        r"^containers =\n +(\w+)\nlayers =\n((?: +\S+\n)+)", (ROOT / ".importlinter").read_text(), re.M
    )
    layers = {container: [name.strip("()") for name in names.split()] for container, names in contracts}
    for package, rows in TABLES:
        named = re.findall(r"^\| `(\w+)/` \|", rows, re.MULTILINE)
        assert named == [name for name in layers[package.split("/")[2]] if name in named]


def test_every_path_that_it_names_is_there() -> None:
    paths = [path for path in re.findall(r"`([\w./-]+/[\w./-]*)`", PAGE) if path.count("/") > 1]
    assert len(paths) > 5
    assert [path for path in paths if not (ROOT / path).exists()] == []


def text_of(piece: Piece) -> str:
    names = " ".join(stage.name for stage in piece.stages)
    return f"[{names}]" if piece.remote else names


@pytest.mark.parametrize("pair", ["fashion-mnist"], indirect=True)
@pytest.mark.parametrize(("method", "layer", "shown"), re.findall(CUTS, PAGE, re.MULTILINE))
def test_a_method_cuts_the_model_as_the_page_shows(method: str, layer: str, shown: str, pair: Pair) -> None:
    body = requests.get(f"{pair.predictor.url}/v2/models/{pair.name}", timeout=60).content
    cuts = Cuts(layer or None, nonlinearities=catalogue()[method].cuts.nonlinearities)
    pieces = cut(read_description(pair.name, body), cuts)
    assert shown == " ".join(["image", *map(text_of, pieces)])
