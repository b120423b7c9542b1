"""Bulk work is niced and interrupts nobody."""

import os
import threading
from functools import partial

import pytest
from captum_serving.process.niceness import NICENESS, step_back

WAIT = 20


def in_a_thread(*works):
    results = []
    thread = threading.Thread(target=lambda: results.extend(work() for work in works))
    thread.start()
    thread.join(WAIT)
    assert len(results) == len(works)
    return results


def take_policy(policy):
    os.sched_setscheduler(0, policy, os.sched_param(0))


def test_a_policy_of_somebody_elses_choice_stays():
    policy = partial(os.sched_getscheduler, 0)
    assert in_a_thread(partial(take_policy, os.SCHED_IDLE), step_back, policy)[-1] == os.SCHED_IDLE


def test_a_thread_that_steps_back_interrupts_nobody():
    assert in_a_thread(step_back, partial(os.sched_getscheduler, 0))[-1] == os.SCHED_BATCH
    assert os.sched_getscheduler(0) == os.SCHED_OTHER


@pytest.mark.parametrize("refused", ["sched_getscheduler", "sched_setscheduler"])
def test_where_the_policy_is_refused_it_is_niced_all_the_same(monkeypatch, refused):
    def refuse(*_):
        raise PermissionError

    own = os.getpriority(os.PRIO_PROCESS, 0)
    monkeypatch.setattr(os, refused, refuse)
    assert in_a_thread(step_back, lambda: os.getpriority(os.PRIO_PROCESS, 0))[1] == min(own + NICENESS, 19)
