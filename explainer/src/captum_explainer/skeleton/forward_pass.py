"""A forward pass through a skeleton, and the values from which all others follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from captum_explainer.predictor_client.exchange import Rows
from captum_explainer.skeleton.cuts import DROPOUT, Piece, build_nonlinearity

# Computed here, these have the predictor's bits: they choose among numbers, or round once. The others' last bits may
# differ from one processor to the next.
EXACT = ("relu", "leaky_relu", "max_pool1d", "max_pool2d", "max_pool3d", DROPOUT)


@dataclass(frozen=True)
class ForwardPass:
    """The pieces of a skeleton up to the last remote one, of which there is at least one."""

    pieces: tuple[Piece, ...]

    @classmethod
    def find(cls, pieces: Sequence[Piece]) -> ForwardPass | None:
        """The pass through all remote pieces and what lies between them; None if there is no remote piece."""
        end = max((i for i, piece in enumerate(pieces, 1) if piece.remote), default=0)
        return cls(tuple(pieces[:end])) if end else None

    @property
    def last(self) -> Piece:
        """The last remote piece."""
        return self.pieces[-1]

    @property
    def sinks(self) -> tuple[str, ...]:
        """The values to ask for: with them, everything that remote pieces take and give in the pass is known."""
        return tuple(sink for piece in self.pieces if piece.remote or not _is_exact(piece) for sink in piece.sinks)

    def complete(self, values: Mapping[str, Rows]) -> dict[str, Rows]:
        """The values, and those that the local pieces between them give.

        Args:
            values: float32 [rows, *shape] by name: the input's, and those of `sinks`.
        """
        complete = dict(values)
        for piece in self.pieces:
            if piece.sinks[0] not in complete:
                with torch.no_grad():
                    rows = build_nonlinearity(*piece.stages)(torch.from_numpy(complete[piece.sources[0]]))
                    complete[piece.sinks[0]] = np.ascontiguousarray(rows.numpy())
        return complete


def _is_exact(piece: Piece) -> bool:
    return all(stage.kind in EXACT for stage in piece.stages)
