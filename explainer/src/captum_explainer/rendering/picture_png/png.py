"""The answer that is a picture."""

import io
import math
from typing import Any

import numpy as np
import orjson
import torch
from captum.attr import LayerAttribution
from captum_serving.errors import BadInput
from PIL.PngImagePlugin import PngInfo
from torch import Tensor

from captum_explainer.attribution.explanations import Explanations
from captum_explainer.inputs.image_axes import find_layout
from captum_explainer.predictor_client.description import Description
from captum_explainer.rendering.colours import Picture
from captum_explainer.rendering.normalization import Plane, normalize
from captum_explainer.rendering.options import Render
from captum_explainer.rendering.picture_png.looks import choose_cmap, draw_look, restore_original
from captum_explainer.rendering.picture_png.sheet import Bar, Panel, Sheet
from captum_explainer.rendering.written_answer import WrittenAnswer

# Smaller pictures are scaled up by a whole number.
READABLE_SIDE = 256
MOST_PIXELS = 2**24
# The text chunk with the JSON answer's other contents; longer values (arrays) are left out.
CHUNK = "Explanation"
MOST_TEXT = 1000


class PngWriter:
    """Writes the explanations of instances float32 [instances, *input shape] as one PNG.

    Rows are instances and columns their targets; each panel has its own scale.

    Raises:
        BadInput: The instances are not pictures, or with this many columns the picture would be too large.
    """

    def __init__(self, render: Render, instances: Tensor, columns: int = 1) -> None:
        shape = tuple(instances.shape[1:])
        layout = find_layout(shape)
        if layout is None:
            raise BadInput(f"render: the instances have the shape {list(shape)}; expected pictures, or no 'render'")
        self._render, self._instances, self._layout = render, instances, layout
        self._choose_sheet(len(instances), columns)

    def write(self, explanations: Explanations, description: Description) -> WrittenAnswer:
        """Draw them; the method, the details and the model are in the text chunk `Explanation`, as JSON.

        Raises:
            BadInput: The attributions have no height and width, or the picture would be too large.
        """
        values, details = _make_table(explanations.values), _make_table(explanations.details)
        sheet, scale = self._choose_sheet(len(values), len(values[0]))
        originals = [
            restore_original(instance.numpy().astype(np.float64), self._layout, description.input_range)
            for instance in self._instances
        ]
        panels = [
            [
                self._make_panel(originals[i], attributions, details[i][k], explanations.parameters, scale)
                for k, attributions in enumerate(row)
            ]
            for i, row in enumerate(values)
        ]
        chunks = PngInfo()
        chunks.add_itxt(CHUNK, _write_text(explanations, description))
        buffer = io.BytesIO()
        sheet.draw(panels).save(buffer, "PNG", pnginfo=chunks)
        return WrittenAnswer(buffer.getvalue(), "image/png")

    def _choose_sheet(self, rows: int, columns: int) -> tuple[Sheet, int]:
        """The largest sheet that fits, and the side in pixels of one input pixel."""
        render, layout = self._render, self._layout
        titles = rows * columns > 1 if render.titles is None else render.titles
        bar = Bar(choose_cmap(render), render.sign) if render.show_colorbar else None
        readable = math.ceil(READABLE_SIDE / max(layout.height, layout.width))
        for scale in [render.scale] if render.scale else range(readable, 0, -1):
            sheet = Sheet(layout.height * scale, layout.width * scale, titles, bar)
            height, width = sheet.measure(rows, columns)
            if height * width <= MOST_PIXELS:
                return sheet, scale
        raise BadInput(
            f"render: the picture would be {width}x{height}; expected at most {MOST_PIXELS} pixels: "
            "ask for fewer instances or a smaller scale"
        )

    def _make_panel(
        self,
        original: Picture,
        attributions: np.ndarray,
        details: dict[str, Any],
        parameters: dict[str, Any],
        scale: int,
    ) -> Panel:
        plane = self._make_plane(attributions, parameters)
        normalized = normalize(plane, self._render.sign, self._render.outlier_perc)
        picture = draw_look(self._render, normalized.values, original)
        return Panel(picture.repeat(scale, 0).repeat(scale, 1), _write_title(details, parameters), normalized.limit)

    def _make_plane(self, attributions: np.ndarray, parameters: dict[str, Any]) -> Plane:
        """One value for each pixel of the input: the sum over channels, as in Captum's own pictures."""
        layout = self._layout
        if attributions.shape == tuple(self._instances.shape[1:]):
            plane: Plane = layout.move_channels_last(attributions).astype(np.float64).sum(axis=2)
            return plane
        if attributions.ndim != 3:
            raise BadInput(
                f"render: the attributions of the layer {parameters.get('layer')!r} have the shape "
                f"{list(attributions.shape)}; expected those of a layer with height and width"
            )
        mode = parameters.get("interpolate_mode", "nearest")
        upsampled = LayerAttribution.interpolate(
            torch.from_numpy(attributions)[None], (layout.height, layout.width), interpolate_mode=mode
        )
        plane = upsampled[0].numpy().astype(np.float64).sum(axis=0)
        return plane


def _make_table(rows: list[Any]) -> list[list[Any]]:
    """Rows of columns; without `top_k` there is one column."""
    return [row if isinstance(row, list) else [row] for row in rows]


def _write_title(details: dict[str, Any], parameters: dict[str, Any]) -> str:
    if "target" not in details:
        return f"{parameters['layer']} {parameters.get('neuron', '')}".rstrip()
    label = details["target_label"]
    if details["target"] == details["prediction"]:
        return f"{label} {details['probability']:.1%}"
    if parameters.get("output") == "probability":
        return f"{label} {details['score']:.1%}"
    return f"{label}, score {details['score']:.3g}"


def _write_text(explanations: Explanations, description: Description) -> str:
    document = {
        "details": [[_leave_out_long(each) for each in row] for row in _make_table(explanations.details)],
        "parameters": _leave_out_long(explanations.parameters),
        "model": {"name": description.name, "digest": description.digest},
    }
    return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY).decode()


def _leave_out_long(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in values.items()
        if len(orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)) <= MOST_TEXT
    }
