import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys, threading
import numpy as np
from captum_serving.process.allocator import keep_freed_memory

def faults_of(work):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def work():
    for _ in range(20):
        arrays = [np.ones(1 << 18, np.float32) for _ in range(40)]
        del arrays

if sys.argv[1] == "keep":
    keep_freed_memory()
work()
print(faults_of(work))
"""


@pytest.fixture
def page_faults(tmp_path):
    program = tmp_path / "faults.py"
    program.write_text(PROGRAM)

    def measure(mode):
        command = [sys.executable, program, mode]
        return int(subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout)

    return measure


def test_freed_memory_is_taken_again_without_page_faults(page_faults):
    pages = 40 * 256  # of 4 KiB, in 40 MiB
    assert page_faults("leave") > 2 * pages, "the default has changed: is this still needed?"
    assert page_faults("keep") < 1.5 * pages
