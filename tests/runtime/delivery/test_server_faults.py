"""The server dies, hangs, is away or cuts the connection: nothing is lost, nothing is there twice."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from typing import TYPE_CHECKING

import psycopg
import pytest
from adi_analytics import AnalyticsClient, AnalyticsWorker
from adi_analytics._engine.drivers import connection as sessions
from support.runtime import QUICK, Proxy, balanced, running, settled, task, tasks
from support.servers import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Self

    from adi_analytics import Stats
    from adi_analytics.embedded import EmbeddedServer
    from support.runtime import Database


class Stream:
    """Tracks events from a thread until told to stop."""

    def __init__(self, client: AnalyticsClient) -> None:
        self._client = client
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.count = 0

    def _run(self) -> None:
        while not self._stop.is_set():
            for _ in range(50):
                self._client.track(task(self.count))
                self.count += 1
            time.sleep(0.002)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


@pytest.fixture
def blocked(database: Database) -> Iterator[psycopg.Connection]:
    """A transaction that keeps everybody else from writing to the table."""
    with psycopg.connect(database.dsn) as connection:
        connection.execute("lock table analytics_events in access exclusive mode")
        yield connection


def spooled_exactly(count: int) -> Callable[[Stats], bool]:
    return lambda stats: stats.spooled == count


def wait_until_waiting(database: Database) -> int:
    """Return the pid of the worker's backend as soon as it waits for the lock, in the middle of its COPY."""
    for _ in range(3000):
        rows = database.execute(
            "select pid from pg_stat_activity where application_name = 'adi-analytics' and wait_event_type = 'Lock'"
            " and datname = current_database() and query ilike 'copy%%'"
        )
        if rows:
            return int(rows[0][0])
        time.sleep(0.01)
    raise AssertionError("the worker never began its COPY")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT, signal.SIGKILL])
def test_the_server_is_killed_while_events_stream(
    own_server: EmbeddedServer, own_database: Database, number: int, kind: str
) -> None:
    with running(kind, own_server.dsn, batch_size=10) as client:
        with Stream(client) as stream:
            settled(client, lambda stats: stats.delivered > 200)
            own_server.signal(number)
            assert own_server.wait_stopped()
            settled(client, lambda stats: stats.retries > 0)
            balanced(client)
            own_server.start()
            back = balanced(client).delivered
            settled(client, lambda stats: stats.delivered > back + 200)
        assert client.flush(30).ok
        stats = balanced(client)
        assert (stats.accepted, stats.delivered, stats.pending) == (stream.count, stream.count, 0)
    own_database.assert_numbers(stream.count)


def test_a_backend_is_terminated_in_the_middle_of_a_copy(
    database: Database, blocked: psycopg.Connection, kind: str
) -> None:
    with running(kind, database.dsn) as client:
        for event in tasks(1000):
            client.track(event)
        pid = wait_until_waiting(database)
        database.execute("select pg_terminate_backend(%s)", (pid,))
        settled(client, lambda stats: stats.retries == 1)
        assert balanced(client).pending == 1000
        blocked.rollback()
        assert client.flush(30).ok
        assert balanced(client).delivered == 1000
        assert client.stats().last_error == "57P01"
    database.assert_numbers(1000)


def test_a_connection_is_cut_after_the_commit(database: Database, kind: str) -> None:
    with Proxy(database.dsn) as proxy, running(kind, proxy.dsn) as client:
        proxy.cut_after_commit(3)
        for start in range(0, 1000, 250):
            for event in tasks(250, start):
                client.track(event)
            assert client.flush(30).ok
        assert proxy.cut == 3
        stats = balanced(client)
        assert (stats.delivered, stats.pending) == (1000, 0)
        assert stats.duplicates > 0  # what had been committed and was sent again
    database.assert_numbers(1000)


def test_the_server_is_away_at_the_start_and_comes_back(
    own_server: EmbeddedServer, own_database: Database, kind: str
) -> None:
    own_server.halt()
    with running(kind, own_server.dsn) as client:
        for event in tasks(500):
            client.track(event)
        result = client.flush(0.3)
        assert (result.ok, result.pending, result.delivered) == (False, 500, 0)
        assert not balanced(client).connected
        own_server.start()
        assert client.flush(30).ok
        assert balanced(client).delivered == 500
    own_database.assert_numbers(500)


def test_a_slow_server_holds_nobody_up(database: Database, blocked: psycopg.Connection, kind: str) -> None:
    with running(kind, database.dsn, max_queue=2000) as client:
        for event in tasks(100):
            client.track(event)
        wait_until_waiting(database)
        for event in tasks(5000, start=100):
            client.track(event)
        stats = balanced(client)
        assert (stats.accepted, stats.delivered) == (5100, 0)
        assert stats.dropped_by_reason == {"queue_full": 3000}  # 100 in flight, 2000 queued
        result = client.flush(0.05)
        assert (result.ok, result.pending) == (False, 2100)
        blocked.rollback()
        assert client.flush(30).ok
        assert balanced(client).delivered == 2100
    database.assert_numbers(2100)


def test_a_frozen_server_takes_the_events_when_it_thaws(own_server: EmbeddedServer, own_database: Database) -> None:
    with running("thread", own_server.dsn) as client:
        client.track(task(0))
        assert client.flush(10).ok
        with frozen(own_server):
            for event in tasks(300, start=1):
                client.track(event)
            result = client.flush(0.3)
            assert not result.ok
            assert result.pending == 300
            balanced(client)
        assert client.flush(30).ok
    assert balanced(client).delivered == 301
    own_database.assert_numbers(301)


def test_a_frozen_server_counts_as_away_after_a_while(
    own_server: EmbeddedServer, own_database: Database, kind: str, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "_GRACE", 0.5)
    options = {"spool": "always", "spool_dir": str(tmp_path), "statement_timeout": 0.5, "connect_timeout": 2}
    with running(kind, own_server.dsn, **options) as client:
        client.track(task(0))
        assert client.flush(10).ok
        with frozen(own_server):
            for spooled in (150, 300):
                for event in tasks(150, start=spooled - 149):
                    client.track(event)
                # The second time the worker waits for the server, and must come back to write these to disk.
                settled(client, spooled_exactly(spooled))
        settled(client, lambda stats: stats.delivered == 301)
    own_database.assert_numbers(301)


def test_stop_keeps_its_deadline_when_the_server_hangs(own_server: EmbeddedServer, own_database: Database) -> None:
    client = AnalyticsClient.connect(own_server.dsn, **QUICK)
    client.track(task(0))
    assert client.flush(10).ok
    with frozen(own_server):
        for event in tasks(300, start=1):
            client.track(event)
        started = time.monotonic()
        result = client.close(0.5)
        assert time.monotonic() - started < 5
        assert (result.ok, result.delivered, result.dropped, result.pending) == (False, 0, 300, 0)
        assert balanced(client).dropped_by_reason == {"shutdown": 300}


def test_a_cancelled_asyncio_worker_keeps_its_deadline_when_the_server_hangs(
    own_server: EmbeddedServer, own_database: Database
) -> None:
    async def program() -> float:
        client, config = AnalyticsClient.create(**{**QUICK, "shutdown_timeout": 0.5})
        worker = asyncio.create_task(AnalyticsWorker(config, own_server.dsn).run())
        client.track(task(0))
        assert (await client.aflush(10)).ok
        with frozen(own_server):
            for event in tasks(300, start=1):
                client.track(event)
            assert (await client.aflush(0.3)).pending == 300
            started = time.monotonic()
            worker.cancel()
            await asyncio.wait([worker])
            assert balanced(client).pending == 300
            return time.monotonic() - started

    assert asyncio.run(program()) < 5


def test_a_hanging_server_loses_nothing_with_a_spool(
    own_server: EmbeddedServer, own_database: Database, tmp_path: object
) -> None:
    options = {**QUICK, "spool": "overflow", "spool_dir": str(tmp_path)}
    client = AnalyticsClient.connect(own_server.dsn, **options)
    client.track(task(0))
    assert client.flush(10).ok
    with frozen(own_server):
        for event in tasks(300, start=1):
            client.track(event)
        result = client.close(0.5)
        assert (result.ok, result.delivered, result.spooled, result.dropped) == (True, 0, 300, 0)
        assert balanced(client).spooled == 300
    with AnalyticsClient.connect(own_server.dsn, **options) as second:
        settled(second, lambda stats: stats.recovered == 300)
    own_database.assert_numbers(301)
