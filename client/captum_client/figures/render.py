"""Renders a figure."""

import warnings
from io import BytesIO

from matplotlib.figure import Figure


def render_figure(figure: Figure, file_format: str) -> bytes:
    """Return a "png", "pdf" or "svg" file's content. Rendered in memory, so a failure leaves no half-written file."""
    content = BytesIO()
    with warnings.catch_warnings():
        # Matplotlib draws boxes for a script that its font lacks; the printed summary has the label in full.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(content, format=file_format, dpi=150)
    return content.getvalue()
