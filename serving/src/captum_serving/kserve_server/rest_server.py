"""kserve's REST server, which does nothing for lines that nobody reads, and does not look for garbage in modules."""

from __future__ import annotations

import gc
import logging
import warnings

from fastapi import FastAPI
from kserve import model_server
from kserve.constants.constants import KSERVE_LOGLEVEL
from kserve.protocol.rest.multiprocess import server as multiprocess
from kserve.protocol.rest.server import RESTServer, TimingMiddleware


class QuietRestServer(RESTServer):  # type: ignore[misc]  # kserve is untyped
    """No line a request, unless KSERVE_LOGLEVEL asks for all there is, or a log configuration of the user's own.

    kserve times each request for such a line whether or not it is written: it looks for the route a second time, and
    asks the system twice for the process's CPU time.
    """

    def create_application(self) -> None:
        """Register kserve's routes, in the process that serves them: a worker has logging of its own."""
        warnings.filterwarnings("ignore", "ORJSONResponse is deprecated")
        if _quiet():
            for name in ("kserve.trace", "uvicorn.access"):
                logging.getLogger(name).setLevel(logging.WARNING)
            logging.getLogger("uvicorn.access").handlers.clear()  # with any, uvicorn puts each line together
            # Who the client behind a proxy is, only a line would say.
            self.config.proxy_headers = bool(self.access_log_format)
        super().create_application()
        # What is there now stays: modules for the most part, 400,000 objects in the explainer. To look through them for
        # garbage takes 0.2 s, in which the process does nothing else.
        gc.freeze()

    def _add_middlewares(self, app: FastAPI) -> None:
        super()._add_middlewares(app)
        if _quiet():
            app.user_middleware[:] = [each for each in app.user_middleware if each.cls is not TimingMiddleware]


def _quiet() -> bool:
    return KSERVE_LOGLEVEL != "DEBUG" and model_server.args.log_config_file is None


def serve_quietly() -> None:
    """Make kserve use such servers, in this process."""
    model_server.RESTServer = multiprocess.RESTServer = QuietRestServer
