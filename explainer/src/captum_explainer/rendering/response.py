"""Whether an answer is shown rather than told: pictures as PNG, texts as HTML."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from captum_explainer.formats.request import Answer, Explanations
from captum_explainer.predictor_client.description import Description
from captum_explainer.rendering.negotiate import prefers
from captum_explainer.rendering.options import check_html, read_render
from captum_explainer.rendering.picture_png.png import PngWriter
from captum_explainer.rendering.text_html import page

Write = Callable[[Explanations, Description], Answer]


def find_writer(render: object, accept: str, instances: Tensor | Sequence[object]) -> Write | None:
    """What draws the answer; None where the client reads JSON.

    Args:
        render: The request's; where it is None the Accept header decides.
        accept: The Accept header, lower case.
        instances: float32 [instances, *input shape]; or texts.

    Raises:
        BadInput: The render is not known, or is none of what is explained.
    """
    if not isinstance(instances, Tensor):
        if render is not None:
            check_html(render)
        return page.write if render is not None or prefers(accept, "text/html") else None
    if render is None and not prefers(accept, "image/png"):
        return None
    return PngWriter(read_render("png" if render is None else render), instances).write
