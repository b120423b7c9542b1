"""One process alone maps no file for its metrics: where the disk is full, a mapped file ends the process."""

import subprocess
import sys

import pytest

START = """
import os, sys
from captum_explainer.__main__ import main

class Server:
    def __init__(self, **arguments):
        pass

    def start(self, models):
        print("shared" if "PROMETHEUS_MULTIPROC_DIR" in os.environ else "alone")

import captum_serving.kserve_server.launch as launch
launch.Server = Server
sys.argv = ["captum_explainer", "--model_name", "mnist", "--predictor_host", "localhost:1", *sys.argv[1:]]
main()
"""


@pytest.mark.parametrize(
    ("flags", "expected"), [([], "alone"), (["--workers=1"], "alone"), (["--workers", "2"], "shared")]
)
def test_metrics_are_in_files_above_one_worker_alone(flags, expected):
    command = [sys.executable, "-c", START, *flags]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1]
    assert said == expected
