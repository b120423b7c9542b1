import asyncio
import threading

import pytest
from captum_predictor.server.message_threads import NotWanted, run_off_the_loop


def test_little_is_done_at_once_and_much_in_a_thread():
    here = threading.get_ident()
    assert asyncio.run(run_off_the_loop(10, lambda _: threading.get_ident(), large=10)) == here
    assert asyncio.run(run_off_the_loop(11, lambda _: threading.get_ident(), large=10)) != here


def test_what_nobody_waits_for_ends_where_it_looks():
    started, ended = threading.Event(), []

    def work(check_wanted):
        started.set()
        try:
            for _ in range(1000):
                threading.Event().wait(0.01)
                check_wanted()
        except NotWanted:
            ended.append("early")
            raise
        ended.append("late")

    async def hang_up():
        task = asyncio.create_task(run_off_the_loop(2, work, large=1))
        await asyncio.to_thread(started.wait, 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        for _ in range(100):
            await asyncio.sleep(0.01)
            if ended:
                break

    asyncio.run(hang_up())
    assert ended == ["early"]
