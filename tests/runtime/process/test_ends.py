"""Closing from many places at once, switches and timeouts at their limits."""

from __future__ import annotations

import math
import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest
from adi_analytics import AnalyticsClient, AnalyticsWorker, OptionError, WorkerRunningError
from adi_analytics.testing import FailingSink
from support.runtime import QUICK, balanced, settled, task, tasks
from support.runtime.programs import Program

if TYPE_CHECKING:
    from support.runtime import Database


@pytest.mark.parametrize("end", ["client.close()", "worker.stop(60)", "sys.exit()"])
def test_sigterm_while_the_program_already_ends_delivers_all(database: Database, end: str) -> None:
    program = Program(
        f"""
        import atexit, logging
        logging.basicConfig(level="ERROR")
        install_sigterm(timeout=60)
        client, config = AnalyticsClient.create(shutdown_timeout=60)
        worker = AnalyticsWorker(config, DSN)
        for event in tasks(20_000):
            client.track(event)
        atexit.register(say, closing=True)  # runs before the library's
        worker.start()
        if not {end!r}.startswith("sys"):
            say(closing=True)
        {end}
        """,
        database.dsn,
    )
    program.hear()
    program.signal(signal.SIGTERM)
    _, err = program.end(None)
    assert "hangs" not in err
    database.assert_numbers(20_000)


def test_many_threads_close_at_once(caplog: pytest.LogCaptureFixture) -> None:
    sink = FailingSink()
    sink.go_down()
    for _ in range(20):
        client, config = AnalyticsClient.create(**QUICK)
        AnalyticsWorker(config, sink=sink).start()
        for event in tasks(100):
            client.track(event)
        threads = [threading.Thread(target=client.close, args=(0.01,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        stats = balanced(client)
        assert (stats.dropped_by_reason, stats.pending) == ({"shutdown": 100}, 0)
    assert "hangs" not in caplog.text


@pytest.mark.parametrize("first", ["thread", "asyncio"])
def test_a_second_worker_that_may_not_start_does_not_keep_the_first_from_delivering(first: str) -> None:
    import asyncio

    async def program() -> None:
        sink = FailingSink()
        client, config = AnalyticsClient.create(flush_interval=3600)
        workers = [AnalyticsWorker(config, sink=sink) for _ in range(3)]
        if first == "thread":
            workers[0].start()
        else:
            running = asyncio.create_task(AnalyticsWorker(config, "host=/nonexistent").run())
            await asyncio.sleep(0)
        with pytest.raises(WorkerRunningError):
            workers[1].start()
        with pytest.raises(WorkerRunningError):
            await workers[2].run()
        client.track(task(0))
        if first == "thread":
            assert client.close(30).delivered == 1
        else:
            client.close(0.1)
            await asyncio.wait([running], timeout=30)
            assert running.done()
        assert balanced(client).pending == 0

    asyncio.run(program())


def test_close_in_before_send_returns_at_once_and_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def close(event: Any) -> Any:
        client.close(60)
        return event

    client, config = AnalyticsClient.create(**QUICK, before_send=close)
    AnalyticsWorker(config, sink=FailingSink()).start()
    for event in tasks(5):
        client.track(event)
    settled(client, lambda stats: stats.delivered >= 1)
    client.close()
    assert balanced(client).pending == 0
    assert "hangs" not in caplog.text


def test_a_client_that_is_switched_on_later_delivers(database: Database) -> None:
    client = AnalyticsClient.connect(database.dsn, **QUICK, enabled=False)
    client.track(task(7))
    assert client.flush(1).ok
    client.enabled = True
    for event in tasks(5):
        client.track(event)
    assert client.flush(30).ok
    assert client.close(30).ok
    database.assert_numbers(5)


def test_a_client_of_an_asyncio_worker_that_is_switched_on_later_delivers(database: Database) -> None:
    import asyncio

    async def program() -> None:
        client, config = AnalyticsClient.create(**QUICK, enabled=False)
        running = asyncio.create_task(AnalyticsWorker(config, database.dsn).run())
        await asyncio.sleep(0)  # it begins while tracking is off
        client.enabled = True
        client.track(task(0))
        assert (await client.aflush(30)).ok
        await client.aclose(30)
        await running

    asyncio.run(program())
    database.assert_numbers(1)


async def _closed(database: Database) -> AnalyticsClient:
    import asyncio

    client, config = AnalyticsClient.create(flush_interval=3600)
    running = asyncio.create_task(AnalyticsWorker(config, database.dsn).run())
    await asyncio.sleep(0.05)
    client.track(task(0))
    assert (await client.aclose(30)).ok
    assert not client.stats().connected
    await asyncio.wait([running], timeout=30)
    assert running.done()  # it does not wait for the flush interval
    return client


def test_a_closed_client_of_an_asyncio_worker_is_not_connected(database: Database) -> None:
    import asyncio

    assert not asyncio.run(_closed(database)).stats().connected
    database.assert_numbers(1)


@pytest.mark.parametrize("timeout", [math.inf, 1e10, 10**400])
def test_a_wait_may_be_as_long_as_it_takes(timeout: float) -> None:
    import asyncio

    client, config = AnalyticsClient.create(**QUICK)
    worker = AnalyticsWorker(config, sink=FailingSink())
    worker.start()
    client.track(task(0))
    assert client.flush(timeout).ok
    client.track(task(1))
    assert asyncio.run(client.aflush(timeout)).ok
    client.track(task(2))
    assert worker.stop(timeout).ok
    worker.start()
    client.track(task(3))
    assert client.close(timeout).ok


@pytest.mark.parametrize("timeout", [math.nan, "5", None])
def test_a_timeout_that_is_no_number_is_refused_before_anything_happens(timeout: Any) -> None:
    client, config = AnalyticsClient.create(**QUICK)
    worker = AnalyticsWorker(config, sink=FailingSink())
    worker.start()
    calls: tuple[Any, ...] = (client.flush, worker.stop, client.close)
    for call in calls:
        if call != client.close or timeout is not None:
            with pytest.raises(OptionError, match="option timeout: expected a number of seconds"):
                call(timeout)
    client.track(task(0))
    assert client.flush(30).ok
    assert client.close(-5).pending == 0


def test_a_worker_that_can_not_begin_tries_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever stops a new core, the thread lives on."""
    from adi_analytics._engine.drivers import core_run

    client, config = AnalyticsClient.create(**QUICK)
    makers = iter([ZeroDivisionError])

    def new_core(*given: Any, original: Any = core_run.new_core) -> Any:
        for failure in makers:
            raise failure
        return original(*given)

    monkeypatch.setattr(core_run, "new_core", new_core)
    with AnalyticsWorker(config, sink=FailingSink()):
        client.track(task(0))
        assert client.flush(30).ok
    client.close()
