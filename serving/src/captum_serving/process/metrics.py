"""`/metrics`: this process's metrics, or the sums over all workers if there are several."""

import atexit
import os
import shutil
import tempfile

from starlette.requests import Request
from starlette.responses import Response

FOLDER = "PROMETHEUS_MULTIPROC_DIR"


def share_between_workers() -> None:
    """Make every worker write its metrics into one folder. Call it before prometheus_client is imported."""
    if FOLDER not in os.environ:
        os.environ[FOLDER] = tempfile.mkdtemp(prefix="kserve-captum-metrics-")
        atexit.register(shutil.rmtree, os.environ[FOLDER], ignore_errors=True)


async def write_metrics(request: Request) -> Response:
    """Answer with the metrics in Prometheus' text format."""
    # Imported here: it looks for the folder when it is imported, and this module is what sets it.
    from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest, multiprocess

    registry = REGISTRY
    if FOLDER in os.environ:
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
