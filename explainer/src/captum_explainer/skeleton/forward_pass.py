"""A forward pass through a skeleton, known from the values that one call brings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from captum_explainer.predictor_client.session import Rows
from captum_explainer.skeleton.answer_book import Known
from captum_explainer.skeleton.cuts import DROPOUT, Piece, nonlinearity

# Computed here they have the predictor's bits: they choose among numbers, or round once. The others' last bits may
# differ from one processor to the next.
EXACT = ("relu", "leaky_relu", "max_pool1d", "max_pool2d", "max_pool3d", DROPOUT)


@dataclass(frozen=True)
class ForwardPass:
    """The pieces of a skeleton up to its last remote one, of which there is one at least."""

    pieces: tuple[Piece, ...]

    @classmethod
    def through(cls, pieces: list[Piece]) -> ForwardPass | None:
        """The pass through all pieces that the predictor computes, and what lies between them; None without any."""
        end = max((i for i, piece in enumerate(pieces, 1) if piece.remote), default=0)
        return cls(tuple(pieces[:end])) if end else None

    @property
    def last(self) -> Piece:
        """The last remote piece."""
        return self.pieces[-1]

    @property
    def stages(self) -> list[str]:
        """The stages whose values tell all that the remote pieces are asked for and answer."""
        return [piece.sink for piece in self.pieces if piece.remote or not _is_exact(piece)]

    def known(
        self, rows: Rows, values: Mapping[str, Rows], cotangent: Rows | None = None, gradient: Rows | None = None
    ) -> list[Known]:
        """What the remote pieces will be asked, and answer, in a pass of these rows.

        Args:
            rows: float32 [rows, *the shape of the first piece's source].
            values: float32 [rows, *the stage's shape] of each of the `stages`.
            cotangent: float32 [rows, *the shape of the last piece's sink].
            gradient: The last piece's for this cotangent, float32 [rows, *the shape of its source].
        """
        known = []
        for piece in self.pieces:
            if piece.sink not in values:
                with torch.no_grad():
                    module = nonlinearity(*piece.stages)
                    rows = np.ascontiguousarray(module(torch.from_numpy(rows)).numpy())
                continue
            if piece is self.last:
                known.append(Known(piece.source, piece.sink, rows, values[piece.sink], cotangent, gradient))
            elif piece.remote:
                known.append(Known(piece.source, piece.sink, rows, values[piece.sink]))
            rows = values[piece.sink]
        return known


def _is_exact(piece: Piece) -> bool:
    return all(stage.kind in EXACT for stage in piece.stages)
