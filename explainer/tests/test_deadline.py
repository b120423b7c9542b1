import pytest
from captum_explainer import deadline
from captum_explainer.deadline import Deadline
from captum_serving.errors import DeadlineExceeded


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(deadline.time, "monotonic", lambda: now[0])
    return now


def test_time_goes_by_until_none_is_left(clock):
    end = Deadline(2.5)
    assert end.check() == 2.5
    clock[0] += 2.0
    assert (end.left(), end.check()) == (0.5, 0.5)
    clock[0] += 0.5
    assert end.left() == 0.0
    clock[0] += 9.0
    assert end.left() == 0.0
    with pytest.raises(DeadlineExceeded, match=r"the explanation took longer than 2.5 s; ask for fewer steps"):
        end.check()


def test_cancelled_it_is_over_at_once(clock):
    end = Deadline(2.5)
    end.cancel()
    assert end.left() == 0.0
    with pytest.raises(DeadlineExceeded):
        end.check()
