"""The model as kserve knows it: its readiness, its REST routes, and how it is sent to a worker."""

from __future__ import annotations

from captum_serving.boundary.route import Route
from kserve import Model

from captum_explainer.attribution.captum_warnings import ignore_expected_warnings
from captum_explainer.server.routes import build_routes
from captum_explainer.server.service import Explainer
from captum_explainer.settings import Settings


class KserveModel(Model):  # type: ignore[misc]  # kserve is untyped
    """An explainer as a `kserve.Model`, the only kind of object that kserve's server takes."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings.model_name)
        ignore_expected_warnings()
        self.ready = True
        self._explainer = Explainer(settings)

    def __reduce__(self) -> tuple[type[KserveModel], tuple[Settings]]:
        """Pickle the settings alone: threads and connections are each worker's own."""
        return KserveModel, (self._explainer.settings,)

    async def healthy(self) -> bool:
        """Whether the predictor has ever answered."""
        return await self._explainer.healthy()

    def routes(self) -> list[Route]:
        """The REST routes that ask the explainer."""
        return build_routes(self._explainer)
