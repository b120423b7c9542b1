"""What the predictor says of itself at `/metrics`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from captum_serving.boundary.front import Disconnected
from captum_serving.errors import ServingError
from prometheus_client import Counter, Gauge, Histogram

from captum_predictor.engine.lanes import Lanes, Priority

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

_requests = Counter(
    "captum_predictor_requests", "Requests by kind and HTTP status (gRPC's are mapped).", ["kind", "status"]
)
_request_seconds = Histogram(
    "captum_predictor_request_seconds", "From a request's body to its answer.", ["kind"], buckets=_SECONDS
)
_chunk_seconds = Histogram(
    "captum_predictor_chunk_seconds", "Computing one chunk of rows on a lane.", ["computed"], buckets=_SECONDS
)
_queue_rows = Gauge("captum_predictor_queue_rows", "Rows that wait for a lane.", ["priority"])
_busy_lanes = Gauge("captum_predictor_busy_lanes", "Lanes that compute a chunk.", ["priority"])

CLIENT_GONE = "499"  # nobody gets this status; it is what proxies log for a client that hung up


@contextmanager
def observed(kind: str) -> Iterator[None]:
    """Count what happens inside as one request of this kind."""
    begin = time.perf_counter()
    status = CLIENT_GONE
    try:
        yield
        status = "200"
    except ServingError as error:
        status = str(error.http_status)
        raise
    except Disconnected:
        raise
    except Exception:
        status = "500"
        raise
    finally:
        _requests.labels(kind, status).inc()
        _request_seconds.labels(kind).observe(time.perf_counter() - begin)


def observe_chunk(seconds: float, *, with_gradient: bool) -> None:
    """Count a chunk's time."""
    _chunk_seconds.labels("gradient" if with_gradient else "value").observe(seconds)


def watch(lanes: Lanes) -> None:
    """Let the gauges show these lanes and their queues."""
    for priority in Priority:
        _busy_lanes.labels(priority.name.lower()).set_function(partial(lanes.busy, priority))
        _queue_rows.labels(priority.name.lower()).set_function(partial(lanes.waiting_rows, priority))
