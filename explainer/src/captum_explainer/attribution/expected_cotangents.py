"""The cotangents that Captum is likely to ask for: it explains one output of each row, or one neuron."""

from collections.abc import Sequence

import numpy as np

from captum_explainer.inputs.targets import one_hot
from captum_explainer.predictor_client.exchange import Rows
from captum_explainer.skeleton.answer_book import ExpectedCotangent


def expect_targets(targets: Sequence[int], width: int | None) -> ExpectedCotangent | None:
    """One-hot rows for the targets, repeated as Captum repeats a batch (all instances, then all instances again).

    None where the output has an unknown width.
    """
    if width is None:
        return None

    def expect(rows: int) -> Rows | None:
        return None if rows % len(targets) else one_hot([*targets] * (rows // len(targets)), width)

    return expect


def expect_neuron(neuron: tuple[int, ...], shape: tuple[int, ...]) -> ExpectedCotangent:
    """One-hot rows for one neuron of a layer with this shape, the same in every row."""

    def expect(rows: int) -> Rows:
        cotangent: Rows = np.zeros((rows, *shape), np.float32)
        index: tuple[slice | int, ...] = (slice(None), *neuron)
        cotangent[index] = 1.0
        return cotangent

    return expect
