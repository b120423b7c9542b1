"""A text's words as the model's input: 1 for a word that is there, 0 for one that is left out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from captum_explainer.kinds.text.pieces import Pieces
from captum_explainer.kinds.text.tokens import TEXTS_A_CALL, token_ids
from captum_explainer.predictor_client.exchange import Exchange, Rows
from captum_explainer.predictor_client.scores import ScoresSession
from captum_explainer.predictor_client.session import Session
from captum_explainer.predictor_client.texts import Text

Score = Callable[[Sequence[Text]], Rows]


class WordModel(nn.Module):
    """Turns presence of features, float32 [rows, features], into the model's outputs [rows, outputs].

    Two rows may make the same text, which is asked about once.
    """

    def __init__(self, pieces: Pieces, replacement: str, score: Score) -> None:
        super().__init__()
        self.pieces = pieces
        self.replacement = replacement
        self.score = score
        # The keys are digests: thousands of long texts would take gigabytes.
        self._known: dict[bytes, Tensor] = {}

    def forward(self, rows: Tensor) -> Tensor:
        """The outputs for the texts with only these words."""
        texts = [self.pieces.keep(row, self.replacement) for row in (rows > 0.5).numpy()]
        keys = [hashlib.sha256("\0".join(text.parts).encode()).digest() for text in texts]
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._known}
        if new:
            scores = torch.from_numpy(self.score(list(new.values())).copy())
            self._known.update(zip(new, scores, strict=True))
        return torch.stack([self._known[key] for key in keys])


def find_scorer(session: Session | ScoresSession) -> Score:
    """What scores texts: our predictor's logits [texts, outputs], or another one's scores."""
    if isinstance(session, ScoresSession):
        return session.score_texts

    def score(texts: Sequence[Text]) -> Rows:
        parts = []
        for start in range(0, len(texts), TEXTS_A_CALL):
            ids, extra_inputs = token_ids(session, texts[start : start + TEXTS_A_CALL])
            source, sink = session.description.input_name, session.description.output_name
            answer = session.answer(Exchange({source: ids}, (sink,), extra_inputs=extra_inputs))
            parts.append(answer.values[sink])
        return np.concatenate(parts)

    return score
