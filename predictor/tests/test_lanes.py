import threading

import pytest
import torch
from captum_predictor.lanes import Chunk, Lanes, Priority
from captum_serving.errors import BadInput, Overloaded

WAIT = 20


@pytest.fixture
def lanes_of():
    made = []

    def make(count=1, queue_rows=1000, cpus=2):
        made.append(Lanes(count, queue_rows, cpus))
        return made[-1]

    yield make
    for lanes in made:
        lanes.stop()


class Gate:
    """A chunk that holds its lane until it is opened."""

    def __init__(self):
        self._open = threading.Event()
        self.entered = threading.Event()

    def run(self):
        self.entered.set()
        assert self._open.wait(WAIT)

    def open(self):
        self._open.set()


def hold(lanes, priority=Priority.EXPLANATION, rows=1):
    gate = Gate()
    call = lanes.submit([Chunk(rows, gate.run)], priority)
    assert gate.entered.wait(WAIT)
    return gate, call


def noting(order, name, rows=1):
    return Chunk(rows, lambda: order.append(name))


def test_predictions_overtake_the_chunks_of_an_explanation_that_wait(lanes_of):
    lanes, order = lanes_of(), []
    gate, _ = hold(lanes)
    explanation = lanes.submit([noting(order, "e1"), noting(order, "e2")], Priority.EXPLANATION)
    later = lanes.submit([noting(order, "e3")], Priority.EXPLANATION)
    first = lanes.submit([noting(order, "p1")], Priority.PREDICTION)
    second = lanes.submit([noting(order, "p2")], Priority.PREDICTION)
    gate.open()
    for call in (explanation, later, first, second):
        call.done.result(WAIT)
    assert order == ["p1", "p2", "e1", "e2", "e3"]


def test_the_chunks_of_a_call_are_spread_over_idle_lanes(lanes_of):
    meeting = threading.Barrier(2, timeout=WAIT)
    lanes = lanes_of(count=2)
    lanes.submit([Chunk(25, meeting.wait), Chunk(25, meeting.wait)], Priority.PREDICTION).done.result(WAIT)


def test_a_full_queue_refuses_a_call_and_says_how_many_rows_wait(lanes_of):
    lanes, order = lanes_of(queue_rows=10), []
    gate, _ = hold(lanes)
    waiting = lanes.submit([noting(order, "first", rows=8)], Priority.EXPLANATION)
    assert lanes.waiting_rows(Priority.EXPLANATION) == 8
    with pytest.raises(Overloaded, match=r"^8 rows wait already, and with these 3 it would be more than 10; try again"):
        lanes.submit([noting(order, "refused", rows=3)], Priority.EXPLANATION)
    fits = lanes.submit([noting(order, "second", rows=2)], Priority.EXPLANATION)
    gate.open()
    waiting.done.result(WAIT)
    fits.done.result(WAIT)
    assert order == ["first", "second"]
    assert lanes.waiting_rows(Priority.EXPLANATION) == 0


def test_explanations_that_wait_leave_the_predictions_their_own_room(lanes_of):
    lanes = lanes_of(queue_rows=10)
    gate, _ = hold(lanes)
    calls = [lanes.submit([noting([], "", rows=10)], priority) for priority in Priority]
    gate.open()
    for call in calls:
        call.done.result(WAIT)


def test_a_cancelled_call_leaves_the_queue_and_makes_room(lanes_of):
    lanes, order = lanes_of(queue_rows=10), []
    gate, _ = hold(lanes)
    cancelled = lanes.submit([noting(order, "cancelled", rows=9)], Priority.EXPLANATION)
    lanes.cancel(cancelled)
    assert lanes.waiting_rows(Priority.EXPLANATION) == 0
    kept = lanes.submit([noting(order, "kept", rows=10)], Priority.EXPLANATION)
    gate.open()
    kept.done.result(WAIT)
    assert order == ["kept"]


def test_an_error_fails_its_call_drops_the_rest_of_it_and_spares_the_lane(lanes_of):
    lanes, order = lanes_of(), []
    gate, _ = hold(lanes)

    def fail():
        raise BadInput("it overflows")

    failing = lanes.submit([Chunk(5, fail), noting(order, "dropped", rows=5)], Priority.PREDICTION)
    other = lanes.submit([noting(order, "other")], Priority.PREDICTION)
    gate.open()
    with pytest.raises(BadInput, match="it overflows"):
        failing.done.result(WAIT)
    other.done.result(WAIT)
    assert order == ["other"]
    assert lanes.waiting_rows(Priority.PREDICTION) == 0
    assert lanes.alive()


def threads_of(lanes, *rows):
    seen = []
    chunks = [Chunk(count, lambda: seen.append(torch.get_num_threads())) for count in rows]
    lanes.submit(chunks, Priority.PREDICTION).done.result(WAIT)
    return seen


def test_a_chunk_that_is_alone_has_all_threads_up_to_four(lanes_of):
    assert threads_of(lanes_of(cpus=2), 12) == [2]
    assert threads_of(lanes_of(cpus=64), 12) == [4]


def test_a_call_of_fewer_than_twelve_rows_has_one_thread(lanes_of):
    lanes = lanes_of()
    assert threads_of(lanes, 12) == [2]
    assert threads_of(lanes, 11) == [1]


def test_chunks_share_the_threads_where_lanes_are_busy_or_chunks_wait(lanes_of):
    lanes = lanes_of(count=2)
    gate, _ = hold(lanes)
    assert threads_of(lanes, 20) == [1]
    gate.open()


def test_one_lane_does_not_keep_threads_for_chunks_that_it_cannot_run_at_once(lanes_of):
    assert threads_of(lanes_of(count=1), 20, 20) == [2, 2]


def test_setting_a_lanes_threads_leaves_the_other_threads_alone(lanes_of):
    before = torch.get_num_threads()
    lanes = lanes_of()
    assert threads_of(lanes, 1) == [1]
    assert torch.get_num_threads() == before
    assert threads_of(lanes, 20) == [2]


def test_stop_finishes_what_waits_and_is_not_alive_then(lanes_of):
    lanes, order = Lanes(1, 100, 1), []
    gate, _ = hold(lanes)
    lanes.submit([noting(order, "waited")], Priority.EXPLANATION)
    threading.Timer(0.05, gate.open).start()
    lanes.stop()
    assert order == ["waited"]
    assert not lanes.alive()
