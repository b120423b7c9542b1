import threading
import time
from concurrent.futures import Future

import pytest
import torch
from captum_predictor.engine.lanes import Chunk, Lanes, Priority
from captum_serving.errors import BadInput, Overloaded

WAIT = 20


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


def test_a_prediction_waits_for_no_chunk_of_an_explanation(lanes_of):
    lanes, order = lanes_of(), []
    gate, explanation = hold(lanes, Priority.EXPLANATION)
    waiting = lanes.submit([noting(order, "explanation")], Priority.EXPLANATION)
    lanes.submit([noting(order, "p1"), noting(order, "p2")], Priority.PREDICTION).done.result(WAIT)
    assert order == ["p1", "p2"]
    assert [lanes.queues[priority].busy for priority in Priority] == [0, 1]
    assert [lanes.queues[priority].rows for priority in Priority] == [0, 1]
    gate.open()
    for call in (explanation, waiting):
        call.done.result(WAIT)
    assert order == ["p1", "p2", "explanation"]


def test_an_explanation_takes_the_places_that_predictions_leave(lanes_of):
    lanes, order = lanes_of(count=2), []
    first, _ = hold(lanes, Priority.PREDICTION)
    gate, explanation = hold(lanes, Priority.EXPLANATION)
    second, _ = hold(lanes, Priority.PREDICTION)
    later = lanes.submit([noting(order, "later")], Priority.PREDICTION)
    waiting = lanes.submit([noting(order, "explanation")], Priority.EXPLANATION)
    gate.open()
    explanation.done.result(WAIT)
    assert not waiting.done.done()
    assert [lanes.queues[priority].busy for priority in Priority] == [2, 0]
    second.open()
    later.done.result(WAIT)
    waiting.done.result(WAIT)  # beside the first, which is still under way
    assert order == ["later", "explanation"]
    first.open()


def test_an_explanation_does_not_slip_in_between_two_predictions(lanes_of):
    lanes, order, slipped_in = lanes_of(), [], threading.Event()
    gate, held = hold(lanes, Priority.PREDICTION)
    # Then the lane has ended a chunk, and has not taken the next one yet.
    held.done.add_done_callback(lambda _: slipped_in.wait(0.2))
    explanation = lanes.submit([noting(order, "explanation"), Chunk(1, slipped_in.set)], Priority.EXPLANATION)
    lanes.submit([noting(order, "prediction")], Priority.PREDICTION)
    gate.open()
    explanation.done.result(WAIT)
    assert order == ["prediction", "explanation"]


def test_an_explanation_takes_the_place_of_a_prediction_that_is_given_up(lanes_of):
    lanes, order = lanes_of(count=2), []
    gates = [hold(lanes, Priority.PREDICTION)[0] for _ in range(2)]
    given_up = lanes.submit([noting(order, "given up")], Priority.PREDICTION)
    waiting = lanes.submit([noting(order, "explanation")], Priority.EXPLANATION)
    lanes.cancel(given_up)
    gates[0].open()
    waiting.done.result(WAIT)
    assert order == ["explanation"]
    gates[1].open()


def test_an_explanation_takes_the_place_of_a_prediction_that_fails(lanes_of):
    lanes, order = lanes_of(), []

    def fail():
        waiting.append(lanes.submit([noting(order, "explanation")], Priority.EXPLANATION))
        raise BadInput("it overflows")

    waiting = []
    failing = lanes.submit([Chunk(5, fail), noting(order, "dropped", rows=5)], Priority.PREDICTION)
    with pytest.raises(BadInput):
        failing.done.result(WAIT)
    waiting[0].done.result(WAIT)
    assert order == ["explanation"]


def test_what_waits_is_taken_in_the_order_of_its_arrival(lanes_of):
    lanes, order = lanes_of(), []
    gate, _ = hold(lanes)
    calls = [lanes.submit([noting(order, f"{i}a"), noting(order, f"{i}b")], Priority.EXPLANATION) for i in range(3)]
    gate.open()
    for call in calls:
        call.done.result(WAIT)
    assert order == ["0a", "0b", "1a", "1b", "2a", "2b"]


@pytest.mark.parametrize("priority", Priority)
def test_the_chunks_of_a_call_are_spread_over_idle_lanes(lanes_of, priority):
    meeting = threading.Barrier(2, timeout=WAIT)
    lanes = lanes_of(count=2)
    lanes.submit([Chunk(25, meeting.wait), Chunk(25, meeting.wait)], priority).done.result(WAIT)


def test_a_full_queue_refuses_a_call_and_says_how_many_rows_wait(lanes_of):
    lanes, order = lanes_of(queue_rows=10), []
    gate, _ = hold(lanes)
    waiting = lanes.submit([noting(order, "first", rows=8)], Priority.EXPLANATION)
    assert lanes.queues[Priority.EXPLANATION].rows == 8
    with pytest.raises(Overloaded, match=r"^8 rows wait already, and with these 3 it would be more than 10; try again"):
        lanes.submit([noting(order, "refused", rows=3)], Priority.EXPLANATION)
    fits = lanes.submit([noting(order, "second", rows=2)], Priority.EXPLANATION)
    gate.open()
    waiting.done.result(WAIT)
    fits.done.result(WAIT)
    assert order == ["first", "second"]
    assert lanes.queues[Priority.EXPLANATION].rows == 0


def test_what_waits_of_one_priority_leaves_the_other_its_own_room(lanes_of):
    lanes = lanes_of(queue_rows=10)
    gates = [hold(lanes, priority)[0] for priority in reversed(Priority)]
    calls = [lanes.submit([noting([], "", rows=10)], priority) for priority in Priority]
    for gate in gates:
        gate.open()
    for call in calls:
        call.done.result(WAIT)


def test_a_cancelled_call_leaves_the_queue_and_makes_room(lanes_of):
    lanes, order = lanes_of(queue_rows=10), []
    gate, _ = hold(lanes)
    cancelled = lanes.submit([noting(order, "cancelled", rows=9)], Priority.EXPLANATION)
    lanes.cancel(cancelled)
    assert lanes.queues[Priority.EXPLANATION].rows == 0
    kept = lanes.submit([noting(order, "kept", rows=10)], Priority.EXPLANATION)
    gate.open()
    kept.done.result(WAIT)
    assert order == ["kept"]


def test_an_error_fails_its_call_drops_the_rest_of_it_and_spares_the_lane(lanes_of):
    lanes, order = lanes_of(), []
    gate, _ = hold(lanes, Priority.PREDICTION)

    def fail():
        raise BadInput("it overflows")

    failing = lanes.submit([Chunk(5, fail), noting(order, "dropped", rows=5)], Priority.PREDICTION)
    other = lanes.submit([noting(order, "other")], Priority.PREDICTION)
    gate.open()
    with pytest.raises(BadInput, match="it overflows"):
        failing.done.result(WAIT)
    other.done.result(WAIT)
    assert order == ["other"]
    assert lanes.queues[Priority.PREDICTION].rows == 0
    assert lanes.are_alive()


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


@pytest.mark.parametrize("priority", Priority)
def test_chunks_share_the_threads_where_lanes_are_busy_or_chunks_wait(lanes_of, priority):
    lanes = lanes_of(count=2)
    gate, _ = hold(lanes, priority)
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
    lanes, order = Lanes(2, 100, 1), []
    gates = [hold(lanes, Priority.PREDICTION)[0] for _ in range(2)]
    lanes.submit([noting(order, "waited")], Priority.EXPLANATION)
    for seconds, gate in zip((0.05, 0.1), gates, strict=True):
        threading.Timer(seconds, gate.open).start()
    lanes.stop()
    assert order == ["waited"]
    assert not lanes.are_alive()


class SlowlySettled(Future):
    """Takes a while to be settled, and counts how often somebody tries."""

    tries = 0

    def set_exception(self, exception):
        self.tries += 1
        time.sleep(0.2)
        super().set_exception(exception)


def test_of_two_chunks_that_fail_at_once_one_settles_the_call():
    lanes = Lanes(2, 100, 2)
    together = threading.Barrier(2)
    begin = threading.Event()

    def fail():
        begin.wait(5)
        together.wait(5)
        raise ValueError("both")

    try:
        call = lanes.submit([Chunk(1, fail), Chunk(1, fail)], Priority.EXPLANATION)
        call.done = SlowlySettled()
        begin.set()
        with pytest.raises(ValueError, match="both"):
            call.done.result(5)
        assert lanes.submit([Chunk(1, lambda: None)] * 4, Priority.EXPLANATION).done.result(5) is None
        assert call.done.tries == 1
        assert lanes.are_alive()
    finally:
        lanes.stop()
