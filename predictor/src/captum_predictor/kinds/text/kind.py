"""Text models: their requests with token ids or texts, and V1's answers in words."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from captum_serving.errors import BadInput, TooLarge
from captum_serving.protocol.extension_names import (
    ATTENTION_MASK,
    INPUT_IDS,
    OFFSETS,
    SEQUENCE_IDS,
    SPECIAL_TOKENS_MASK,
    TEXT,
    TEXT_PAIR,
    TOKENS,
    TRUNCATED_TOKENS,
    WORD_IDS,
)

from captum_predictor.engine.arrays import Array, refuse_strings, to_floats
from captum_predictor.kinds.kind import Allowance, Instances, Kind
from captum_predictor.kinds.text.answers import write_predictions
from captum_predictor.kinds.text.instances import CONTEXT, Texts, read_instances, read_tensors
from captum_predictor.kinds.text.model import Task, TextModel
from captum_predictor.kinds.text.tokenizer import Tokens, make_tensors

# What a request for tokens gets besides the model's inputs.
DESCRIPTIONS = (SPECIAL_TOKENS_MASK, OFFSETS, WORD_IDS, SEQUENCE_IDS, TRUNCATED_TOKENS)


class TextKind(Kind):
    """A transformer; its extra inputs are those that its network takes."""

    large_bytes = 4096  # a millisecond of tokenizing
    text_inputs = (TEXT, TEXT_PAIR)

    def __init__(self, model: TextModel) -> None:
        self.model = model
        self.extra_inputs = tuple(name for name in model.sizes if name != INPUT_IDS)

    def check_source(self, name: str, source: Array, explanation: bool) -> Array:
        """Token ids as INT64, or a stage's values as finite FP32.

        Raises:
            BadInput: An id is not in the vocabulary, a value is not finite, or there are no tokens or too many.
        """
        refuse_strings(source, name)
        most = self.model.tokenizer.most_tokens
        if not 1 <= source.shape[1] <= most:
            raise BadInput(f"{name}: has {source.shape[1]} tokens; expected 1 to {most}, the most that the model takes")
        return self._check_ids(name, source) if name == INPUT_IDS else to_floats(source, name)

    def check_extra_inputs(self, tensors: Mapping[str, Array], rows: tuple[int, ...]) -> Mapping[str, Array]:
        """The attention mask, token types and position ids that were sent, as INT64 `[rows, tokens]`.

        Raises:
            BadInput: Another shape, an id that the network does not have, or a text without a token.
        """
        extra_inputs = {}
        for name in self.extra_inputs:
            if name not in tensors:
                continue
            if tensors[name].shape != rows:
                raise BadInput(f"{name}: shape is {list(tensors[name].shape)}; expected {list(rows)}")
            extra_inputs[name] = self._check_ids(name, tensors[name])
        mask = extra_inputs.get(ATTENTION_MASK)
        if mask is not None and not mask.any(axis=1).all():
            row = int(np.flatnonzero(~mask.any(axis=1))[0])
            raise BadInput(f"{ATTENTION_MASK}: is 0 for all of row {row}; expected a token in every row")
        return extra_inputs

    def read_texts(self, tensors: Mapping[str, Array], sink: str | None, allowance: Allowance) -> Mapping[str, Array]:
        """Read texts: their tokens' strings and ids, the extra inputs, and what each token stands for.

        Raises:
            BadInput, TooLarge: Another sink than `tokens`, or texts that the model does not take.
        """
        if sink not in (None, TOKENS):
            raise BadInput(f"sink is {sink[:80]!r}; expected {TOKENS!r}, the only one of texts")
        tokens = self._tokenize(read_tensors(tensors, self.model.task), TEXT, TEXT_PAIR, allowance)
        return self._make_tensors(tokens, TOKENS, INPUT_IDS, *self.extra_inputs, *DESCRIPTIONS)

    def read_instances(self, instances: Sequence[object], allowance: Allowance) -> Instances:
        """Read strings or objects with them. Raises `BadInput`, `TooLarge`."""
        texts = read_instances(instances, self.model.task)
        tokens = self._tokenize(texts, "instances", CONTEXT, allowance)
        tensors = self._make_tensors(tokens, *self.model.sizes)
        source = tensors.pop(INPUT_IDS)
        return Instances(source, tensors, partial(write_predictions, self.model, texts, tokens))

    def describe_model(self) -> dict[str, Any]:
        """The input tensors, the task, the labels, and the tokenizer's special ids."""
        model = self.model
        inputs = [{"name": name, "datatype": "INT64", "shape": [-1, -1]} for name in model.sizes]
        pair = [] if model.task is Task.TOKENS else [TEXT_PAIR]
        return {
            "kind": "text",
            "inputs": [*inputs, *({"name": name, "datatype": "BYTES", "shape": [-1]} for name in [TEXT, *pair])],
            "task": str(model.task),
            "labels": list(model.labels),
            "probabilities": str(model.scores),
            "max_tokens": model.tokenizer.most_tokens,
            "vocabulary": model.sizes[INPUT_IDS],
            "padding_id": model.tokenizer.padding,
            "special_ids": list(model.tokenizer.special),
        }

    def _tokenize(self, texts: Sequence[Texts], name: str, pair_name: str, allowance: Allowance) -> list[Tokens]:
        count = sum(len(text.text) + len(text.pair or "") for text in texts)
        if count > allowance.characters:
            raise TooLarge(
                f"{name}: the texts have {count} characters; expected at most {allowance.characters} in one request "
                "(the server's limit, --max_characters): send fewer at once"
            )
        found = []
        for i, text in enumerate(texts):
            allowance.check_wanted()
            where = f"{name}[{i}]"
            row = self.model.tokenizer.tokenize(text.text, text.pair, where)
            if not row.encoding.ids:
                raise BadInput(f"{where}: has no tokens; expected one at least")
            if self.model.task is Task.ANSWER and 1 not in row.encoding.sequence_ids:
                raise BadInput(f"{where}: {pair_name} has no tokens; expected one at least, to find the answer in")
            found.append(row)
        return found

    def _make_tensors(self, tokens: Sequence[Tokens], *names: str) -> dict[str, Array]:
        return make_tensors(tokens, names, self.model.tokenizer.padding, self.model.first_position)

    def _check_ids(self, name: str, array: Array) -> Array:
        if array.dtype.kind not in "biu":
            raise BadInput(f"{name}: holds no whole numbers; expected the datatype INT64")
        least, most, size = int(array.min()), int(array.max()), self.model.sizes[name]
        if least < 0 or most >= size:
            raise BadInput(f"{name}: values are {least} to {most}; expected 0 to {size - 1}")
        return array.astype(np.int64)
