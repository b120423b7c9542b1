"""A text's probabilities, and which of its outputs are explained."""

from typing import Any

import torch
from captum_serving.errors import BadInput
from captum_serving.sentences import shorten
from torch import Tensor, nn

from captum_explainer.attribution.answer_details import describe_class
from captum_explainer.inputs.targets import Target, resolve_targets
from captum_explainer.kinds.text.tokens import Tokens
from captum_explainer.predictor_client.description import Access, Description, TextTask
from captum_explainer.predictor_client.texts import Text

START, END = 0, 1
# The most tokens in an answer; the predictor has the same limit.
MOST_ANSWER_TOKENS = 30
# All tagging schemes give this label to tokens outside entities.
OUTSIDE = "O"


class Probabilities(nn.Module):
    """Turns flat logits [rows, outputs] into probabilities with the same shape."""

    def __init__(self, description: Description, tokens: Tokens | None) -> None:
        super().__init__()
        self.model = description.text
        self.scores = description.access == Access.SCORES
        self.context = None if tokens is None else torch.from_numpy(tokens.sequences == 1)
        self.labels = max(1, len(description.labels))

    def forward(self, logits: Tensor) -> Tensor:
        """A softmax over the labels (for an answer, over the context's tokens), or what the model declares instead."""
        if self.scores or self.model is None or self.model.probabilities == "none":
            return logits
        if self.model.probabilities == "sigmoid":
            return torch.sigmoid(logits)
        if self.model.task is TextTask.SEQUENCE:
            return torch.softmax(logits, dim=1)
        by_token = logits.reshape(len(logits), -1, self.labels)
        if self.model.task is TextTask.TOKENS:
            return torch.softmax(by_token, dim=2).flatten(1)
        assert self.context is not None
        return torch.softmax(by_token.masked_fill(~self.context[:, None], -torch.inf), dim=1).flatten(1)


def choose_targets(
    target: Any,  # noqa: ANN401 - JSON
    top_k: int | None,
    logits: Tensor,
    tokens: Tokens | None,
    text: Text,
    description: Description,
) -> list[Target]:
    """What to explain for one text: one target, or the `top_k` likeliest.

    Args:
        target: None for what the model predicts. For a sequence, a label or its index. For tokens, a token's index,
            [token, label], or a label, which means its most certain token. For an answer, a token's index, which is
            both its start and its end, or [start, end].
        top_k: How many, instead of a target.
        logits: [1, outputs], flat.
        tokens: The text's tokens; None if they are not known.
        text: The text.
        description: The model.

    Raises:
        BadInput: There is no such target, or there are fewer than `top_k`.
    """
    if target is not None and top_k is not None:
        raise BadInput("both target and top_k are there; expected one of them")
    probabilities = Probabilities(description, tokens)(logits)[0]
    if description.task is TextTask.SEQUENCE or tokens is None:
        (ranked,) = resolve_targets(target, top_k, logits, description)
        return [
            Target((index,), index, describe_class(index, logits[0], probabilities, description)) for index in ranked
        ]
    if description.task is TextTask.TOKENS:
        table = probabilities.reshape(len(tokens.strings), -1)
        return [
            _describe_token(*pair, table, tokens, description)
            for pair in _choose_entities(target, top_k, table, tokens, description)
        ]
    table = probabilities.reshape(len(tokens.strings), 2)
    return [_describe_span(*pair, table, tokens, text) for pair in _choose_spans(target, top_k, table, tokens)]


def _describe_token(token: int, label: int, table: Tensor, tokens: Tokens, description: Description) -> Target:
    about = describe_class(label, table[token], table[token], description)
    details = {"token": token, "token_text": tokens.strings[token], **about}
    return Target((token * table.shape[1] + label,), [token, label], details)


def _describe_span(start: int, end: int, table: Tensor, tokens: Tokens, text: Text) -> Target:
    ((first, last),) = _rank_spans(table, tokens, 1)
    details = {
        "prediction": [first, last],
        "prediction_label": _find_answer(first, last, tokens, text),
        "probability": float(table[first, START] * table[last, END]),
        "target": [start, end],
        "target_label": _find_answer(start, end, tokens, text),
    }
    return Target((start * 2 + START, end * 2 + END), [start, end], details)


def _find_answer(start: int, end: int, tokens: Tokens, text: Text) -> str | None:
    """The answer's characters in the context; None if a token is outside it, or the end is before the start."""
    if end < start or tokens.sequences[start] != 1 or tokens.sequences[end] != 1 or text.pair is None:
        return None
    return text.pair[int(tokens.offsets[start, 0]) : int(tokens.offsets[end, 1])]


def _choose_entities(
    target: Any,  # noqa: ANN401 - JSON
    top_k: int | None,
    table: Tensor,
    tokens: Tokens,
    description: Description,
) -> list[tuple[int, int]]:
    certain, predicted = table.max(dim=1)
    if isinstance(target, list):
        return [_read_pair(target, len(table), "token, label", description)]
    if isinstance(target, int):
        token = _check_index(target, len(table), "token")
        return [(token, int(predicted[token]))]
    own = torch.from_numpy(~tokens.special)
    if isinstance(target, str):
        label = _find_label(target, description)
        return [(int(table[:, label].masked_fill(~own, -1.0).argmax()), label)]
    outside = [i for i, name in enumerate(description.labels) if name == OUTSIDE]
    entities = own & ~torch.isin(predicted, torch.tensor(outside, dtype=predicted.dtype))
    # If all tokens are special, the most certain of them is explained.
    chosen = own if own.any() else ~own
    # Entities come first: a certainty is at most 1, and each gets 1 more.
    ranks = torch.where(chosen, certain + entities, -1.0).argsort(descending=True, stable=True)
    ranked = ranks[: int(chosen.sum())].tolist()
    return [(token, int(predicted[token])) for token in _take_first(ranked, top_k, "tokens of this text")]


def _choose_spans(
    target: Any,  # noqa: ANN401 - JSON
    top_k: int | None,
    table: Tensor,
    tokens: Tokens,
) -> list[tuple[int, int]]:
    if isinstance(target, str):
        raise BadInput(f"target is {shorten(target)}; expected a token's index, or [start, end]")
    if isinstance(target, int):
        token = _check_index(target, len(table), "token")
        return [(token, token)]
    if isinstance(target, list):
        return [_read_pair(target, len(table), "start, end", None)]
    return _take_first(_rank_spans(table, tokens, top_k or 1), top_k, "answers in this context")


def _rank_spans(table: Tensor, tokens: Tokens, most: int) -> list[tuple[int, int]]:
    """The most probable pairs of start and end, where the end is not before the start nor too far behind it."""
    context = torch.from_numpy(tokens.sequences == 1).nonzero()[:, 0]
    products = torch.outer(table[context, START], table[context, END])
    allowed = torch.ones_like(products).triu() - torch.ones_like(products).triu(MOST_ANSWER_TOKENS)
    ranked = torch.where(allowed > 0, products, -1.0).flatten().argsort(descending=True, stable=True)
    best = ranked[: min(most, int(allowed.sum()))].tolist()
    return [(int(context[i // len(context)]), int(context[i % len(context)])) for i in best]


def _take_first(ranked: list[Any], top_k: int | None, what: str) -> list[Any]:
    if top_k is not None and top_k > len(ranked):
        raise BadInput(f"top_k is {top_k}; expected at most {len(ranked)}, the {what}")
    return ranked[: top_k or 1]


def _read_pair(target: list[Any], tokens: int, names: str, description: Description | None) -> tuple[int, int]:
    kinds = (int,) if description is None else (int, str)
    if len(target) != 2 or not isinstance(target[0], int) or not isinstance(target[1], kinds):
        raise BadInput(f"target is {shorten(target)}; expected [{names}]")
    first, second = target
    if description is None:
        return _check_index(first, tokens, "token"), _check_index(second, tokens, "token")
    label = second if isinstance(second, int) else _find_label(second, description)
    return _check_index(first, tokens, "token"), _check_index(label, len(description.labels), "label")


def _find_label(name: object, description: Description) -> int:
    if name not in description.labels:
        known = ", ".join(repr(label) for label in description.labels)
        raise BadInput(f"target is the label {shorten(name)}; expected one of {known}")
    return description.labels.index(str(name))


def _check_index(index: int, size: int, what: str) -> int:
    if not 0 <= index < size:
        raise BadInput(f"target is the {what} {index}; expected an index of 0 to {size - 1}")
    return index
