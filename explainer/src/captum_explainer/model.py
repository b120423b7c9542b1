"""The served model as KServe knows it: off the event loop, within limits, and of one version."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

from captum_serving.errors import BadInput, NotFound, ServingError, Unavailable
from kserve import Model

from captum_explainer import routes
from captum_explainer.captum_warnings import ignore_expected_warnings
from captum_explainer.catalogue import as_json
from captum_explainer.deadline import Deadline
from captum_explainer.explain import explain
from captum_explainer.metrics import observe
from captum_explainer.off_loop import OffLoop
from captum_explainer.predictor.client import PredictorClient
from captum_explainer.predictor.connection import Reply
from captum_explainer.predictor.description import Description
from captum_explainer.predictor.session import ModelChanged
from captum_explainer.quadrature_cache import remember_quadrature
from captum_explainer.request import Answer, Incoming, Read
from captum_explainer.settings import Settings

logger = logging.getLogger("captum_explainer")


class Explainer(Model):  # type: ignore[misc]  # kserve is untyped
    """Explains one model.

    Pickled into a worker it is its settings alone: threads and connections are the worker's own.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings.model_name)
        self.settings = settings
        self.predictor = PredictorClient(settings)
        self.ready = True
        self._explaining = OffLoop("explain", settings.concurrency, settings.max_waiting)
        # What only passes through must not wait for explanations.
        self._passing = OffLoop("pass", settings.concurrency, settings.max_waiting)

    def __reduce__(self) -> tuple[Any, ...]:
        """What kserve sends to its workers."""
        return attach, (self.settings,)

    async def healthy(self) -> bool:
        """Whether the predictor has ever answered, be it to refuse us: what it says then is for the client to hear.

        It stays true: a predictor that went away is an answer's 503.
        """
        if not self.predictor.answered:
            deadline = Deadline(1.0)
            try:
                await self._passing.run(lambda: self.predictor.describe(self.name, deadline, {}), deadline)
            except Exception as error:
                logger.warning("the predictor does not describe its model: %s", error)
        return self.predictor.answered

    async def answer(self, name: str, incoming: Incoming, read: Read) -> Answer:
        """Explain a request that came by the way in which `read` knows.

        Raises:
            ServingError: The request is wrong, the predictor fails, or there is no time.
        """
        self._check_name(name)
        deadline = Deadline(self.settings.deadline_seconds)
        return await self._explaining.run(lambda: self._explain(incoming, read, deadline), deadline)

    async def methods(self, name: str, headers: Mapping[str, str]) -> dict[str, Any]:
        """The catalogue of methods that this model's predictor makes possible."""
        self._check_name(name)
        deadline = Deadline(self.settings.deadline_seconds)
        description = await self._passing.run(lambda: self.predictor.describe_anew(name, deadline, headers), deadline)
        return as_json(description, self.settings)

    async def prediction(self, name: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """The predictor's own answer to a prediction."""
        self._check_name(name)
        deadline = Deadline(self.settings.deadline_seconds)
        return await self._passing.run(lambda: self.predictor.predict(name, body, deadline, headers), deadline)

    def _check_name(self, name: str) -> None:
        if name != self.name:
            raise NotFound(f"there is no model {name[:100]!r}; this server explains {self.name!r}")

    def _explain(self, incoming: Incoming, read: Read, deadline: Deadline) -> Answer:
        started, headers = time.perf_counter(), incoming.passed_on
        for _ in range(2):
            description = self.predictor.describe(self.name, deadline, headers)
            try:
                request = read(incoming, description, self.settings)
                session = self.predictor.session(description, deadline, headers)
                explanations = explain(request, description, session, self.settings)
            except ModelChanged:
                self.predictor.forget()
                continue
            except BadInput:
                if self._is_replaced(description, headers):
                    continue
                raise
            observe(explanations.parameters["method"], time.perf_counter() - started, session.calls, session.rows)
            return request.write(explanations, description)
        raise Unavailable(
            "the predictor's model changed twice during the explanation; try again when its rollout is over"
        )

    def _is_replaced(self, description: Description, headers: Mapping[str, str]) -> bool:
        """Whether a request was wrong for a model that the predictor no longer has."""
        try:
            return self.predictor.describe_anew(self.name, Deadline(1.0), headers) != description
        except ServingError:
            return False


def attach(settings: Settings) -> Explainer:
    """Make the explainer of this process, and give it to the routes."""
    ignore_expected_warnings()
    remember_quadrature()
    explainer = Explainer(settings)
    routes.serve(explainer)
    return explainer
