"""Scores from a predictor without our extension: by V1, V2 in JSON, or binary V2 if it declares that."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
from captum_serving.errors import BadGateway, BadInput
from captum_serving.protocol.wire import HEADER_LENGTH, decode, encode, read_numbers

from captum_explainer.deadline import Deadline
from captum_explainer.predictor_client.description import Description
from captum_explainer.predictor_client.errors import require_success
from captum_explainer.predictor_client.exchange import Answer, Exchange, Rows
from captum_explainer.predictor_client.session import MAX_CALL_ROWS
from captum_explainer.predictor_client.texts import Text, strings
from captum_explainer.predictor_client.transport import Connection

# A number takes about this many characters in JSON.
JSON_BYTES_PER_NUMBER = 12


@dataclass
class ScoresSession:
    """The scores of any V1 or V2 predictor: one segment, from its input to its output."""

    connection: Connection
    description: Description
    deadline: Deadline
    headers: Mapping[str, str]
    max_call_bytes: int
    protocol: str
    calls: int = field(default=0, init=False)
    rows: int = field(default=0, init=False)
    outputs: int | None = field(default=None, init=False)

    def carries(self, exchange: Exchange) -> bool:
        """False: the predictor gives nothing but scores, and `answer` splits them itself."""
        return False

    def answer(self, exchange: Exchange) -> Answer:
        """Scores [rows, outputs] for instances [rows, ...] in the shape that the client sent; no gradient.

        Raises:
            BadInput: The exchange asks for a gradient.
            ServingError: The predictor cannot be reached, refuses, or answers what it must not.
        """
        if exchange.derivative is not None:
            raise BadInput(
                "the predictor gives scores alone; expected one with the gradient extension, or a method without "
                "gradients, as Captum's Occlusion, FeatureAblation, Lime and KernelShap are"
            )
        (rows,), (sink,) = exchange.sources.values(), exchange.sinks
        size = rows.nbytes if self.description.binary else rows.size * JSON_BYTES_PER_NUMBER
        parts = max(math.ceil(len(rows) / MAX_CALL_ROWS), min(len(rows), math.ceil(size / self.max_call_bytes)))
        scores = np.concatenate([self._call(part) for part in np.array_split(rows, parts)])
        return Answer({sink: scores})

    def score_texts(self, texts: Sequence[Text]) -> Rows:
        """Scores [texts, outputs] of texts, which go as strings, or as objects where they have a pair.

        Raises:
            ServingError: As `answer`.
        """
        size = sum(len(part) for text in texts for part in text.parts)
        parts = max(math.ceil(len(texts) / MAX_CALL_ROWS), min(len(texts), math.ceil(size / self.max_call_bytes)))
        split = np.array_split(np.arange(len(texts)), parts)
        return np.concatenate([self._call([texts[i] for i in part]) for part in split])

    def _call(self, rows: Rows | list[Text]) -> Rows:
        scores = self._v2(rows) if self.protocol == "v2" else self._v1(rows)
        self.calls += 1
        self.rows += len(rows)
        if scores.ndim == 1:
            scores = scores[:, None]
        fits = scores.ndim == 2 and len(scores) == len(rows) and scores.shape[1] > 0
        if not fits or self.outputs not in (None, scores.shape[1]):
            raise BadGateway(
                f"the predictor's answer has the shape {list(scores.shape)}; "
                f"expected scores [{len(rows)}, {self.outputs or 'outputs'}]"
            )
        # There is no digest: only another number of outputs tells that the model was replaced.
        self.outputs = scores.shape[1]
        with np.errstate(over="ignore"):
            scores = np.ascontiguousarray(scores, dtype=np.float32)
        if not np.isfinite(scores).all():
            raise BadGateway("the predictor's scores hold NaN or infinity; expected finite numbers")
        return scores

    def _v1(self, rows: Rows | list[Text]) -> Rows:
        instances = [_as_instance(text) for text in rows] if isinstance(rows, list) else np.ascontiguousarray(rows)
        body = orjson.dumps({"instances": instances}, option=orjson.OPT_SERIALIZE_NUMPY)
        path = f"/v1/models/{self.description.name}:predict"
        headers = {**self.headers, "Content-Type": "application/json"}
        reply = require_success(self.connection.call("POST", path, self.deadline, body, headers))
        try:
            predictions = orjson.loads(reply.body)["predictions"]
            each = [_scores_of(one) for one in predictions] if isinstance(predictions, list) else predictions
            return read_numbers(each, "predictions")
        except (orjson.JSONDecodeError, KeyError, TypeError):
            raise BadGateway("the predictor's answer is not V1's; expected a JSON object with 'predictions'") from None
        except BadInput as error:
            raise BadGateway(f"the predictor's answer is not V1's: {error}") from None

    def _v2(self, rows: Rows | list[Text]) -> Rows:
        binary = self.description.binary
        document = {"parameters": {"binary_data_output": True}} if binary else {}
        if isinstance(rows, list) and any(text.pair is not None for text in rows):
            raise BadInput("instances have a text_pair; expected texts alone, which are all that goes over V2")
        tensor = strings([text.text for text in rows]) if isinstance(rows, list) else rows
        body, header_length = encode(document, {self.description.input_name: tensor}, "inputs", binary=binary)
        headers = {**self.headers, "Content-Type": "application/json"}
        if header_length is not None:
            headers |= {"Content-Type": "application/octet-stream", HEADER_LENGTH: str(header_length)}
        path = f"/v2/models/{self.description.name}/infer"
        reply = require_success(self.connection.call("POST", path, self.deadline, body, headers))
        try:
            return next(iter(decode(reply.body, reply.headers.get(HEADER_LENGTH), "outputs").tensors.values()))
        except BadInput as error:
            raise BadGateway(f"the predictor's answer does not follow the Open Inference Protocol: {error}") from None


def _as_instance(text: Text) -> str | dict[str, str]:
    return text.text if text.pair is None else {"text": text.text, "text_pair": text.pair}


def _scores_of(prediction: Any) -> Any:  # noqa: ANN401 - JSON
    """The scores of a prediction; an object has them by label, or in `probabilities` as our predictor's does."""
    if not isinstance(prediction, dict):
        return prediction
    return list(prediction.get("probabilities", prediction).values())
