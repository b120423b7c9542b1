import asyncio
import os
import subprocess
import sys

import pytest
from captum_serving.process.metrics import count_workers, write_metrics
from prometheus_client import Counter

SUMS = """
import asyncio, multiprocessing, sys
from captum_serving.process.metrics import write_metrics, share_between_workers
share_between_workers()
from prometheus_client import Counter

counter = Counter("worked", "Work done.")

def work():
    counter.inc(2)

if __name__ == "__main__":
    workers = [multiprocessing.get_context("fork").Process(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    sys.stdout.write(asyncio.run(write_metrics(None)).body.decode())
"""


def test_one_process_shows_its_own_metrics():
    Counter("of_one_process", "Counted here.").inc(3)
    response = asyncio.run(write_metrics(None))
    assert "of_one_process_total 3.0" in response.body.decode()
    assert response.headers["content-type"].startswith("text/plain")


def test_several_workers_show_their_sums(tmp_path):
    program = tmp_path / "sums.py"
    program.write_text(SUMS)
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    result = subprocess.run(
        [sys.executable, program], check=True, capture_output=True, text=True, timeout=60, env=environment
    )
    assert "worked_total 4.0" in result.stdout
    assert list(tmp_path.iterdir()) == [program]


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        ([], 1),
        (["--workers", "1"], 1),
        (["--workers=1", "--http_port", "8080"], 1),
        (["--model_name", "m", "--workers", "3"], 3),
        (["--workers=2"], 2),
        (["--workers", "many"], 1),
        (["--workers"], 1),
    ],
)
def test_the_workers_of_a_command_line_are_counted(arguments, count):
    assert count_workers(arguments) == count
