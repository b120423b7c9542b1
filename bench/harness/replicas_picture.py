"""The picture of `replicas`: explanations a second by the number of explainers, with none, one and two predictors."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from bench.harness.result import Row

# By the predictors: the line's words, its colour and its mark.
LINES = {
    0: ("answered from memory", "#8a8a8a", "^"),
    1: ("one predictor", "#1f5fa8", "o"),
    2: ("two predictors", "#d9720a", "s"),
}


def draw(rows: Sequence[Row], path: Path) -> None:
    """Draw the rows with the most clients, a panel for each method, as a PNG."""
    methods = [*dict.fromkeys(row["method"] for row in rows)]
    clients = max(int(row["clients"] or 0) for row in rows)
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    panels = figure.subplots(1, len(methods))
    for panel, method in zip(panels, methods, strict=True):
        panel.set_title(f"{method} of one picture, {clients} clients", fontsize=10)
        _draw_panel(panel, [row for row in rows if row["method"] == method and row["clients"] == clients])
    panels[0].set_ylabel("explanations a second")
    figure.savefig(path, dpi=110, metadata={"Software": None})


def _draw_panel(panel: Any, rows: Sequence[Row]) -> None:  # noqa: ANN401 - matplotlib's axes
    for predictors, (words, colour, mark) in LINES.items():
        line = {row["explainers"]: row["a_second"] for row in rows if row["predictors"] == predictors}
        panel.plot([*line], [*line.values()], color=colour, marker=mark, label=words)
    panel.set_xlabel("explainer processes")
    panel.set_xticks([*dict.fromkeys(row["explainers"] for row in rows)])
    panel.set_ylim(bottom=0)
    panel.spines[["top", "right"]].set_visible(False)
    panel.grid(axis="y", color="#e4e4e4")
    panel.legend(frameon=False, fontsize=9)
