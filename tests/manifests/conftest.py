from __future__ import annotations

import pytest

from tests.manifests.cases import CASES
from tests.manifests.rendering import Rendered


@pytest.fixture(params=CASES)
def rendered(request: pytest.FixtureRequest) -> Rendered:
    """Everything that is rendered, in turn."""
    return CASES[request.param]()
