import inspect
import pickle
import re

import pytest
from captum_serving import errors
from grpc import StatusCode
from grpc_interceptor.exceptions import GrpcException

KINDS = [kind for kind in vars(errors).values() if inspect.isclass(kind) and issubclass(kind, errors.ServingError)]


def test_the_docstrings_table_lists_every_error_with_its_statuses():
    rows = re.findall(r"[├└]── (\w+) +(\d{3})  ([A-Z_]+)", errors.__doc__)
    listed = {name: (int(status), code) for name, status, code in rows}
    actual = {kind.__name__: (kind.http_status, kind.status_code.name) for kind in KINDS}
    del actual["ServingError"]
    assert listed == actual


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_is_a_grpc_error_with_its_sentence(kind):
    error = kind("got this, expected that")
    assert isinstance(error, GrpcException)
    assert error.details == str(error) == error.sentence == "got this, expected that"
    assert error.status_code is not StatusCode.OK


def test_only_what_may_work_later_says_when_to_try_again():
    later = {kind.__name__ for kind in KINDS if kind.retry_after_seconds is not None}
    assert later == {"Unavailable", "Overloaded"}


def test_errors_cross_process_borders():
    error = pickle.loads(pickle.dumps(errors.Overloaded("full")))
    assert (type(error), error.sentence) == (errors.Overloaded, "full")
