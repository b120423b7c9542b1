"""`start`: what is measured beside the servers is an import that works."""

from __future__ import annotations

import pytest

from bench.start import time_imports


def test_imports_take_time_and_have_to_work() -> None:
    assert time_imports("json, decimal") > 0
    with pytest.raises(AssertionError, match="no_such_module cannot be imported"):
        time_imports("no_such_module")
