"""One predictor: describes its model, and opens a session of calls for each explanation."""

import time
from collections.abc import Mapping
from dataclasses import replace

from captum_serving.errors import BadInput, TooLarge
from captum_serving.extension_key import read_key
from captum_serving.protocol.extension_names import EXTENSION_KEY
from captum_serving.protocol.json_body import parse_json

from captum_explainer.deadline import Deadline
from captum_explainer.predictor_client.description import Access, Description
from captum_explainer.predictor_client.errors import require_success
from captum_explainer.predictor_client.http_connection import Reply
from captum_explainer.predictor_client.read_description import read_description, takes_binary
from captum_explainer.predictor_client.scores import ScoresSession
from captum_explainer.predictor_client.session import Session
from captum_explainer.predictor_client.transport import Connection
from captum_explainer.settings import PredictorAddress

# A predictor without our extension names no version, so its description is fetched again from time to time.
SCORES_ONLY_SECONDS = 30.0

# An older description may be that of a model which has been replaced.
AGED_SECONDS = 1.0

# How a server that does not speak V2 answers when it is asked for V2's metadata.
NO_V2 = (404, 405, 501)

# With V1, every other 4xx means the same, because V1 servers answer unknown paths in their own ways. The exceptions are
# about who asks, and how often.
NOT_ABOUT_V2 = (401, 403, 429)


class PredictorClient:
    """One predictor over one kept-alive connection, for one explanation at a time.

    The extension's key goes with what needs it; predictions that are passed on do without.
    """

    def __init__(self, address: PredictorAddress, max_call_bytes: int, offered: Access = Access.STRUCTURE) -> None:
        self._protocol, self._max_call_bytes = address.protocol, max_call_bytes
        self._key = {EXTENSION_KEY: read_key(address.extension_key_file)} if address.extension_key_file else {}
        self._connection = Connection(
            address.host,
            address.use_ssl,
            address.ca_bundle,
            address.request_timeout_seconds,
        )
        self._offered = offered
        self._described: Description | None = None
        self._described_at = 0.0

    def describe(self, name: str, deadline: Deadline, headers: Mapping[str, str]) -> Description:
        """The model's description, from the predictor or from memory.

        Raises:
            ServingError: The predictor cannot be reached, or answers what it must not.
        """
        known = self._described
        fresh = time.monotonic() - self._described_at < SCORES_ONLY_SECONDS
        if known is not None and (known.digest is not None or fresh):
            return known
        reply = self._connection.call("GET", f"/v2/models/{name}", deadline, headers={**headers, **self._key})
        description = (
            Description(name) if self._has_no_v2(reply.status) else read_description(name, require_success(reply).body)
        )
        if description.access == Access.SCORES and self._protocol == "v2":
            server = self._connection.call("GET", "/v2", deadline, headers=headers)
            description = replace(description, binary=server.status == 200 and takes_binary(server.body))
        description = replace(description, offered=self._offered)
        self._described, self._described_at = description, time.monotonic()
        return description

    def list_names(self, deadline: Deadline, headers: Mapping[str, str]) -> list[str]:
        """The names of the models that the predictor lists, as kserve's servers do; empty if it lists none.

        Raises:
            ServingError: The predictor cannot be reached.
        """
        for path in ("/v2/models", "/v1/models"):
            reply = self._connection.call("GET", path, deadline, headers=headers)
            try:
                names = parse_json(reply.body)["models"] if reply.status == 200 else []
            except (BadInput, TooLarge, KeyError, TypeError):
                names = []
            if names and all(isinstance(name, str) for name in names):
                return list(names)
        return []

    @property
    def answered(self) -> bool:
        """True once the predictor has answered any request with something other than a 503."""
        return self._connection.answered

    def describe_anew(self, name: str, deadline: Deadline, headers: Mapping[str, str]) -> Description:
        """The model's description, at most a second old. Raises what `describe` raises."""
        if time.monotonic() - self._described_at > AGED_SECONDS:
            self.forget()
        return self.describe(name, deadline, headers)

    def forget(self) -> None:
        """Forget the description, because the model has changed; the next `describe` asks again."""
        self._described = None

    def open_session(
        self, description: Description, deadline: Deadline, headers: Mapping[str, str]
    ) -> Session | ScoresSession:
        """Open a session for one explanation; all its answers must come from the described version of the model."""
        limit = self._max_call_bytes
        if description.access > Access.SCORES:
            return Session(self._connection, description, deadline, {**headers, **self._key}, limit)
        return ScoresSession(self._connection, description, deadline, headers, limit, self._protocol)

    def predict(self, name: str, body: bytes, deadline: Deadline, headers: Mapping[str, str]) -> Reply:
        """Forward a V1 `:predict`, and return the predictor's answer, whatever its status."""
        return self._connection.call("POST", f"/v1/models/{name}:predict", deadline, body, headers)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _has_no_v2(self, status: int) -> bool:
        if status in NO_V2:
            return True
        return self._protocol == "v1" and 400 <= status < 500 and status not in NOT_ABOUT_V2
