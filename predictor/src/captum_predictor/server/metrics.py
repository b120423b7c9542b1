"""The predictor's requests at `/metrics`: how many, with which status, and how long they took."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from captum_serving.boundary.hang_ups import Disconnected
from captum_serving.errors import ServingError
from prometheus_client import Counter, Histogram

from captum_predictor.engine.chunk_metrics import SECONDS

_requests = Counter(
    "captum_predictor_requests", "Requests by kind and HTTP status (gRPC's are mapped).", ["kind", "status"]
)
_request_seconds = Histogram(
    "captum_predictor_request_seconds", "From a request's body to its answer.", ["kind"], buckets=SECONDS
)

CLIENT_GONE = "499"  # never sent: proxies log this status for a client that hung up


@contextmanager
def count_request(kind: str) -> Iterator[None]:
    """Count and time the block as one request of this kind."""
    begin = time.perf_counter()
    status = CLIENT_GONE
    try:
        yield
        status = "200"
    except Exception as error:
        if not isinstance(error, Disconnected):
            status = str(error.http_status if isinstance(error, ServingError) else 500)
        raise
    finally:
        _requests.labels(kind, status).inc()
        _request_seconds.labels(kind).observe(time.perf_counter() - begin)
