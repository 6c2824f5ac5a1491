"""Where no thread starts, as at the limit of the machine or while Python 3.12 ends, no event is lost."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest
from adi_analytics import AnalyticsClient, AnalyticsWorker
from adi_analytics._engine.drivers import thread_worker
from adi_analytics.testing import FailingSink
from support.runtime import QUICK, balanced, task, tasks
from support.runtime.programs import run_program

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.runtime import Database


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let no thread start from now on; `monkeypatch.undo` lets them start again."""
    monkeypatch.setattr(thread_worker, "_START_PAUSE", 0.0)

    def start(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    return lambda: monkeypatch.setattr(threading.Thread, "start", start)


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if "thread can" in record.getMessage()]


@pytest.mark.parametrize("way", ["connect", "worker", "enabled later"])
def test_the_worker_starts_as_soon_as_threads_do(
    database: Database,
    way: str,
    refuse: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    refuse()
    if way == "worker":
        client, config = AnalyticsClient.create(**QUICK)
        AnalyticsWorker(config, database.dsn).start()
    else:
        client = AnalyticsClient.connect(database.dsn, **QUICK, enabled=way == "connect")
        client.enabled = True
    for event in tasks(50):
        client.track(event)
    assert not client.flush(5).ok
    stats = balanced(client)
    assert (stats.accepted, stats.pending, stats.dropped) == (50, 50, 0)
    assert len(lines(caplog)) == 1
    monkeypatch.undo()
    client.track(task(50))
    assert client.flush(30).ok
    assert balanced(client).delivered == 51
    assert client.close(30).ok
    database.assert_numbers(51)


@pytest.mark.parametrize("end", ["close", "stop", "astop", "aclose"])
def test_the_end_delivers_in_the_calling_thread(database: Database, end: str, refuse: Callable[[], None]) -> None:
    client, config = AnalyticsClient.create(**QUICK)
    worker = AnalyticsWorker(config, database.dsn)
    refuse()
    worker.start()
    for event in tasks(50):
        client.track(event)
    ends: dict[str, Callable[[], Any]] = {
        "close": lambda: client.close(30),
        "stop": lambda: worker.stop(30),
        "astop": lambda: asyncio.run(worker.astop(30)),
        "aclose": lambda: asyncio.run(client.aclose(30)),
    }
    result = ends[end]()
    assert (result.ok, result.delivered) == (True, 50)
    assert balanced(client).delivered == 50
    database.assert_numbers(50)
    client.close(0)


@pytest.mark.parametrize("worker", ["thread", "asyncio"])
def test_events_after_the_last_stop_are_delivered_at_the_end(
    database: Database, worker: str, refuse: Callable[[], None]
) -> None:
    client, config = AnalyticsClient.create(**QUICK)
    made = AnalyticsWorker(config, database.dsn)
    if worker == "thread":
        made.start()
        assert made.stop(30).ok
    refuse()
    for event in tasks(50):
        client.track(event)
    assert client.close(30).ok
    assert balanced(client).delivered == 50
    database.assert_numbers(50)


def test_the_end_spools_in_the_calling_thread(tmp_path: Path, refuse: Callable[[], None]) -> None:
    refuse()
    client = AnalyticsClient.connect("host=/nonexistent", **QUICK, spool="overflow", spool_dir=str(tmp_path))
    for event in tasks(50):
        client.track(event)
    assert client.close(0.2).spooled == 50
    assert balanced(client).spooled == 50


def test_the_end_says_what_it_lost(refuse: Callable[[], None], caplog: pytest.LogCaptureFixture) -> None:
    refuse()
    client = AnalyticsClient.connect("host=/nonexistent", **QUICK)
    for event in tasks(50):
        client.track(event)
    client.close(0.2)
    assert balanced(client).dropped_by_reason == {"shutdown": 50}
    assert "50 events lost at the end: not delivered within 0.2 s" in caplog.text


def test_a_program_on_any_python_delivers_what_comes_after_the_stop(database: Database) -> None:
    """Python 3.12 starts no thread in `atexit`."""
    run_program(
        """
        import atexit
        client, config = AnalyticsClient.create()
        worker = AnalyticsWorker(config, DSN)
        other = AnalyticsClient.connect(DSN)
        def at_the_end():
            for event in tasks(50, start=50):
                other.track(event)
        atexit.register(at_the_end)
        worker.start()
        worker.stop()
        for event in tasks(50):
            client.track(event)
        """,
        database.dsn,
    )
    database.assert_numbers(100)


def test_a_child_delivers_at_its_end(database: Database) -> None:
    run_program(
        """
        client = AnalyticsClient.connect(DSN)
        client.track(task(0))
        assert client.flush(30).ok
        child = os.fork()
        if child == 0:
            def start(thread):
                raise RuntimeError("can't start new thread")
            threading.Thread.start = start
            for event in tasks(50, start=1):
                client.track(event)
            assert books(client) == [50, 0, 0, 0, 50]
            sys.exit(0)
        assert os.waitpid(child, 0)[1] == 0
        """,
        database.dsn,
    )
    database.assert_numbers(51)


def test_whatever_happens_while_the_worker_is_woken_the_event_counts_once() -> None:
    def fail() -> None:
        raise RecursionError

    sink = FailingSink()
    client, config = AnalyticsClient.create(**QUICK, batch_size=1)
    client._queue.start_on_demand(fail)
    client.track(task(0))
    client.track(task(1))
    assert balanced(client).accepted == 2
    assert balanced(client).pending == 2
    AnalyticsWorker(config, sink=sink).start()
    client.close(30)
    assert balanced(client).delivered == 2


def test_a_worker_that_was_stopped_before_its_first_event_does_not_start(database: Database) -> None:
    client, config = AnalyticsClient.create(**QUICK, enabled=False)
    worker = AnalyticsWorker(config, database.dsn)
    worker.start()
    worker.stop()
    client.enabled = True
    client.track(task(0))
    assert client.flush(1).pending == 1
    client.enabled = False
    assert client.close(30).delivered == 1  # although tracking is off
