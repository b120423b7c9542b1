"""From start to ready: both servers, beside the imports that they cannot do without.

The predictor cannot do without torch and kserve, the explainer not without captum.attr either. The target is at most
1.1 times those imports. The predictor is ready before the explainer is started. As in an image, all modules are
compiled before.
"""

import os
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.harness.figures import percentiles, ratios
from bench.harness.result import Row
from bench.harness.run import Run
from local.servers import MODELS, ROOT, running

ROUNDS = 5
IMPORTS = {"predictor": "torch, kserve", "explainer": "torch, kserve, captum.attr"}
MODEL = MODELS[0]


def measure(run: Run) -> list[Row]:
    """A row for each server; servers and imports take turns."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    run.expect(run.rounds * len(IMPORTS))
    ready: dict[str, list[list[float]]] = {server: [] for server in IMPORTS}
    imports: dict[str, list[list[float]]] = {server: [] for server in IMPORTS}
    for _ in range(run.rounds):
        starts = _start_servers()
        for server, modules in IMPORTS.items():
            with run.step(server):
                imports[server].append([time_imports(modules)])
                ready[server].append([next(starts)])
        starts.close()
    return [_make_row(server, ready[server], imports[server]) for server in IMPORTS]


def time_imports(modules: str) -> float:
    """Seconds from the start of a process until it has imported these modules; its end is not waited for."""
    begin = time.perf_counter()
    command = [sys.executable, "-c", f"import {modules}\nprint(flush=True)"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        assert process.stdout.readline(), f"{modules} cannot be imported"
        return time.perf_counter() - begin


def _start_servers() -> Generator[float]:
    """Start the predictor, then the explainer: the seconds until each is ready. Both end with the iterator."""
    with ExitStack() as stack:
        logs = Path(stack.enter_context(TemporaryDirectory(prefix="kserve-captum-")))
        name = ("--model_name", MODEL)
        model_dir = ("--model_dir", str(ROOT / "models" / MODEL))
        begin = time.perf_counter()
        predictor = stack.enter_context(running("captum_predictor", logs / "predictor.log", *name, *model_dir))
        predictor.wait_until_ready()
        yield time.perf_counter() - begin
        host = ("--predictor_host", predictor.url.removeprefix("http://"))
        begin = time.perf_counter()
        explainer = stack.enter_context(running("captum_explainer", logs / "explainer.log", *name, *host))
        explainer.wait_until_ready()
        yield time.perf_counter() - begin


def _make_row(server: str, ready: list[list[float]], imports: list[list[float]]) -> Row:
    times = percentiles("ready", [seconds for (seconds,) in ready], 50, 100, unit="s")
    imported = percentiles("imports", [seconds for (seconds,) in imports], 50, unit="s")
    return {"server": server, **times, "imports": IMPORTS[server], **imported, **ratios(ready, imports)}
