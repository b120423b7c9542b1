"""Scores from a predictor without our extension: by V1, V2 in JSON, or binary V2 if it declares that."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
from captum_serving.errors import BadGateway, BadInput, TooLarge
from captum_serving.protocol.json_body import parse_json
from captum_serving.protocol.json_numbers import read_numbers

from captum_explainer.predictor_client.calls import Calls
from captum_explainer.predictor_client.exchange import Answer, Array, Exchange, Rows
from captum_explainer.predictor_client.texts import Text

# A number takes about this many characters in JSON.
JSON_BYTES_PER_NUMBER = 12


@dataclass
class ScoresSession(Calls):
    """The scores of any V1 or V2 predictor: one segment, from its input to its output."""

    protocol: str
    outputs: int | None = field(default=None, init=False)

    def carries(self, exchange: Exchange) -> bool:
        """False: the predictor gives only scores, and `answer` divides them among calls itself."""
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
        parts = np.array_split(rows, self.count_parts(len(rows), size))
        return Answer({sink: np.concatenate([self._call(part) for part in parts])})

    def score_texts(self, texts: Sequence[Text]) -> Rows:
        """Scores [texts, outputs] of texts, which are sent as strings, or as objects if they have a pair.

        Raises:
            ServingError: As `answer`.
        """
        size = sum(len(part) for text in texts for part in text.parts)
        parts = np.array_split(np.arange(len(texts)), self.count_parts(len(texts), size))
        return np.concatenate([self._call([texts[i] for i in part]) for part in parts])

    def _call(self, rows: Rows | list[Text]) -> Rows:
        scores = self._score_by_v2(rows) if self.protocol == "v2" else self._score_by_v1(rows)
        self.rows += len(rows)
        if scores.ndim == 1:
            scores = scores[:, None]
        fits = scores.ndim == 2 and len(scores) == len(rows) and scores.shape[1] > 0
        if not fits or self.outputs not in (None, scores.shape[1]):
            raise BadGateway(
                f"the predictor's answer has the shape {list(scores.shape)}; "
                f"expected scores [{len(rows)}, {self.outputs or 'outputs'}]"
            )
        # There is no digest: only another number of outputs shows that the model was replaced.
        self.outputs = scores.shape[1]
        with np.errstate(over="ignore"):
            scores = np.ascontiguousarray(scores, dtype=np.float32)
        if not np.isfinite(scores).all():
            raise BadGateway("the predictor's scores hold NaN or infinity; expected finite numbers")
        return scores

    def _score_by_v1(self, rows: Rows | list[Text]) -> Array:
        instances = [_write_instance(text) for text in rows] if isinstance(rows, list) else np.ascontiguousarray(rows)
        body = orjson.dumps({"instances": instances}, option=orjson.OPT_SERIALIZE_NUMPY)
        reply = self.post(f"/v1/models/{self.description.name}:predict", body)
        try:
            predictions = parse_json(reply.body)["predictions"]
            each = [_read_scores(one) for one in predictions] if isinstance(predictions, list) else predictions
            return read_numbers(each, "predictions")
        except (KeyError, TypeError):
            raise BadGateway("the predictor's answer is not V1's; expected a JSON object with 'predictions'") from None
        except (BadInput, TooLarge) as error:
            raise BadGateway(f"the predictor's answer is not V1's: {error}") from None

    def _score_by_v2(self, rows: Rows | list[Text]) -> Array:
        binary = self.description.binary
        document = {"parameters": {"binary_data_output": True}} if binary else {}
        tensor = np.array([_write_string(text) for text in rows], object) if isinstance(rows, list) else rows
        return next(iter(self.infer(document, {self.description.input_name: tensor}, binary=binary).tensors.values()))


def _write_instance(text: Text) -> str | dict[str, str]:
    return text.text if text.pair is None else {"text": text.text, "text_pair": text.pair}


def _write_string(text: Text) -> str:
    if text.pair is not None:
        raise BadInput("instances have a text_pair; expected texts alone, which are all that goes over V2")
    return text.text


def _read_scores(prediction: Any) -> Any:  # noqa: ANN401 - JSON
    """The scores in a prediction; an object has them by label, or in `probabilities`, as our predictor's objects do."""
    if not isinstance(prediction, dict):
        return prediction
    return list(prediction.get("probabilities", prediction).values())
