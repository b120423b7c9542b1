"""Lanes have a CPU each while all of them compute, and no other thread has."""

import os
import threading
from types import SimpleNamespace

import pytest
from captum_predictor.engine import placement
from captum_predictor.engine.lanes import Chunk, Priority
from captum_predictor.engine.placement import AWAY_SECONDS, Placement, home_of

WAIT = 20
EVERYWHERE = os.sched_getaffinity(0)

several_cpus = pytest.mark.skipif(len(EVERYWHERE) < 2, reason="there is one CPU")


def where():
    return os.sched_getaffinity(0)


@pytest.mark.parametrize(
    ("places", "lanes", "cpus", "homes"),
    [
        ({3, 7}, 2, 2, [3, 7]),
        ({0, 1, 2, 3}, 2, 2, [None, None]),
        ({0, 1, 2, 3}, 2, 4, [None, None]),
        ({5}, 1, 1, [None]),
    ],
    ids=["a CPU each", "a limit below the machine's CPUs", "two CPUs each", "one"],
)
def test_lanes_have_homes_where_they_are_as_many_as_the_cpus(monkeypatch, places, lanes, cpus, homes):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: places)
    assert [home_of(lane, lanes, cpus) for lane in range(lanes)] == homes


@several_cpus
@pytest.mark.parametrize("priority", Priority)
def test_only_explanations_lanes_stay_at_home_and_only_while_all_of_them_compute(lanes_of, priority):
    count = len(EVERYWHERE)
    lanes, seen, together = lanes_of(count=count, cpus=count), [], threading.Barrier(count)

    def note():
        together.wait(WAIT)
        seen.append(where())

    lanes.submit([Chunk(1, note)] * count, priority).done.result(WAIT)
    at_home = [{place} for place in sorted(EVERYWHERE)]
    assert sorted(seen, key=min) == (at_home if priority is Priority.EXPLANATION else [EVERYWHERE] * count)
    for _ in range(count):
        lanes.submit([Chunk(1, lambda: seen.append(where()))], priority).done.result(WAIT)
    assert seen[count:] == [EVERYWHERE] * count
    assert where() == EVERYWHERE


class Clock:
    """`time`, as `placement` reads it: a thread that waits, computes, or does something else."""

    def __init__(self):
        self.now = self.computed = 0.0

    def spend(self, computing, waiting=0.0):
        self.now += computing + waiting
        self.computed += computing

    def as_module(self):
        return SimpleNamespace(
            monotonic=lambda: self.now, perf_counter=lambda: self.now, thread_time=lambda: self.computed
        )


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(placement, "time", clock.as_module())
    return clock


def in_a_thread(work):
    results = []
    thread = threading.Thread(target=lambda: results.append(work()))
    thread.start()
    thread.join(WAIT)
    return results[0]


HOME = {min(EVERYWHERE)}


@pytest.mark.parametrize(
    ("computing", "waiting", "stays"),
    [(0.003, 0.002, True), (0.0002, 0.009, True), (1.0, 2.9, True), (0.003, 0.027, False), (1.0, 3.1, False)],
    ids=["as ever", "a little that was interrupted", "much", "a tenth of the time", "much, a quarter of the time"],
)
@several_cpus
def test_a_lane_stays_away_for_a_while_where_somebody_has_its_cpu(clock, computing, waiting, stays):
    def places():
        own, seen = Placement(min(HOME)), []

        def note():
            own.go_home()
            own.run(lambda: seen.append(where()))

        note()
        own.run(lambda: clock.spend(computing, waiting))
        seen.append(where())
        for seconds in (0.0, AWAY_SECONDS * 0.99, AWAY_SECONDS * 0.02):
            clock.spend(0.0, seconds)
            note()
        return seen

    away = HOME if stays else EVERYWHERE
    assert in_a_thread(places) == [HOME, away, away, away, HOME]


@several_cpus
def test_who_waits_elsewhere_stays_welcome_at_home(clock):
    def places():
        own, seen = Placement(min(HOME)), []
        own.go_home()
        own.leave()
        own.run(lambda: clock.spend(0.001, 5.0))
        seen.append(where())
        own.go_home()
        seen.append(where())
        return seen

    assert in_a_thread(places) == [EVERYWHERE, HOME]


@several_cpus
def test_beside_a_prediction_the_lanes_of_explanations_are_not_all_that_compute(lanes_of):
    count = len(EVERYWHERE)
    lanes, seen, entered, end = lanes_of(count=count, cpus=count), [], threading.Event(), threading.Event()

    def predict():
        entered.set()
        assert end.wait(WAIT)

    prediction = lanes.submit([Chunk(1, predict)], Priority.PREDICTION)
    assert entered.wait(WAIT)
    lanes.submit([Chunk(1, lambda: seen.append(where()))] * 2 * count, Priority.EXPLANATION).done.result(WAIT)
    end.set()
    prediction.done.result(WAIT)
    assert seen == [EVERYWHERE] * 2 * count


def test_a_home_that_the_process_has_lost_is_given_up(monkeypatch):
    tried = []

    def refuse(_, place):
        tried.append(place)
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(os, "sched_setaffinity", refuse)

    def places():
        own, seen = Placement(10_000), []
        for _ in range(2):
            own.go_home()
            own.run(lambda: seen.append(where()))
        return seen

    assert in_a_thread(places) == [EVERYWHERE, EVERYWHERE]
    assert tried == [{10_000}]
