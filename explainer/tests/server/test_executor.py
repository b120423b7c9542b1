import asyncio
import os
import threading

import pytest
from captum_explainer.deadline import Deadline
from captum_explainer.server.executor import BatchExecutor
from captum_serving.errors import Overloaded
from captum_serving.process.niceness import NICENESS
from prometheus_client import REGISTRY


def unfinished(kind):
    return REGISTRY.get_sample_value("captum_explainer_unfinished", {"kind": kind})


def test_what_is_under_way_and_what_waits_is_counted_and_bounded():
    gate = threading.Event()

    async def scenario():
        work = BatchExecutor("counted", threads=1, waiting=1)
        tasks = [asyncio.ensure_future(work.run(gate.wait, Deadline(20.0))) for _ in range(2)]
        await asyncio.sleep(0)
        assert unfinished("counted") == 2
        with pytest.raises(Overloaded, match=r"^2 requests are under way or waiting"):
            await work.run(gate.wait, Deadline(20.0))
        gate.set()
        await asyncio.gather(*tasks)
        await asyncio.sleep(0)

    asyncio.run(scenario())
    assert unfinished("counted") == 0


def niceness():
    return os.getpriority(os.PRIO_PROCESS, 0)


def test_the_threads_of_bulk_work_are_niced_and_no_others():
    own = niceness()

    async def of_a_thread(work):
        return await work.run(niceness, Deadline(20.0))

    assert asyncio.run(of_a_thread(BatchExecutor("bulk", 1, 1, bulk=True))) == min(own + NICENESS, 19)
    assert asyncio.run(of_a_thread(BatchExecutor("other", 1, 1))) == own
    assert niceness() == own
