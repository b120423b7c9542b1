"""Answers questions about models for kserve's gRPC servicer and the standard routes; loading is refused."""

from typing import Any, NoReturn

from kserve.protocol.dataplane import DataPlane
from kserve.protocol.model_repository_extension import ModelRepositoryExtension

from captum_serving.errors import Forbidden, NotFound


class TruthfulDataPlane(DataPlane):  # type: ignore[misc]  # kserve is untyped
    """kserve's data plane with our errors and a true readiness: kserve's own is ready whatever its models say."""

    async def ready(self) -> bool:
        """True if there is a model and every model is ready."""
        models = self._model_registry.get_models()
        return bool(models) and all([await self._model_registry.is_model_ready(name) for name in models])

    def metadata(self) -> dict[str, Any]:
        """Describe the server: its name and version, without the repository extension, which is refused."""
        return {**super().metadata(), "extensions": []}

    def get_model_from_registry(self, name: str) -> Any:  # noqa: ANN401 - kserve is untyped
        """Find the model of this name.

        Raises:
            NotFound: There is none.
        """
        known = self._model_registry.get_models()
        if name not in known:
            raise NotFound(f"model {name[:80]!r} is not known; this server has {', '.join(map(repr, known))}")
        return known[name]

    async def get_model(self, name: str) -> Any:  # noqa: ANN401 - kserve is untyped
        """Find the model of this name. Raises NotFound."""
        return self.get_model_from_registry(name)

    async def model_ready(self, model_name: str, disable_predictor_health_check: bool = False) -> bool:
        """True if this model is ready. Raises NotFound."""
        return bool(await self.get_model_from_registry(model_name).healthy())


class FixedRepository(ModelRepositoryExtension):  # type: ignore[misc]  # kserve is untyped
    """kserve's repository, which refuses `load` and `unload`: with kserve's own, any client could unload the model."""

    async def load(self, model_name: str) -> NoReturn:
        """Refuse.

        Raises:
            Forbidden: Always.
        """
        raise Forbidden("models are loaded when the server starts; load and unload are not offered")

    unload = load
