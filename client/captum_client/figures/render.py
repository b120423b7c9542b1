"""A figure as the bytes of a file."""

import warnings
from io import BytesIO

from matplotlib.figure import Figure


def render_figure(figure: Figure, file_format: str) -> bytes:
    """The content of a file of `file_format` ("png", "pdf" or "svg"); rendering it first leaves no half a file."""
    content = BytesIO()
    with warnings.catch_warnings():
        # A label in a script that matplotlib's font lacks is drawn as boxes; the summary has it in full.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(content, format=file_format, dpi=150)
    return content.getvalue()
