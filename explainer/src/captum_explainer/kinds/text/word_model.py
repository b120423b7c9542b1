"""A text's words as the model's input: ones and zeros that say which of them are there."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from captum_explainer.kinds.text.pieces import Pieces
from captum_explainer.kinds.text.tokens import TEXTS_A_CALL, token_ids
from captum_explainer.predictor_client.scores import ScoresSession
from captum_explainer.predictor_client.session import Rows, Session
from captum_explainer.predictor_client.texts import Text

Score = Callable[[Sequence[Text]], Rows]


class WordModel(nn.Module):
    """Which features are there, float32 [rows, features], to the model's outputs [rows, outputs].

    A text is asked about once, though two rows may say the same.
    """

    def __init__(self, pieces: Pieces, replacement: str, score: Score) -> None:
        super().__init__()
        self.pieces = pieces
        self.replacement = replacement
        self.score = score
        # By the texts' digests, for thousands of long ones would be gigabytes.
        self._known: dict[bytes, Tensor] = {}

    def forward(self, rows: Tensor) -> Tensor:
        """The outputs for the texts that have those words alone."""
        texts = [self.pieces.keep(row, self.replacement) for row in (rows > 0.5).numpy()]
        keys = [hashlib.sha256("\0".join(text.parts).encode()).digest() for text in texts]
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._known}
        if new:
            scores = torch.from_numpy(self.score(list(new.values())).copy())
            self._known.update(zip(new, scores, strict=True))
        return torch.stack([self._known[key] for key in keys])


def score_by(session: Session | ScoresSession) -> Score:
    """How texts are scored: as our predictor's logits [texts, outputs], or as another one's scores."""
    if isinstance(session, ScoresSession):
        return session.of_texts

    def score(texts: Sequence[Text]) -> Rows:
        parts = []
        for start in range(0, len(texts), TEXTS_A_CALL):
            ids, beside = token_ids(session, texts[start : start + TEXTS_A_CALL])
            description = session.description
            answer = session.ask(description.input_name, description.output_name, ids, None, beside)
            parts.append(answer.value)
        return np.concatenate(parts)

    return score
