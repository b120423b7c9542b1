"""What a training run writes about itself: its report, its confusion matrix as a picture, and examples."""

import json
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from sklearn.metrics import classification_report, confusion_matrix

from captum_predictor.training.data_sets import Split
from captum_predictor.training.loop import Epoch, Evaluation, find_best_epoch


def describe_epoch(epoch: Epoch) -> str:
    """Say an epoch in one line."""
    return (
        f"epoch {epoch.number:2d}  training loss {epoch.training_loss:.4f}  "
        f"validation loss {epoch.validation_loss:.4f}  validation accuracy {epoch.validation_accuracy:.4f}"
    )


def write_report(epochs: list[Epoch], test: Evaluation, labels: tuple[str, ...], what: str = "images") -> str:
    """Give the epochs, the one that was kept, and scikit-learn's classification report of the test set of `what`."""
    table = classification_report(
        test.classes.numpy(),
        test.predicted.numpy(),
        labels=range(len(labels)),
        target_names=labels,
        digits=4,
        zero_division=0,
    )
    lines = [
        *map(describe_epoch, epochs),
        f"kept epoch {find_best_epoch(epochs).number}, of the least validation loss",
        "",
        f"test set of {len(test.classes)} {what}: loss {test.loss:.4f}, accuracy {test.accuracy:.4f}",
        "",
        table.rstrip(),
    ]
    return "\n".join(lines) + "\n"


def write_confusion_matrix(test: Evaluation, labels: tuple[str, ...], path: Path) -> None:
    """Draw the counts of true classes (rows) against predicted ones (columns) as a PNG."""
    counts = confusion_matrix(test.classes.numpy(), test.predicted.numpy(), labels=range(len(labels)))
    figure = Figure(figsize=(7, 6.4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    shares = counts / counts.sum(axis=1, keepdims=True).clip(min=1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in [((r, c), counts[r, c]) for r in range(len(labels)) for c in range(len(labels))]:
        colour = "white" if shares[row, column] > 0.5 else "black" if count else "lightgrey"
        axes.text(column, row, str(count), ha="center", va="center", color=colour, fontsize=8)
    axes.set_xticks(range(len(labels)), labels, rotation=45, ha="right")
    axes.set_yticks(range(len(labels)), labels)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    axes.set_title(f"Test set: {int(counts.trace())} of {int(counts.sum())} right ({test.accuracy:.2%})")
    figure.savefig(path, dpi=100)


def write_examples(data: Split, folder: Path) -> None:
    """Write the first ten images as `0.png` to `9.png`, greyscale, and their classes' indices as `labels.json`."""
    folder.mkdir()
    for index, image in enumerate(data.images[:10]):
        Image.fromarray(image[0].numpy()).save(folder / f"{index}.png")
    (folder / "labels.json").write_text(json.dumps(data.classes[:10].tolist()) + "\n")
