"""The predictor as an explanation sees it: first what its model is, then a session of calls."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace

import orjson

from captum_explainer.deadline import Deadline
from captum_explainer.predictor_client.description import Access, Description
from captum_explainer.predictor_client.errors import require_success
from captum_explainer.predictor_client.http_connection import Reply
from captum_explainer.predictor_client.read_description import read_description, takes_binary
from captum_explainer.predictor_client.scores import ScoresSession
from captum_explainer.predictor_client.session import Session
from captum_explainer.predictor_client.transport import Connection
from captum_explainer.settings import PredictorAddress

# A predictor without our extension names no version, so what is known of it is asked anew from time to time.
SCORES_ONLY_SECONDS = 30.0

# What is known of the model for longer may be of one that was replaced.
AGED_SECONDS = 1.0

# What a server that does not speak V2 answers to V2's metadata.
NO_V2 = (404, 405, 501)

# Where V1 is spoken, any other of the caller's mistakes too (V1 servers have their own ways with paths that they do not
# know), but for these, which are about who asks and how often.
NOT_ABOUT_V2 = (401, 403, 429)


class PredictorClient:
    """One predictor over one kept-alive connection, for one explanation at a time."""

    def __init__(self, address: PredictorAddress, max_call_bytes: int) -> None:
        self._protocol, self._max_call_bytes = address.protocol, max_call_bytes
        self._connection = Connection(
            address.host,
            address.use_ssl,
            address.ca_bundle,
            address.request_timeout_seconds,
        )
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
        reply = self._connection.call("GET", f"/v2/models/{name}", deadline, headers=headers)
        description = (
            Description(name) if self._has_no_v2(reply.status) else read_description(name, require_success(reply).body)
        )
        if description.access == Access.SCORES and self._protocol == "v2":
            server = self._connection.call("GET", "/v2", deadline, headers=headers)
            description = replace(description, binary=server.status == 200 and takes_binary(server.body))
        self._described, self._described_at = description, time.monotonic()
        return description

    def list_names(self, deadline: Deadline, headers: Mapping[str, str]) -> list[str]:
        """The models that the predictor lists, as kserve's servers do; none where it lists none.

        Raises:
            ServingError: The predictor cannot be reached.
        """
        for path in ("/v2/models", "/v1/models"):
            reply = self._connection.call("GET", path, deadline, headers=headers)
            try:
                names = orjson.loads(reply.body)["models"] if reply.status == 200 else []
            except (orjson.JSONDecodeError, KeyError, TypeError):
                names = []
            if names and all(isinstance(name, str) for name in names):
                return list(names)
        return []

    @property
    def answered(self) -> bool:
        """Whether the predictor has ever given an answer in HTTP but a 503."""
        return self._connection.answered

    def describe_anew(self, name: str, deadline: Deadline, headers: Mapping[str, str]) -> Description:
        """The model's description of this second; raises as `describe` does."""
        if time.monotonic() - self._described_at > AGED_SECONDS:
            self.forget()
        return self.describe(name, deadline, headers)

    def forget(self) -> None:
        """Ask for the description again next time: the model was seen to have changed."""
        self._described = None

    def open_session(
        self, description: Description, deadline: Deadline, headers: Mapping[str, str]
    ) -> Session | ScoresSession:
        """Calls for one explanation, all of them of the described version of the model."""
        limit = self._max_call_bytes
        if description.access > Access.SCORES:
            return Session(self._connection, description, deadline, headers, limit)
        return ScoresSession(self._connection, description, deadline, headers, limit, self._protocol)

    def predict(self, name: str, body: bytes, deadline: Deadline, headers: Mapping[str, str]) -> Reply:
        """Pass a V1 `:predict` on, and whatever the predictor answers back."""
        return self._connection.call("POST", f"/v1/models/{name}:predict", deadline, body, headers)

    def close(self) -> None:
        """Close the connection, for good."""
        self._connection.close()

    def _has_no_v2(self, status: int) -> bool:
        if status in NO_V2:
            return True
        return self._protocol == "v1" and 400 <= status < 500 and status not in NOT_ABOUT_V2
