"""The worker in a task: whenever it is cancelled, it ends, and delivers first."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from adi_analytics import AnalyticsClient, AnalyticsWorker
from support.runtime import QUICK, balanced, task, tasks

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.runtime import Database

PATIENCE = 30  # seconds


async def _ends(running: asyncio.Task[None]) -> None:
    running.cancel()
    await asyncio.wait([running], timeout=PATIENCE)
    ended = running.done()
    running.cancel()  # a second one gets through, so a failure does not hang
    await asyncio.wait([running], timeout=PATIENCE)
    assert ended
    assert running.cancelled()


@pytest.mark.parametrize("turns", range(6))
def test_a_cancellation_in_the_moment_of_the_wake_up_ends_the_worker(
    database: Database, turns: int, caplog: pytest.LogCaptureFixture
) -> None:
    async def program() -> None:
        client, config = AnalyticsClient.create(flush_interval=3600)
        running = asyncio.create_task(AnalyticsWorker(config, database.dsn).run())
        client.track(task(0))
        assert (await client.aflush(PATIENCE)).ok
        await asyncio.sleep(0.02)  # it waits again
        for event in tasks(100, start=1):  # as many as wake it
            client.track(event)
        for _ in range(turns):
            await asyncio.sleep(0)
        await _ends(running)
        assert balanced(client).delivered == 101

    asyncio.run(program())
    database.assert_numbers(101)
    assert "can't take events" not in caplog.text  # the interruption is ours


@pytest.mark.parametrize("turns", range(12))
def test_a_cancellation_in_any_turn_of_the_first_connection_ends_the_worker(database: Database, turns: int) -> None:
    async def program() -> None:
        client, config = AnalyticsClient.create(**QUICK)
        running = asyncio.create_task(AnalyticsWorker(config, database.dsn).run())
        client.track(task(0))
        for _ in range(turns + 1):
            await asyncio.sleep(0)
        await _ends(running)
        assert balanced(client).delivered == 1

    asyncio.run(program())
    database.assert_numbers(1)


def _swallow(monkeypatch: pytest.MonkeyPatch) -> Callable[[], bool]:
    """Let one effect swallow the cancellation that comes meanwhile, as a library that we call might."""
    from adi_analytics._engine.drivers.asyncio_session import AsyncioSession

    swallowed: list[bool] = []

    async def perform(self: Any, effect: Any, original: Any = AsyncioSession.perform) -> Any:
        if not swallowed:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                swallowed.append(True)
        return await original(self, effect)

    monkeypatch.setattr(AsyncioSession, "perform", perform)
    return lambda: bool(swallowed)


def test_a_cancellation_that_a_library_swallows_ends_the_worker(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    swallowed = _swallow(monkeypatch)

    async def program() -> None:
        client, config = AnalyticsClient.create(**QUICK)
        running = asyncio.create_task(AnalyticsWorker(config, database.dsn).run())
        client.track(task(0))
        await asyncio.sleep(0.2)
        await _ends(running)
        assert swallowed()
        assert balanced(client).delivered == 1

    asyncio.run(program())
    database.assert_numbers(1)


def test_a_cancellation_in_the_pause_after_a_crash_delivers_first(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    from adi_analytics._engine.drivers import core_run

    failures = iter([ZeroDivisionError])

    def new_core(*given: Any, original: Any = core_run.new_core) -> Any:
        for failure in failures:
            raise failure
        return original(*given)

    monkeypatch.setattr(core_run, "new_core", new_core)

    async def program() -> None:
        client, config = AnalyticsClient.create(**QUICK)
        running = asyncio.create_task(AnalyticsWorker(config, database.dsn).run())
        client.track(task(0))
        await asyncio.sleep(0.05)
        await _ends(running)
        assert balanced(client).delivered == 1

    asyncio.run(program())
    database.assert_numbers(1)
