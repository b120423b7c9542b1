"""The REST server: uvicorn as kserve sets it up, serving our own application."""

import gc
import logging
from typing import Any

from kserve import model_server
from kserve.constants.constants import KSERVE_LOGLEVEL
from kserve.protocol.rest.server import PrintTimings, RESTServer
from starlette.middleware import Middleware
from timing_asgi import TimingMiddleware
from timing_asgi.utils import PathToName

from captum_serving.boundary.connection import Connection
from captum_serving.boundary.front import build_application
from captum_serving.boundary.limits import Bodies
from captum_serving.kserve_server.standard_routes import build_standard_routes
from captum_serving.limits import ClientLimits


class RestServer(RESTServer):  # type: ignore[misc]  # kserve is untyped
    """kserve's REST server with our application in place of kserve's; uvicorn's settings and TLS stay kserve's.

    It is pickled into each worker, which builds the application itself: routes and handlers need not be pickled.
    """

    def __init__(
        self,
        name: str,
        host: str,
        limits: ClientLimits,
        *arguments: Any,  # noqa: ANN401 - kserve's own
        **named: Any,  # noqa: ANN401
    ) -> None:
        super().__init__("", *arguments, **named)  # no application yet
        self.config.host = host
        self.config.ws = "none"
        self.limits = limits
        self.name = name

    def create_application(self) -> None:
        """Build the application from what the models offer; kserve calls this in the process that serves it."""
        if _is_quiet():
            for name in ("kserve.trace", "uvicorn.access"):
                logging.getLogger(name).setLevel(logging.WARNING)
            logging.getLogger("uvicorn.access").handlers.clear()  # with any handler, uvicorn formats each line
            # Only the access log shows who the client behind a proxy is.
            self.config.proxy_headers = bool(self.access_log_format)
        self.config.http = type("LimitedConnection", (Connection,), {"limits": self.limits})
        models = self.dataplane.model_registry.get_models().values()
        routes = [route for model in models for route in model.routes()]
        routes += build_standard_routes(self.dataplane, self.model_repository_extension)
        bodies = Bodies(self.limits)
        self.config.app = build_application(routes, self.name, bodies, self._make_middleware())
        # The objects made so far stay: mostly modules, 400,000 objects in the explainer. Searching them for garbage
        # would stop the process for 0.2 s each time.
        gc.freeze()

    def _make_middleware(self) -> list[Middleware]:
        """Make kserve's middleware for log lines.

        If nobody reads its lines, the timing is left out: it asks the system twice for the process's CPU time.
        """
        middleware = []
        if self.access_log_format:
            from asgi_logger import AccessLoggerMiddleware  # kserve does not install it

            # This middleware writes the access log in uvicorn's place.
            logging.getLogger("uvicorn.access").handlers.clear()
            logging.getLogger("access").propagate = False
            middleware.append(Middleware(AccessLoggerMiddleware, format=self.access_log_format))
        if not _is_quiet():
            middleware.append(Middleware(TimingMiddleware, client=PrintTimings(), metric_namer=PathToName("kserve.io")))
        return middleware


def _is_quiet() -> bool:
    """True if requests are not logged: the level is not DEBUG, and the user has no log configuration."""
    return KSERVE_LOGLEVEL != "DEBUG" and model_server.args.log_config_file is None
