"""An instance of another shape, of something else than numbers, or out of the model's range."""

from __future__ import annotations

import pytest
import requests

from local.servers import Pair
from tests.bad_input.bodies import GREY, instances, plane
from tests.bad_input.refusals import OF_ONE_WORKER_AND_OF_TWO, Case, assert_told

pytestmark = OF_ONE_WORKER_AND_OF_TWO

INSTANCES = {
    "an empty instance": (instances([]), 400, "has the shape [0]; expected [1, 28, 28]"),
    "a row too many": (instances([*GREY, GREY[0]]), 400, "has the shape [29, 28]; expected [1, 28, 28]"),
    "a flat instance": (instances([0.5] * 784), 400, "has the shape [784]; expected [1, 28, 28]"),
    "a colour instance": (instances(plane([0.5] * 3)), 400, "has the shape [28, 28, 3]; expected [1, 28, 28]"),
    "a batch as an instance": (instances([[GREY]]), 400, "has the shape [1, 1, 28, 28]; expected [1, 28, 28]"),
    "a ragged row": (instances([*GREY[1:], [0.5] * 27]), 400, "rows of different length"),
    "the second of another shape": (instances(GREY, GREY[0]), 400, "instances[1] has the shape [28]"),
    "a number as an instance": (instances(3), 400, "instances[0] is not a list"),
    "null as an instance": (instances(GREY, None), 400, "instances[1] is not a list"),
    "a string as an instance": (instances("7"), 400, "instances[0] is not a list"),
    "strings as pixels": (instances(plane("0.5")), 400, "instances[0]: holds something that is not a number"),
    "one string among the pixels": (instances([*GREY[1:], ["a"] * 28]), 400, "something that is not a number"),
    "null as pixels": (instances(plane(None)), 400, "something that is not a number"),
    "objects as pixels": (instances(plane({})), 400, "something that is not a number"),
    "pixels over the range": (instances(plane(1.5)), 400, "values of 1.5 to 1.5; expected 0 to 1"),
    "pixels under the range": (instances(plane(-0.1)), 400, "values of -0.1 to -0.1; expected 0 to 1"),
    "pixels of 0 to 255": (instances(plane(255)), 400, "expected 0 to 1, the model's declared range"),
    "a pixel over float32": (instances(plane(1e300)), 400, "NaN or infinity"),
    "a pixel over 64 bits": (instances(plane(2**70)), 400, "expected 0 to 1"),
}


@pytest.mark.parametrize("case", INSTANCES.values(), ids=INSTANCES.keys())
def test_a_mistake_in_an_instance_is_told(case: Case, pair: Pair, session: requests.Session) -> None:
    assert_told(case, pair, session)
