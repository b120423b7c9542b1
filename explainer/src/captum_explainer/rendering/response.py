"""Chooses whether an answer is drawn: pictures as PNG, texts as HTML."""

from torch import Tensor

from captum_explainer.rendering.negotiate import prefers
from captum_explainer.rendering.options import check_html, read_render
from captum_explainer.rendering.picture_png.png import PngWriter
from captum_explainer.rendering.text_html import page
from captum_explainer.rendering.written_answer import Write


def find_picture_writer(render: object, accept: str, instances: Tensor, targets: int = 1) -> Write | None:
    """Find what draws tensors' attributions; None if the client wants JSON.

    Args:
        render: The request's; if it is None, the Accept header decides.
        accept: The Accept header, lower case.
        instances: float32 [instances, *input shape].
        targets: How many explanations each will have.

    Raises:
        BadInput: The render is not known, does not draw pictures, or the picture would be too large.
    """
    if render is None and not prefers(accept, "image/png"):
        return None
    return PngWriter(read_render("png" if render is None else render), instances, targets).write


def find_text_writer(render: object, accept: str) -> Write | None:
    """Find what shows texts' words; None if the client wants JSON. It takes the arguments of `find_picture_writer`.

    Raises:
        BadInput: The render is not known, or does not show texts.
    """
    if render is not None:
        check_html(render)
    return page.write if render is not None or prefers(accept, "text/html") else None
