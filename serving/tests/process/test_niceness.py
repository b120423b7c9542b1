"""Bulk work is niced and interrupts nobody, and whatever else wakes interrupts it at once."""

import ctypes
import os
import platform
import re
import struct
import threading
from functools import partial

import pytest
from captum_serving.process.niceness import NICENESS, SLICE_NANOSECONDS, step_back

SCHED_GETATTR = {"x86_64": 315, "aarch64": 275}
WAIT = 20


def scheduling():
    """The calling thread's policy, niceness and time slice in nanoseconds (sched_getattr(2))."""
    attributes = ctypes.create_string_buffer(64)
    assert ctypes.CDLL(None).syscall(SCHED_GETATTR[platform.machine()], 0, attributes, len(attributes), 0) == 0
    _, policy, _, niceness, _, slice_nanoseconds = struct.unpack_from("=IIQiIQ", attributes)
    return policy, niceness, slice_nanoseconds


def in_a_thread(*works):
    results = []
    thread = threading.Thread(target=lambda: results.extend(work() for work in works))
    thread.start()
    thread.join(WAIT)
    assert len(results) == len(works)
    return results


def take_policy(policy):
    os.sched_setscheduler(0, policy, os.sched_param(0))


def has_slices():
    version = re.match(r"(\d+)\.(\d+)", platform.release())
    return platform.machine() in SCHED_GETATTR and tuple(map(int, version.groups())) >= (6, 12)


@pytest.mark.skipif(not has_slices(), reason="threads have slices of their own from Linux 6.12 on")
@pytest.mark.parametrize("policy", [os.SCHED_OTHER, os.SCHED_BATCH])
def test_a_thread_that_steps_back_interrupts_nobody_and_has_long_slices(policy):
    before = scheduling()
    *_, stepped_back = in_a_thread(partial(take_policy, policy), step_back, scheduling)
    assert stepped_back == (os.SCHED_BATCH, min(before[1] + NICENESS, 19), SLICE_NANOSECONDS)
    assert scheduling() == before


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


def test_on_another_machine_it_is_niced_all_the_same(monkeypatch):
    own = os.getpriority(os.PRIO_PROCESS, 0)
    monkeypatch.setattr(platform, "machine", lambda: "pdp11")
    assert in_a_thread(step_back, lambda: os.getpriority(os.PRIO_PROCESS, 0))[1] == min(own + NICENESS, 19)
