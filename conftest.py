"""For all tests: matrix products and least squares in this process give the bits that the servers' do.

And those that ask the same servers run in one of pytest-xdist's processes.
"""

from __future__ import annotations

import os

import pytest
import scipy.linalg  # noqa: F401 - its OpenBLAS must be there when the threads are limited
import torch
from captum_serving.process.reproducible_sums import VARIABLE, reproduce_matrix_products
from threadpoolctl import threadpool_limits
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

reproduce_matrix_products()
torch.ones(2, 2) @ torch.ones(2, 2)  # MKL reads the environment now, once
# The servers that the tests start have to see to it themselves.
os.environ.pop(VARIABLE)
# As the explainer's: with more threads it solves KernelSHAP's system in another order, which shows in the fourth digit.
threadpool_limits(1, "blas")

# They ask the pairs that tests/conftest.py starts, each of which takes five seconds and two processors.
ASKING_SHARED_SERVERS = (
    "tests/bad_input/",
    "tests/test_aix.py",
    "tests/test_concurrency.py",
    "tests/test_drop_ins.py",
    "tests/test_exactness.py",
    "tests/test_laws.py",
    "tests/test_migration_pages.py",
    "tests/test_mutated_requests.py",
    "tests/test_notebook.py",
    "tests/test_one_call.py",
    "tests/test_readme.py",
    "tests/test_remote_model.py",
    "tests/test_rendering.py",
    "tests/test_text_page.py",
    "tests/test_user_module.py",
    "tests/test_workers.py",
)


class Scheduling(LoadFileScheduling):
    """A process gets the tests of a file together, and those that share servers."""

    def _split_scope(self, nodeid: str) -> str:
        return "shared servers" if nodeid.startswith(ASKING_SHARED_SERVERS) else super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling | None:
    """With `--dist loadfile`, the scheduling above."""
    return Scheduling(config, log) if config.getvalue("dist") == "loadfile" else None
