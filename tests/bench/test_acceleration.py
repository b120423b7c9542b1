"""`acceleration`: all ways compute the same gradient, so that times compare."""

from __future__ import annotations

import pytest
import torch

from bench.acceleration import make_ways
from local.servers import MODELS


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("name", MODELS)
def test_all_ways_compute_the_same_gradient(name: str) -> None:
    users, *others = (compute() for compute in make_ways(name, rows=13).values())
    assert len(others) == 2
    assert users.abs().max() > 0
    for other in others:
        torch.testing.assert_close(other, users, rtol=0, atol=1e-5 * float(users.abs().max()))
