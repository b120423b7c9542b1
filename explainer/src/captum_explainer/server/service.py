"""Explains one model: off the event loop, within limits, and always with one version of it."""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from captum_serving.errors import BadInput, NotFound, ServingError, Unavailable

from captum_explainer.attribution.explain import explain
from captum_explainer.deadline import Deadline
from captum_explainer.formats.request import Incoming, Read
from captum_explainer.kinds.kind import write_catalogue
from captum_explainer.predictor_client.client import PredictorClient
from captum_explainer.predictor_client.description import Access, Description
from captum_explainer.predictor_client.http_connection import Reply
from captum_explainer.predictor_client.pool import PredictorPool
from captum_explainer.predictor_client.session import ModelChanged
from captum_explainer.rendering.written_answer import WrittenAnswer
from captum_explainer.server.executor import BatchExecutor
from captum_explainer.server.metrics import observe
from captum_explainer.settings import Settings

T = TypeVar("T")

logger = logging.getLogger("captum_explainer")


class Explainer:
    """Answers requests for explanations of one model, whose name is `name`."""

    def __init__(self, settings: Settings) -> None:
        self.name = settings.model_name
        self.settings = settings
        self.predictors = PredictorPool(
            settings.predictor, settings.limits.max_call_bytes, Access[settings.max_access.upper()]
        )
        self._explaining = BatchExecutor("explain", settings.concurrency, settings.limits.max_waiting, bulk=True)
        # Requests that are only passed on must not wait for explanations.
        self._passing = BatchExecutor("pass", settings.concurrency, settings.limits.max_waiting)

    async def healthy(self) -> bool:
        """True once the predictor has answered any request, even with an error.

        It stays true if the predictor goes away: requests then get a 503.
        """
        if not self.predictors.answered:
            deadline = Deadline(1.0)
            try:
                await self._pass(lambda predictor: predictor.describe(self.name, deadline, {}), deadline)
            except Exception as error:
                logger.warning(
                    "the predictor at %s does not describe its model: %s", self.settings.predictor.host, error
                )
        return self.predictors.answered

    async def answer(self, incoming: Incoming, read: Read) -> WrittenAnswer:
        """Explain a request that `read` can read.

        Raises:
            ServingError: The request is wrong, the predictor fails, or there is no time.
        """
        deadline = self._start_deadline()
        return await self._explaining.run(lambda: self._explain(incoming, read, deadline), deadline)

    async def list_methods(self, headers: Mapping[str, str]) -> dict[str, Any]:
        """The catalogue of the methods that work with this model's predictor."""
        deadline = self._start_deadline()
        description = await self._pass(
            lambda predictor: predictor.describe_anew(self.name, deadline, headers), deadline
        )
        return write_catalogue(description, self.settings.limits, self.settings.defaults)

    async def predict(self, body: bytes, headers: Mapping[str, str]) -> Reply:
        """The predictor's own answer to a prediction request."""
        deadline = self._start_deadline()
        return await self._pass(lambda predictor: predictor.predict(self.name, body, deadline, headers), deadline)

    def check_name(self, name: str) -> None:
        """Check that a request means this model.

        Raises:
            NotFound: It means another.
        """
        if name != self.name:
            raise NotFound(f"there is no model {name[:100]!r}; this server explains {self.name!r}")

    def _start_deadline(self) -> Deadline:
        return Deadline(self.settings.limits.deadline_seconds)

    async def _pass(self, call: Callable[[PredictorClient], T], deadline: Deadline) -> T:
        def work() -> T:
            with self.predictors.lend() as predictor:
                return call(predictor)

        return await self._passing.run(work, deadline)

    def _explain(self, incoming: Incoming, read: Read, deadline: Deadline) -> WrittenAnswer:
        with self.predictors.lend() as predictor:
            for _ in range(2):
                description = predictor.describe(self.name, deadline, incoming.forwarded_headers)
                try:
                    return self._explain_by(predictor, description, incoming, read, deadline)
                except ModelChanged:
                    predictor.forget()
                except BadInput:
                    if not self._is_replaced(predictor, description, incoming.forwarded_headers):
                        raise
        raise Unavailable(
            "the predictor's model changed twice during the explanation; try again when its rollout is over"
        )

    def _explain_by(
        self, predictor: PredictorClient, description: Description, incoming: Incoming, read: Read, deadline: Deadline
    ) -> WrittenAnswer:
        started = time.perf_counter()
        request, write = read(incoming, description, self.settings)
        session = predictor.open_session(description, deadline, incoming.forwarded_headers)
        explanations = explain(request.plan(description, session, self.settings.limits, self.settings.defaults))
        observe(explanations.parameters["method"], time.perf_counter() - started, session.calls, session.rows)
        return write(explanations, description)

    def _is_replaced(self, predictor: PredictorClient, description: Description, headers: Mapping[str, str]) -> bool:
        """Whether the predictor has replaced the model that a request was wrong for."""
        try:
            return predictor.describe_anew(self.name, Deadline(1.0), headers) != description
        except ServingError:
            return False
