"""The page of methods is of the catalogue that there is."""

from __future__ import annotations

import pytest
from captum_explainer.catalogue.catalogue import catalogue
from captum_explainer.parameters.noise_tunnel import SMOOTH
from PIL import Image

from tools.chart_values import with_table
from tools.methods_page import MARKS, PAGE, PICTURES, tables

TEXT = PAGE.read_text()
MOST_BYTES = 500_000


def test_its_tables_are_up_to_date() -> None:
    assert with_table(TEXT, tables(), MARKS) == TEXT, "run `make methods-docs`"


def test_pictures_are_of_the_methods_and_small() -> None:
    files = sorted(PICTURES.glob("*.png"))
    assert [path.stem for path in files] == list(catalogue())
    assert sum(path.stat().st_size for path in files) < MOST_BYTES


@pytest.mark.parametrize("name", list(catalogue()))
def test_a_picture_shows_something(name: str) -> None:
    with Image.open(PICTURES / f"{name}.png") as picture:
        assert len(picture.convert("RGB").getcolors(1 << 16)) > 10


def test_the_methods_without_a_noise_tunnel_are_those_that_it_names() -> None:
    """All that take gradients but GradientSHAP's, DeepLIFT SHAP's and layer_lrp."""
    derived = {name for name, method in catalogue().items() if method.access.name != "SCORES"}
    measured = {"layer_activation", "layer_feature_ablation", "neuron_feature_ablation", "layer_lrp"}
    without = {name for name in derived if not SMOOTH.keys() <= catalogue()[name].takes.parameters.keys()}
    assert without - measured == {name for name in derived if name.endswith(("gradient_shap", "deep_lift_shap"))}
