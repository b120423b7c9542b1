"""One text's network as Captum sees it: from its tokens' embeddings to one row of numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from captum_explainer.kinds.text.tokens import Tokens
from captum_explainer.predictor_client.session import Answer, Rows, Session


@dataclass(frozen=True)
class TextSegments:
    """Segments for one text's rows: what stands beside them is the text's in each, and padding is in none.

    The logits of tokens, [rows, tokens, labels], are flat: [rows, tokens * labels].
    """

    session: Session
    tokens: Tokens

    def ask(self, source: str, sink: str, rows: Rows, cotangent: Rows | None = None) -> Answer:
        """The sink's value, and the VJP where a cotangent is given."""
        beside = {name: np.repeat(tensor, len(rows), axis=0) for name, tensor in self.tokens.beside.items()}
        last = sink == self.session.description.output_name
        if last and cotangent is not None:
            shape = self.session.description.shape_of(sink)
            sizes = [rows.shape[1] if size < 0 else size for size in shape]
            cotangent = cotangent.reshape(len(rows), *sizes)
        answer = self.session.ask(source, sink, rows, cotangent, beside)
        return Answer(answer.value.reshape(len(rows), -1), answer.gradient) if last else answer
