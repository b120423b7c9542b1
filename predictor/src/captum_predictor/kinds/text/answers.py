"""V1's predictions from a text model's logits: one JSON object for each text."""

from typing import Any

import numpy as np
from captum_serving.protocol.extension_names import TRUNCATED_TOKENS

from captum_predictor.engine.arrays import Array
from captum_predictor.kinds.probabilities import softmax
from captum_predictor.kinds.text.instances import Texts
from captum_predictor.kinds.text.model import Scores, Task, TextModel
from captum_predictor.kinds.text.tokenizer import Tokens

# The longest answer that is searched for; transformers' pipeline searches for half of it.
MOST_ANSWER_TOKENS = 30


def write_predictions(
    model: TextModel, texts: list[Texts], tokens: list[Tokens], logits: Array
) -> list[dict[str, Any]]:
    """The predictions from logits `[rows, labels]` or `[rows, tokens, labels]`, with padding at a row's end."""
    write = {Task.SEQUENCE: _write_classes, Task.TOKENS: _write_tokens, Task.ANSWER: _write_answer}[model.task]
    return [
        {**write(model, text, row, values), TRUNCATED_TOKENS: row.removed}
        for text, row, values in zip(texts, tokens, logits, strict=True)
    ]


def _write_classes(model: TextModel, _text: Texts, _row: Tokens, logits: Array) -> dict[str, Any]:
    if model.scores is Scores.NONE:
        return {"scores": dict(zip(model.labels, logits, strict=True))}
    probabilities = softmax(logits) if model.scores is Scores.SOFTMAX else _sigmoid(logits)
    best = int(probabilities.argmax())
    return {
        "label": model.labels[best],
        "probability": probabilities[best],
        "probabilities": dict(zip(model.labels, probabilities, strict=True)),
    }


def _write_tokens(model: TextModel, _text: Texts, row: Tokens, logits: Array) -> dict[str, Any]:
    encoding = row.encoding
    found = []
    for i, text in enumerate(encoding.sequence_ids):
        if text is None:
            continue
        probabilities = softmax(logits[i])
        best = int(probabilities.argmax())
        start, end = encoding.offsets[i]
        entry = {"token": encoding.tokens[i], "word": encoding.word_ids[i], "start": start, "end": end}
        found.append(entry | {"label": model.labels[best], "probability": probabilities[best]})
    return {"tokens": found}


def _write_answer(_model: TextModel, text: Texts, row: Tokens, logits: Array) -> dict[str, Any]:
    context = [i for i, part in enumerate(row.encoding.sequence_ids) if part == 1]
    begins, ends = softmax(logits[context].T)
    # A start and an end score the product of their probabilities, unless the end is before the start or too far.
    scores = np.triu(np.outer(begins, ends)) - np.triu(np.outer(begins, ends), MOST_ANSWER_TOKENS)
    begin, end = np.unravel_index(int(scores.argmax()), scores.shape)
    first, last = row.encoding.offsets[context[begin]][0], row.encoding.offsets[context[end]][1]
    assert text.pair is not None, "a question without a context is refused when it is read"
    return {
        "answer": text.pair[first:last],
        "score": scores[begin, end],
        "start": first,
        "end": last,
        "start_token": context[begin],
        "end_token": context[end],
    }


def _sigmoid(logits: Array) -> Array:
    probabilities: Array = 1 / (1 + np.exp(-logits.astype(np.float64)))
    return probabilities.astype(np.float32)
