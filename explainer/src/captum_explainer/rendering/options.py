"""How a request wants its attributions drawn; the names are those of Captum's `visualize_image_attr`."""

from dataclasses import dataclass
from typing import Any, get_args

from captum_serving.errors import BadInput
from captum_serving.sentences import name_nearest, shorten

from captum_explainer.parameters.parameter import Parameter
from captum_explainer.rendering.colours import COLOUR_MAPS
from captum_explainer.rendering.normalization import Sign
from captum_explainer.settings import Limits

LOOKS = ("heat_map", "blended_heat_map", "original_image", "masked_image", "alpha_scaling")
# These multiply the picture by magnitudes, so they can show one sign only.
ONE_SIGN = ("masked_image", "alpha_scaling")
COLOURED = ("heat_map", "blended_heat_map")
MOST_SCALE = 64
PARAMETERS = {
    "outlier_perc": Parameter({"type": "number", "minimum": 0, "maximum": 100}),
    "alpha_overlay": Parameter({"type": "number", "minimum": 0, "maximum": 1}),
    "scale": Parameter({"type": "integer", "minimum": 1, "maximum": MOST_SCALE}),
    "show_colorbar": Parameter({"type": "boolean"}),
    "titles": Parameter({"type": "boolean"}),
}
# For these, null means the default.
NULLABLE = ("scale", "titles")
MEANT_FOR = {"png": "pictures", "html": "texts"}


@dataclass(frozen=True)
class Render:
    """What to draw.

    Attributes:
        look: Captum's `method`.
        sign: Which attributions: `all`, `positive`, `negative` or `absolute_value`.
        outlier_perc: The share of the attributions' sum of magnitudes, in percent, that the scale may leave out.
        alpha_overlay: How much a blended heat map covers, 0 to 1.
        cmap: The name of a matplotlib colour map; None for the sign's default.
        show_colorbar: Draw the scale, in the attributions' unit.
        titles: Write label and probability over each picture; None: only if there are several.
        scale: The side in pixels of one input pixel; None for a readable size.
    """

    look: str = "blended_heat_map"
    sign: Sign = "all"
    outlier_perc: float = 2.0
    alpha_overlay: float = 0.7
    cmap: str | None = None
    show_colorbar: bool = False
    titles: bool | None = None
    scale: int | None = None


def read_render(value: object) -> Render:
    """Read a request's `render`: `"png"`, or an object with any of `Render`'s attributes and `"type": "png"`.

    Raises:
        BadInput: It is neither, a name is not known, or a value is not of its kind.
    """
    given = _read_object(value, "png", list(Render.__dataclass_fields__))
    _check_choice(given, "look", LOOKS)
    _check_choice(given, "sign", get_args(Sign))
    if given.get("cmap") is not None:
        _check_choice(given, "cmap", COLOUR_MAPS)
    for key, parameter in PARAMETERS.items():
        if key in given and not (given[key] is None and key in NULLABLE):
            parameter.check(f"render.{key}", given[key], Limits())
    if given.get("look") in ONE_SIGN and given.setdefault("sign", "absolute_value") == "all":
        raise BadInput(
            f"render.sign is 'all'; expected 'positive', 'negative' or 'absolute_value' for a {given['look']}"
        )
    render = Render(**given)
    if render.show_colorbar and render.look not in COLOURED:
        raise BadInput(f"render.show_colorbar: a {render.look} has no colours; expected a heat map")
    return render


def check_html(value: object) -> None:
    """Check a request's `render` for texts: `"html"` or `{"type": "html"}`; there is only one look.

    Raises:
        BadInput: It is neither.
    """
    _read_object(value, "html", [])


def _read_object(value: object, possible: str, keys: list[str]) -> dict[str, Any]:
    given: dict[str, Any] = {"type": value} if isinstance(value, str) else value  # type: ignore[assignment]
    if not isinstance(given, dict):
        example = ", ".join([f'{{"type": "{possible}"', *(f'"{key}": ...' for key in keys[:1])]) + "}"
        raise BadInput(f'render is {shorten(value)}; expected "{possible}" or {example}')
    known = ["type", *keys]
    for key in given:
        if key not in known:
            raise BadInput(f"render: {name_nearest(key, known)}")
    chosen = given.get("type", possible)
    if isinstance(chosen, str) and chosen != possible and chosen in MEANT_FOR:
        raise BadInput(f'render is "{chosen}", which shows {MEANT_FOR[chosen]}; expected "{possible}" for this model')
    _check_choice(given, "type", (possible,))
    return {key: value for key, value in given.items() if key != "type"}


def _check_choice(given: dict[str, Any], key: str, values: tuple[str, ...]) -> None:
    value = given.get(key, values[0])
    if value not in values:
        raise BadInput(f"render.{key}: {name_nearest(value, list(values))}")
