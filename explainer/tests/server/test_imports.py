"""A start imports none of the libraries that only some methods need: together they take three seconds."""

import json
import subprocess
import sys

LATE = {"sklearn", "scipy", "skimage", "sympy"}
START = """
import json, sys, types
from captum_explainer.__main__ import main

class Server:
    def __init__(self, **arguments):
        pass

    def start(self, models):
        print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))

import captum_serving.kserve_server.launch as launch
launch.Server = Server
sys.argv = ["captum_explainer", "--model_name", "mnist", "--predictor_host", "localhost:1"]
main()
"""


def test_a_start_imports_what_every_explanation_needs():
    result = subprocess.run([sys.executable, "-c", START], capture_output=True, text=True, check=True)
    imported = set(json.loads(result.stdout))
    assert {"torch", "captum", "kserve"} <= imported
    assert LATE & imported == set()
