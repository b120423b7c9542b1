"""What explains lets predictions go first."""

import os
import threading
from pathlib import Path

import pytest
import torch
from captum_predictor.engine.lanes import Chunk, Priority
from captum_serving.process.niceness import NICENESS

WAIT = 20


def niceness():
    return os.getpriority(os.PRIO_PROCESS, 0)


@pytest.mark.parametrize("before", [0, 15])
def test_the_lanes_of_explanations_are_niced_with_their_teams_and_nothing_else_is(lanes_of, before):
    own, seen = niceness(), {}
    least = min(own + before, 19)

    def in_a_nicer_thread():
        os.nice(before)
        lanes = lanes_of()
        for priority in Priority:
            call = lanes.submit([Chunk(20, lambda at=priority: seen.update({at: (niceness(), team())}))], priority)
            call.done.result(WAIT)
        seen["starter"] = niceness()

    thread = threading.Thread(target=in_a_nicer_thread)
    thread.start()
    thread.join(WAIT)
    nicer = min(least + NICENESS, 19)
    assert seen == {Priority.PREDICTION: (least, {least}), Priority.EXPLANATION: (nicer, {nicer}), "starter": least}
    assert niceness() == own


def team():
    """The niceness of the threads that a product of two threads has started."""
    tasks = Path("/proc/self/task")
    before = set(tasks.iterdir())
    assert torch.get_num_threads() == 2
    torch.ones(10**6).exp()
    return {os.getpriority(os.PRIO_PROCESS, int(task.name)) for task in set(tasks.iterdir()) - before}
