"""Text models: their requests with token ids or texts, and V1's answers in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from captum_serving.errors import BadInput
from captum_serving.protocol.extension_names import (
    ATTENTION_MASK,
    INPUT_IDS,
    OFFSETS,
    POSITION_IDS,
    SEQUENCE_IDS,
    SPECIAL_TOKENS_MASK,
    TEXT,
    TEXT_PAIR,
    TOKEN_TYPE_IDS,
    TOKENS,
    TRUNCATED_TOKENS,
    WORD_IDS,
)

from captum_predictor.engine.arrays import floats, refuse_strings
from captum_predictor.engine.engine import Array
from captum_predictor.kinds.kind import Instances
from captum_predictor.kinds.text.answers import predictions
from captum_predictor.kinds.text.instances import CONTEXT, Texts, read_instances, read_tensors
from captum_predictor.kinds.text.model import Task, TextModel
from captum_predictor.kinds.text.tokenizer import Batch, Tokens


class TextKind:
    """A transformer."""

    texts: tuple[str, ...] = (TEXT, TEXT_PAIR)
    large_bytes = 4096  # a millisecond of tokenizing

    def __init__(self, model: TextModel) -> None:
        self.model = model
        self.extra_inputs = tuple(name for name in model.sizes if name != INPUT_IDS)

    def check_source(self, name: str, source: Array, explanation: bool) -> Array:
        """Token ids of the vocabulary as INT64; a stage's values as FP32, finite.

        Raises:
            BadInput: They are not, or are of no token or of more than the model takes.
        """
        refuse_strings(source, name)
        most = self.model.tokenizer.most
        if not 1 <= source.shape[1] <= most:
            raise BadInput(f"{name}: has {source.shape[1]} tokens; expected 1 to {most}, the most that the model takes")
        return self._ids(name, source) if name == INPUT_IDS else floats(source, name)

    def check_extra_inputs(self, tensors: Mapping[str, Array], rows: tuple[int, ...]) -> Mapping[str, Array]:
        """The attention mask, token types and position ids, those that were sent, as INT64 `[rows, tokens]`.

        Raises:
            BadInput: Another shape, an id that the network does not have, or a text without a token.
        """
        extra_inputs = {}
        for name in self.extra_inputs:
            if name not in tensors:
                continue
            if tensors[name].shape != rows:
                raise BadInput(f"{name}: shape is {list(tensors[name].shape)}; expected {list(rows)}")
            extra_inputs[name] = self._ids(name, tensors[name])
        mask = extra_inputs.get(ATTENTION_MASK)
        if mask is not None and not mask.any(axis=1).all():
            row = int(np.flatnonzero(~mask.any(axis=1))[0])
            raise BadInput(f"{ATTENTION_MASK}: is 0 for all of row {row}; expected a token in every row")
        return extra_inputs

    def read_texts(self, tensors: Mapping[str, Array], sink: str | None) -> Mapping[str, Array]:
        """The tokens' strings and ids, what stands beside them, and which characters and words they are of.

        Raises:
            BadInput, TooLarge: Another sink than `tokens`, or texts that the model does not take.
        """
        if sink not in (None, TOKENS):
            raise BadInput(f"sink is {sink[:80]!r}; expected {TOKENS!r}, the only one of texts")
        batch = self._batch(self._tokens(read_tensors(tensors, self.model.task), TEXT, TEXT_PAIR))
        return {
            TOKENS: batch.strings(),
            INPUT_IDS: batch.ids(),
            **self._extra_inputs(batch),
            SPECIAL_TOKENS_MASK: batch.special(),
            OFFSETS: batch.offsets(),
            WORD_IDS: batch.words(),
            SEQUENCE_IDS: batch.texts(),
            TRUNCATED_TOKENS: batch.removed(),
        }

    def read_instances(self, instances: Sequence[object]) -> Instances:
        """Strings or objects with them. Raises `BadInput`, `TooLarge`."""
        texts = read_instances(instances, self.model.task)
        tokens = self._tokens(texts, "instances", CONTEXT)
        batch = self._batch(tokens)
        return Instances(batch.ids(), self._extra_inputs(batch), partial(predictions, self.model, texts, tokens))

    def metadata(self) -> dict[str, Any]:
        """The tensors that are taken, the task, the labels, and what the tokenizer's ids mean."""
        model, special = self.model, self.model.tokenizer.special
        inputs = [{"name": name, "datatype": "INT64", "shape": [-1, -1]} for name in model.sizes]
        pair = [] if model.task is Task.TOKENS else [TEXT_PAIR]
        return {
            "kind": "text",
            "inputs": [*inputs, *({"name": name, "datatype": "BYTES", "shape": [-1]} for name in [TEXT, *pair])],
            "task": str(model.task),
            "labels": list(model.labels),
            "probabilities": str(model.scores),
            "max_tokens": model.tokenizer.most,
            "vocabulary": model.sizes[INPUT_IDS],
            "padding_id": special.padding,
            "special_ids": list(special.ids),
        }

    def _tokens(self, texts: Sequence[Texts], name: str, pair_name: str) -> list[Tokens]:
        answers = self.model.task is Task.ANSWER
        found = []
        for i, text in enumerate(texts):
            where = f"{name}[{i}]"
            row = self.model.tokenizer.tokenize(text.text, text.pair, where)
            if not row.encoding.ids:
                raise BadInput(f"{where}: has no tokens; expected one at least")
            if answers and 1 not in row.encoding.sequence_ids:
                raise BadInput(f"{where}: {pair_name} has no tokens; expected one at least, to find the answer in")
            found.append(row)
        return found

    def _batch(self, tokens: list[Tokens]) -> Batch:
        return Batch(tokens, self.model.tokenizer.special.padding, self.model.first)

    def _extra_inputs(self, batch: Batch) -> dict[str, Array]:
        made = {
            ATTENTION_MASK: batch.attention_mask,
            TOKEN_TYPE_IDS: batch.types,
            POSITION_IDS: batch.positions,
        }
        return {name: made[name]() for name in self.extra_inputs}

    def _ids(self, name: str, array: Array) -> Array:
        if array.dtype.kind not in "biu":
            raise BadInput(f"{name}: holds no whole numbers; expected the datatype INT64")
        least, most, size = int(array.min()), int(array.max()), self.model.sizes[name]
        if least < 0 or most >= size:
            raise BadInput(f"{name}: values are {least} to {most}; expected 0 to {size - 1}")
        return array.astype(np.int64)
