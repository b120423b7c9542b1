"""`make methods-docs`: writes the tables of docs/methods.md from the catalogue, and a picture of each method."""

import base64
import sys
from pathlib import Path
from typing import Any

import requests
from captum_explainer.catalogue.catalogue import catalogue
from captum_explainer.catalogue.cost_words import COST_IN_WORDS
from captum_explainer.catalogue.method import Method

from local.servers import ROOT, NotReady, Pair, running_pair
from tools.chart_values import with_table

PAGE = ROOT / "docs" / "methods.md"
PICTURES = PAGE.parent / "pictures" / "methods"
MARKS = ("<!-- make methods-docs: -->\n", "<!-- :make methods-docs -->")
TITLES = {"primary": "For the input", "layer": "For a layer", "neuron": "For a neuron"}

# What the pictures are of: an ankle boot, and for methods of several instances a sneaker too.
MODEL, LAYER = "fashion-mnist", "conv2"
EXAMPLES = (0, 9)
SCALE = 4
TIMEOUT = 120


def tables() -> str:
    """A table for each family of methods."""
    parts = []
    for family, title in TITLES.items():
        rows = [_row(name, method) for name, method in catalogue().items() if method.family == family]
        head = ["| | method | access | calls | when to use it |", "| --- | --- | --- | --- | --- |"]
        parts.append("\n".join([f"## {title}\n", *head, *rows]))
    return "\n\n".join(parts) + "\n"


def _row(name: str, method: Method) -> str:
    picture = f"![{name}](pictures/methods/{name}.png)"
    text, cost = f"{method.about.summary} *{method.about.when}*", COST_IN_WORDS[method.about.cost]
    return f"| {picture} | `{name}` | {method.access.name.lower()} | {cost} | {text} |"


def draw(pair: Pair) -> None:
    """Ask the explainer for the picture of each method."""
    PICTURES.mkdir(exist_ok=True)
    strongest = _strongest(pair)
    for name, method in catalogue().items():
        parameters: dict[str, Any] = {"method": name}
        if method.has_layer:
            parameters["layer"] = LAYER
        if method.family == "neuron":
            parameters["neuron"] = strongest
        reply = _ask(pair, parameters, 2 if method.passes.across else 1, render={"type": "png", "scale": SCALE})
        (PICTURES / f"{name}.png").write_bytes(reply.content)


def _strongest(pair: Pair) -> list[int]:
    """The unit of the layer that answers most to the picture."""
    planes = _ask(pair, {"method": "layer_activation", "layer": LAYER}, 1).json()["explanations"][0]
    units = {(c, y, x): v for c, plane in enumerate(planes) for y, row in enumerate(plane) for x, v in enumerate(row)}
    return [*max(units, key=lambda unit: float(units[unit]))]


def _ask(pair: Pair, parameters: dict[str, Any], count: int, **keys: Any) -> requests.Response:  # noqa: ANN401 - JSON
    folder = ROOT / "models" / MODEL / "examples"
    instances = [{"b64": base64.b64encode((folder / f"{i}.png").read_bytes()).decode()} for i in EXAMPLES[:count]]
    body = {"instances": instances, "parameters": parameters, **keys}
    reply = requests.post(pair.explain_url, json=body, timeout=TIMEOUT)
    reply.raise_for_status()
    return reply


def main() -> int:
    """Write the page and the pictures.

    Returns:
        0, or 1 where a server did not start.
    """
    PAGE.write_text(with_table(PAGE.read_text(), tables(), MARKS))
    try:
        with running_pair(MODEL) as pair:
            draw(pair)
    except NotReady as error:
        print(error, file=sys.stderr)
        return 1
    total = sum(path.stat().st_size for path in Path(PICTURES).glob("*.png"))
    print(f"{PAGE.relative_to(ROOT)}, and {total / 1000:.0f} kB of pictures in {PICTURES.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
