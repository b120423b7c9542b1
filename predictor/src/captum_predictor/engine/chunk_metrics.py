"""The engine's part of `/metrics`: how long chunks take, what waits for a lane, and which lanes are busy."""

from functools import partial

from prometheus_client import Gauge, Histogram

from captum_predictor.engine.lanes import Lanes

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

CHUNK_SECONDS = Histogram(
    "captum_predictor_chunk_seconds", "Computing one chunk of rows on a lane.", ["computed"], buckets=SECONDS
)
_queue_rows = Gauge("captum_predictor_queue_rows", "Rows that wait for a lane.", ["priority"])
_busy_lanes = Gauge("captum_predictor_busy_lanes", "Lanes that compute a chunk.", ["priority"])


def watch(lanes: Lanes) -> None:
    """Let the gauges show these lanes and their queues."""
    for priority, queue in lanes.queues.items():
        _busy_lanes.labels(priority.name.lower()).set_function(partial(getattr, queue, "busy"))
        _queue_rows.labels(priority.name.lower()).set_function(partial(getattr, queue, "rows"))
