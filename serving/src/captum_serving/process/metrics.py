"""`/metrics`: this process's metrics, or the sums over all workers if there are several."""

import argparse
import atexit
import os
import shutil
import tempfile
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

FOLDER = "PROMETHEUS_MULTIPROC_DIR"


def count_workers(arguments: Sequence[str]) -> int:
    """The processes that a command line asks for; 1 where it is wrong, which kserve's own parser says later."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--workers", type=int, default=1)
    try:
        known, _ = parser.parse_known_args(arguments)
    except argparse.ArgumentError:
        return 1
    return int(known.workers)


def share_between_workers() -> None:
    """Make every worker write its metrics into one folder. Call it before prometheus_client is imported.

    The files are mapped: where the disk is full, the next request ends the process. So one process alone shares none.
    """
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
