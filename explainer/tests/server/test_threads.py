"""A container's limit is not seen by the libraries that compute: the explainer has one thread for each explanation."""

import os
import subprocess
import sys

import pytest

# The server that would be started says instead what the libraries would do.
START = """
import sys, types
from captum_explainer.__main__ import main

class Server:
    def __init__(self, **arguments):
        pass

    def start(self, models):
        from threadpoolctl import threadpool_info
        print(sorted({pool["num_threads"] for pool in threadpool_info()}))

sys.modules["captum_serving.kserve_server.launch"] = types.SimpleNamespace(Server=Server)
sys.argv = ["captum_explainer", "--model_name", "mnist", "--predictor_host", "localhost:1"]
main()
"""


@pytest.mark.parametrize(("own", "expected"), [({}, "[1]"), ({"OMP_NUM_THREADS": "2"}, "[2]")])
def test_libraries_have_one_thread_or_as_many_as_the_user_says(own, expected):
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")} | own
    command = [sys.executable, "-W", "ignore", "-c", START]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=True)
    assert run.stdout.splitlines()[-1] == expected
