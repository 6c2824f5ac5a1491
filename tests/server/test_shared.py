"""Requests for the same numbers ask the database once at a time; what took long to count is kept for a while."""

import asyncio

import pytest
from adi_analytics.server.read.shared import Shared


def test_many_requests_ask_once_more_after_the_one_that_runs():
    asked = 0

    async def ask():
        nonlocal asked
        asked += 1
        number = asked
        await asyncio.sleep(0.01)
        return number

    async def run():
        shared = Shared(ask)
        first = asyncio.create_task(shared.answer())
        await asyncio.sleep(0.001)
        later = await asyncio.gather(*(shared.answer() for _ in range(50)))
        return await first, later, await shared.answer()

    assert asyncio.run(run()) == (1, [2] * 50, 3)


def test_a_request_that_is_given_up_takes_nothing_from_the_others():
    async def run():
        asking = asyncio.Event()

        async def ask():
            await asking.wait()
            return 1

        shared = Shared(ask)
        gone, kept = (asyncio.create_task(shared.answer()) for _ in range(2))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0)
        asking.set()
        return await kept

    assert asyncio.run(run()) == 1


def test_an_error_reaches_everyone_and_the_next_request_asks_again():
    answers = [OSError("away"), 2]

    async def ask():
        found = answers.pop(0)
        if isinstance(found, OSError):
            raise found
        return found

    async def run():
        shared = Shared(ask)
        failed = await asyncio.gather(shared.answer(), shared.answer(), return_exceptions=True)
        assert [str(one) for one in failed] == ["away", "away"]
        return await shared.answer()

    assert asyncio.run(run()) == 2


@pytest.mark.parametrize("count", [2, 3])
def test_rounds_follow_one_another(count):
    running, most = 0, 0

    async def ask():
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1

    async def run():
        shared = Shared(ask)
        await asyncio.gather(*(asyncio.create_task(shared.answer()) for _ in range(count)))
        await shared.answer()

    asyncio.run(run())
    assert most == 1


def test_an_answer_that_took_long_is_kept_in_proportion():
    async def run(took, keep):
        now, asked = 0.0, 0

        async def ask():
            nonlocal now, asked
            asked += 1
            now += took
            return asked

        shared = Shared(ask, keep=keep, clock=lambda: now)
        found = []
        for pause in (0, 0.5, 0.4, 0.2, 8, 3):
            now += pause
            found.append(await shared.answer())
        return found

    assert asyncio.run(run(took=0.03125, keep=10)) == [1, 2, 3, 4, 5, 6]  # quick enough to be asked each time
    assert asyncio.run(run(took=0.0625, keep=10)) == [1, 1, 1, 1, 2, 3]  # 1.25 s from when it was asked
    assert asyncio.run(run(took=3, keep=10)) == [1, 1, 1, 1, 2, 2]
    assert asyncio.run(run(took=3, keep=0)) == [1, 2, 3, 4, 5, 6]
