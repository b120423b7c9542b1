"""Draws docs/pictures/replicas.png from the rows that `bench.replicas --json` has written."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt

from bench.replicas import CLIENTS, EXPLAINERS, METHODS
from local.servers import ROOT

PICTURES = ROOT / "docs" / "pictures"
# By the predictors: the line's words, its colour and its mark.
LINES = {
    0: ("answered from memory", "#8a8a8a", "^"),
    1: ("one predictor", "#1f5fa8", "o"),
    2: ("two predictors", "#d9720a", "s"),
}


def main() -> None:
    """Draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, default=ROOT / "bench" / "results" / "replicas.json")
    parser.add_argument("--output", type=Path, default=PICTURES / "replicas.png")
    options = parser.parse_args()
    rows = json.loads(options.json.read_text())
    figure, panels = plt.subplots(1, len(METHODS), figsize=(9, 3.6), constrained_layout=True)
    for panel, method in zip(panels, METHODS, strict=True):
        draw(panel, method, [row for row in rows if row["method"] == method])
    panels[0].set_ylabel("explanations a second")
    figure.savefig(options.output, dpi=110, metadata={"Software": None})


def draw(panel: Any, method: str, rows: list[dict[str, Any]]) -> None:  # noqa: ANN401 - matplotlib's axes
    """A line for each number of predictors: the explanations a second of the most clients, by the explainers."""
    for predictors, (words, colour, mark) in LINES.items():
        line = {
            row["explainers"]: row["a_second"]
            for row in rows
            if row["predictors"] == predictors and row["clients"] == max(CLIENTS)
        }
        panel.plot([*line], [*line.values()], color=colour, marker=mark, label=words)
    panel.set_title(f"{method} of one picture, {max(CLIENTS)} clients", fontsize=10)
    panel.set_xlabel("explainer processes")
    panel.set_xticks(EXPLAINERS)
    panel.set_ylim(bottom=0)
    panel.spines[["top", "right"]].set_visible(False)
    panel.grid(axis="y", color="#e4e4e4")
    panel.legend(frameon=False, fontsize=9)


if __name__ == "__main__":
    main()
