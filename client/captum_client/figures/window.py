"""Matplotlib's window, where there is a display for one."""

from matplotlib import pyplot
from matplotlib.figure import Figure


def open_window() -> Figure | None:
    """An empty figure that `show_window` can show, or None where there is no display or no toolkit.

    Raises ValueError where MPLBACKEND names no backend.
    """
    try:
        figure = pyplot.figure()
    except ImportError:  # the backend that the user's settings name does not run here
        return None
    if getattr(figure.canvas, "required_interactive_framework", None):
        return figure
    pyplot.close(figure)
    return None


def show_window() -> None:
    """Show the window until the user closes it."""
    pyplot.show()
