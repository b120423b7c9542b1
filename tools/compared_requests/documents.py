"""What GET answers: health, metadata and the catalogues."""

from collections.abc import Iterator

from tools.checkout_servers import EXPLAINER, PREDICTOR
from tools.compared_requests.asked import Asked

PATHS = (
    "/",
    "/v1/models",
    "/v1/models/{}",
    "/v2",
    "/v2/models",
    "/v2/models/{}",
    "/v2/models/{}/ready",
    "/v2/health/live",
    "/v2/health/ready",
)


def list_documents(model: str) -> Iterator[Asked]:
    """The documents of both servers; those of the explainer that list the methods are a kind of their own."""
    for server in (PREDICTOR, EXPLAINER):
        for path in PATHS:
            yield Asked("documents", path.format(model), verb="GET", server=server)
    for path in ("/v1/models/{}:explain", "/v1/models/{}/methods"):
        yield Asked("catalogue", path.format(model), verb="GET")
