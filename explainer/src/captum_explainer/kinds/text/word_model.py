"""A text's words as the model's input: 1 for a word that is there, 0 for one that is left out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from captum_explainer.kinds.text.pieces import Pieces
from captum_explainer.kinds.text.tokens import TEXTS_A_CALL
from captum_explainer.predictor_client.exchange import Exchange, Rows
from captum_explainer.predictor_client.scores import ScoresSession
from captum_explainer.predictor_client.session import Session
from captum_explainer.predictor_client.texts import Text


class WordModel(nn.Module):
    """Turns presence of features, float32 [rows, features], into the model's outputs [rows, outputs].

    Two rows may make the same text, which is asked about once.
    """

    def __init__(self, pieces: Pieces, replacement: str, session: Session | ScoresSession) -> None:
        super().__init__()
        self.pieces = pieces
        self.replacement = replacement
        self.session = session
        # The keys are digests: thousands of long texts would take gigabytes.
        self._known: dict[bytes, Tensor] = {}

    def forward(self, rows: Tensor) -> Tensor:
        """The outputs for the texts with only these words."""
        texts = [self.pieces.keep(row, self.replacement) for row in (rows > 0.5).numpy()]
        keys = [hashlib.sha256("\0".join(text.parts).encode()).digest() for text in texts]
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._known}
        if new:
            scores = torch.from_numpy(_score(self.session, list(new.values())).copy())
            self._known.update(zip(new, scores, strict=True))
        return torch.stack([self._known[key] for key in keys])


def _score(session: Session | ScoresSession, texts: Sequence[Text]) -> Rows:
    """Our predictor's logits [texts, outputs], or another one's scores; shorter texts are padded."""
    if isinstance(session, ScoresSession):
        return session.score_texts(texts)
    source, sink, others = (
        session.description.input_name,
        session.description.output_name,
        session.description.extra_inputs,
    )
    parts = []
    for start in range(0, len(texts), TEXTS_A_CALL):
        found = session.tokenize(texts[start : start + TEXTS_A_CALL], source, *others)
        exchange = Exchange({source: found[source]}, (sink,), extra_inputs={name: found[name] for name in others})
        parts.append(session.answer(exchange).values[sink])
    return np.concatenate(parts)
