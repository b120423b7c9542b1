"""One explanation's calls to a predictor, whatever that predictor can do."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from captum_serving.errors import BadGateway, BadInput, TooLarge
from captum_serving.protocol.wire import HEADER_LENGTH, Message, Strings, decode, encode

from captum_explainer.deadline import Deadline
from captum_explainer.predictor_client.description import Description
from captum_explainer.predictor_client.errors import require_success
from captum_explainer.predictor_client.exchange import NOTHING, Array
from captum_explainer.predictor_client.http_connection import Reply
from captum_explainer.predictor_client.transport import Connection

# Below the predictor's default limit, whatever a row's size. Twice as many are no faster a row, and the predictor
# holds 10 MiB more.
MAX_CALL_ROWS = 1024


@dataclass
class Calls:
    """Calls by one connection and until one deadline, about the model that `description` describes.

    Attributes:
        connection: Leads to the predictor.
        description: The model.
        deadline: When all calls must be over.
        headers: Sent with each call.
        max_call_bytes: The most bytes of one call's request or answer.
        calls: The number of calls so far.
        rows: The number of rows that the predictor has computed in them.
    """

    connection: Connection
    description: Description
    deadline: Deadline
    headers: Mapping[str, str]
    max_call_bytes: int
    calls: int = field(default=0, init=False)
    rows: int = field(default=0, init=False)

    def count_parts(self, rows: int, size: int) -> int:
        """The number of calls among which to divide this many rows, which have `size` bytes together.

        The predictor's own limits count too; half of its body is left for the JSON and a text's extra inputs.
        """
        most_rows = min(MAX_CALL_ROWS, self.description.max_rows)
        most_bytes = min(self.max_call_bytes, max(1, self.description.max_body_bytes // 2))
        return max(math.ceil(rows / most_rows), min(rows, math.ceil(size / most_bytes)))

    def post(self, path: str, body: bytes, headers: Mapping[str, str] = NOTHING) -> Reply:
        """Post a JSON body, or one with binary tensors behind its JSON header.

        Raises:
            ServingError: The predictor cannot be reached, or refuses.
        """
        content_type = "application/octet-stream" if HEADER_LENGTH in headers else "application/json"
        headers = {**self.headers, "Content-Type": content_type, **headers}
        reply = require_success(self.connection.call("POST", path, self.deadline, body, headers))
        self.calls += 1
        return reply

    def infer(
        self,
        document: Mapping[str, Any],
        tensors: Mapping[str, Array],
        *,
        binary: bool,
        strings: Strings | None = None,
    ) -> Message:
        """Call V2's infer; `strings` is what the answer's BYTES are read as, None where none are expected.

        Raises:
            ServingError: The predictor cannot be reached, refuses, or does not answer in V2.
        """
        body, length = encode(document, tensors, "inputs", binary=binary)
        headers = {} if length is None else {HEADER_LENGTH: str(length)}
        reply = self.post(f"/v2/models/{self.description.name}/infer", body, headers)
        try:
            return decode(reply.body, reply.headers.get(HEADER_LENGTH), "outputs", strings=strings)
        except (BadInput, TooLarge) as error:
            raise BadGateway(f"the predictor's answer does not follow the Open Inference Protocol: {error}") from None
