"""Matplotlib's window, if there is a display."""

from matplotlib import pyplot
from matplotlib.figure import Figure


def open_window() -> Figure | None:
    """Return an empty figure for `show_window`, or None if there is no display or no GUI toolkit.

    Raises ValueError if MPLBACKEND names no backend.
    """
    try:
        figure = pyplot.figure()
    except ImportError:  # the backend from the user's settings does not run here
        return None
    if getattr(figure.canvas, "required_interactive_framework", None):
        return figure
    pyplot.close(figure)
    return None


def show_window() -> None:
    """Show the window until the user closes it."""
    pyplot.show()
