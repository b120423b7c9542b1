"""Bulk work is niced, and nothing else is."""

import os
import threading

import pytest
from captum_serving.process.niceness import NICENESS, step_back

WAIT = 20


def scheduling():
    return os.sched_getscheduler(0), os.getpriority(os.PRIO_PROCESS, 0)


@pytest.mark.parametrize("policy", [os.SCHED_OTHER, os.SCHED_BATCH])
def test_a_thread_that_steps_back_is_niced_and_keeps_its_policy(policy):
    own, seen = scheduling(), []

    def work():
        os.sched_setscheduler(0, policy, os.sched_param(0))
        step_back()
        seen.append(scheduling())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(WAIT)
    assert seen == [(policy, min(own[1] + NICENESS, 19))]
    assert scheduling() == own
