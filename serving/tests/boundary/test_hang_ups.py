"""What becomes of a request's work, and of its task, when the client hangs up."""

import asyncio

import pytest
from captum_serving.boundary import hang_ups


class Connected:
    """What `while_connected` needs of a request: `gone` is set when the client hangs up."""

    def __init__(self):
        self.gone = asyncio.Event()

    async def receive(self):
        await self.gone.wait()
        return {"type": "http.disconnect"}


async def value_of(future):
    return await future


@pytest.mark.parametrize("hangs_up_first", [True, False])
@pytest.mark.parametrize("patiently", [False, True])
def test_a_hang_up_in_the_moment_of_the_answer_stops_nothing_that_follows(hangs_up_first, patiently):
    async def scenario():
        client, future = Connected(), asyncio.get_running_loop().create_future()
        after = []

        async def answer():
            try:
                # wait_for may keep a cancellation to itself.
                work = asyncio.wait_for(future, 5) if patiently else value_of(future)
                after.append(await hang_ups.while_connected(client, work))
            except hang_ups.Disconnected:
                after.append("gone")
            for _ in range(5):
                await asyncio.sleep(0)
            after.append(asyncio.current_task().cancelling())

        task = asyncio.ensure_future(answer())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        steps = [client.gone.set, lambda: future.set_result("done")]
        for step in steps if hangs_up_first else steps[::-1]:
            step()
        await task
        return after

    assert asyncio.run(scenario()) in (["done", 0], ["gone", 0])


def test_a_hang_up_cancels_the_work_and_not_what_follows():
    async def scenario():
        client = Connected()
        asyncio.get_running_loop().call_soon(client.gone.set)
        with pytest.raises(hang_ups.Disconnected):
            await hang_ups.while_connected(client, value_of(asyncio.Future()))
        return asyncio.current_task().cancelling()

    assert asyncio.run(scenario()) == 0


def test_what_cancels_the_request_itself_is_no_hang_up():
    async def scenario():
        task = asyncio.ensure_future(hang_ups.while_connected(Connected(), value_of(asyncio.Future())))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0)
        return len(asyncio.all_tasks())

    assert asyncio.run(scenario()) == 1, "none waits for the hang-up any more"


def test_nothing_waits_for_a_hang_up_after_the_answer():
    async def scenario():
        client, done = Connected(), asyncio.get_running_loop().create_future()
        done.set_result("done")
        assert await hang_ups.while_connected(client, value_of(done)) == "done"
        client.gone.set()
        for _ in range(5):
            await asyncio.sleep(0)
        return len(asyncio.all_tasks())

    assert asyncio.run(scenario()) == 1
