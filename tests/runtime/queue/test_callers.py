"""The caller's side: many threads, signal handlers, callbacks, bursts; exact books all the time."""

from __future__ import annotations

import asyncio
import gc
import itertools
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Literal

import psutil
import psycopg
import pytest
from adi_analytics import AnalyticsClient, events
from support.runtime import QUICK, balanced, running, settled, task, tasks

if TYPE_CHECKING:
    from support.runtime import Database


@pytest.fixture
def hasty_switching() -> object:
    """Let threads interrupt each other as often as possible."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hasty_switching")
def test_32_producers_and_a_reader_of_the_books(database: Database) -> None:
    producers, each = 32, 1000
    with running("thread", database.dsn, max_queue=10**6) as client:
        go, done = threading.Barrier(producers + 1), threading.Event()

        def produce(first: int) -> None:
            go.wait()
            for event in tasks(each, start=first):
                client.track(event)

        def watch() -> None:
            seen = 0
            while not done.is_set():
                stats = balanced(client)
                assert stats.accepted >= seen
                seen = stats.accepted

        threads = [threading.Thread(target=produce, args=(number * each,)) for number in range(producers)]
        watcher = _Checked(target=watch)
        for thread in [*threads, watcher]:
            thread.start()
        go.wait()
        for thread in threads:
            thread.join()
        assert client.flush(60).ok
        done.set()
        watcher.join()
        assert watcher.error is None
        stats = balanced(client)
        assert (stats.accepted, stats.delivered, stats.dropped) == (32_000, 32_000, 0)
    database.assert_numbers(32_000)


class _Checked(threading.Thread):
    """A thread that keeps the exception that ended it."""

    error: BaseException | None = None

    def run(self) -> None:
        try:
            super().run()
        except BaseException as error:  # noqa: BLE001 - the test raises it
            self.error = error


@pytest.mark.usefixtures("hasty_switching")
@pytest.mark.parametrize("when_full", ["drop_newest", "drop_oldest"])
def test_a_burst_of_many_threads_into_a_small_bound(database: Database, when_full: str) -> None:
    with running("thread", database.dsn, max_queue=1000, when_full=when_full) as client:

        def produce() -> None:
            for event in tasks(5000):
                client.track(event)

        threads = [threading.Thread(target=produce) for _ in range(8)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            balanced(client)
        assert client.flush(60).pending == 0
        stats = balanced(client)
        assert stats.accepted == 40_000
        assert stats.dropped_by_reason.get("queue_full", 0) == stats.dropped
    assert len(database.numbers()) == stats.delivered


@pytest.mark.slow
@pytest.mark.parametrize("when_full", ["drop_newest", "drop_oldest"])
def test_a_burst_of_a_million_with_the_server_hanging_stays_in_bounds(database: Database, when_full: str) -> None:
    with psycopg.connect(database.dsn) as blocker:
        blocker.execute("lock table analytics_events in access exclusive mode")
        with running("thread", database.dsn, max_queue=10_000, when_full=when_full, max_batch=1000) as client:
            event = task(0)
            process = psutil.Process()
            track = client.track
            for _ in range(100_000):
                track(event)
            gc.collect()
            before = process.memory_info().rss
            for _ in range(900_000):
                track(event)
            gc.collect()
            grown = process.memory_info().rss - before
            stats = balanced(client)
            assert stats.accepted == 1_000_000
            assert stats.pending <= 11_000
            assert stats.dropped == 1_000_000 - stats.pending
            assert grown < 20 * 2**20
            blocker.rollback()
            assert client.flush(60).pending == 0
            stats = balanced(client)
            assert stats.delivered == 1_000_000 - stats.dropped
    assert len(database.numbers()) == stats.delivered


def test_the_newest_are_dropped_by_default_and_the_oldest_on_request(database: Database) -> None:
    kept_by: dict[Literal["drop_newest", "drop_oldest"], range] = {
        "drop_newest": range(10),
        "drop_oldest": range(90, 100),
    }
    for when_full, kept in kept_by.items():
        client, _ = AnalyticsClient.create(max_queue=10, when_full=when_full)
        for event in tasks(100):
            client.track(event)
        assert [item[0].duration_ms for item in client._queue.items] == list(kept)
        stats = balanced(client)
        assert (stats.accepted, stats.pending, stats.dropped_by_reason) == (100, 10, {"queue_full": 90})
        client._pipeline.abandon("shutdown")


def test_a_full_queue_blocks_until_there_is_room(database: Database) -> None:
    with running("thread", database.dsn, max_queue=10, when_full="block", block_timeout=30.0) as client:
        for event in tasks(1000):
            client.track(event)
        assert client.flush(30).ok
        assert balanced(client).delivered == 1000
    database.assert_numbers(1000)


def test_a_full_queue_blocks_no_longer_than_told_and_never_an_event_loop() -> None:
    client, _ = AnalyticsClient.create(max_queue=1, when_full="block", block_timeout=0.05)
    client.track(task())
    started = time.monotonic()
    client.track(task())
    assert 0.05 <= time.monotonic() - started < 5

    async def program() -> float:
        started = time.monotonic()
        for _ in range(100):
            client.track(task())
        return time.monotonic() - started

    assert asyncio.run(program()) < 0.05 * 100
    assert balanced(client).dropped_by_reason == {"queue_full": 101}
    client._pipeline.abandon("shutdown")


def test_track_in_a_signal_handler_at_every_moment(database: Database) -> None:
    """A timer interrupts track(), flush() and stats() of the main thread over and over; nothing hangs or miscounts."""
    with running("thread", database.dsn, max_queue=10**6) as client:
        numbers = itertools.count(10_000)  # one step: the handler may interrupt itself
        depth = 0

        def handler(_number: int, _frame: object) -> None:
            nonlocal depth
            if depth == 3:  # a machine slower than the timer would never come back
                return
            depth += 1
            client.track(task(next(numbers)))
            balanced(client)
            depth -= 1

        before = signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.0001, 0.0001)
        try:
            for event in tasks(10_000):
                client.track(event)
                if event.duration_ms % 1000 == 0:
                    balanced(client)
                    client.flush(0.01)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        total = next(numbers)
        assert total > 10_000
        assert client.flush(30).ok
        assert balanced(client).delivered == total
    database.assert_numbers(total)


def test_track_in_a_destructor(database: Database) -> None:
    class Resource:
        def __init__(self, client: AnalyticsClient) -> None:
            self.client = client

        def __del__(self) -> None:
            self.client.track(task(0))

    with running("thread", database.dsn) as client:
        Resource(client)
        gc.collect()
        assert client.flush(10).ok
    database.assert_numbers(1)


def test_flush_from_a_callback_returns_at_once(database: Database, kind: str) -> None:
    seen: list[object] = []

    def before_send(enriched: object) -> object:
        if not seen:
            seen.append(client.flush(60))
            client.track(task(1))
        return enriched

    with running(kind, database.dsn, before_send=before_send) as client:
        client.track(task(0))
        assert client.flush(30).pending == 0
        settled(client, lambda stats: stats.delivered == 2)
    (inner,) = seen
    assert inner.pending == 1  # type: ignore[attr-defined]  # a FlushResult
    assert not inner.ok  # type: ignore[attr-defined]  # of this sink only
    database.assert_numbers(2)


def test_flush_on_the_event_loop_of_the_worker_returns_at_once(database: Database) -> None:
    from adi_analytics import AnalyticsWorker

    async def program() -> None:
        client, config = AnalyticsClient.create()
        worker = AnalyticsWorker(config, database.dsn)
        running_worker = asyncio.create_task(worker.run())
        await asyncio.sleep(0)
        client.track(task(0))
        assert client.flush(60).pending == 1
        assert (await client.aflush(10)).ok
        worker.stop()
        await running_worker

    asyncio.run(program())
    database.assert_numbers(1)


def test_many_flush_at_once(database: Database) -> None:
    with running("thread", database.dsn, flush_interval=3600, batch_size=10**6) as client:
        results = []

        def work(start: int) -> None:
            for event in tasks(10, start=start):
                client.track(event)
            results.append(client.flush(30))

        threads = [threading.Thread(target=work, args=(number * 10,)) for number in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(results) == 50
        assert all(result.ok for result in results)
    database.assert_numbers(500)


@pytest.mark.slow
def test_hundreds_of_clients_leave_nothing_behind(database: Database) -> None:
    process = psutil.Process()

    def cycle(number: int) -> None:
        with AnalyticsClient.connect(database.dsn, **QUICK) as client:
            client.track(task(number))

    for number in range(50):
        cycle(number)
    gc.collect()
    threads, descriptors, memory = threading.active_count(), process.num_fds(), process.memory_info().rss
    for number in range(50, 400):
        cycle(number)
    gc.collect()
    assert threading.active_count() == threads
    assert process.num_fds() <= descriptors
    assert process.memory_info().rss - memory < 30 * 2**20
    from adi_analytics._engine.process import at_fork

    assert len(at_fork._registered) < 20
    database.assert_numbers(400)


@pytest.mark.parametrize("jump", [3600, -3600])
def test_the_wall_clock_jumps(database: Database, jump: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from adi_analytics import client as module

    offset = 0
    monkeypatch.setattr(module, "_now", lambda: time.time_ns() + offset)
    with running("thread", database.dsn) as client:
        for event in tasks(100):
            client.track(event)
        offset = jump * 1_000_000_000
        for event in tasks(100, start=100):
            client.track(event)
        assert client.flush(10).ok
        assert balanced(client).delivered == 200
    database.assert_numbers(200)


def test_a_wrong_thing_never_raises_in_track() -> None:
    class Hostile:
        EVENT_TYPE = property(lambda _self: 1 / 0)

        def __getattribute__(self, name: str) -> object:
            raise RuntimeError(name)

    client, _ = AnalyticsClient.create(sample_rates={"task_completed": 0.5})
    client.track(Hostile())  # type: ignore[arg-type]  # that is the point
    client.track(task(), timestamp="yesterday")  # type: ignore[arg-type]  # that is the point
    stats = balanced(client)
    assert (stats.accepted, stats.pending) == (2, 1)  # what the thing is, the worker finds out
    assert stats.dropped_by_reason == {"internal_error": 1}
    client._pipeline.abandon("shutdown")


def test_the_cost_of_track_is_no_system_call(database: Database) -> None:
    """While the worker is busy or parked below its threshold, track() wakes nobody."""
    client, _ = AnalyticsClient.create()
    woken = []
    owner, consumer = object(), client._pipeline.consumer
    consumer.acquire(owner, lambda: woken.append(os.getpid()))
    client._queue.park(100)
    for event in tasks(99):
        client.track(event)
    assert woken == []
    client.track(task())
    assert len(woken) == 1
    for event in tasks(1000):
        client.track(event)
    assert len(woken) == 1
    assert isinstance(client._queue.items[0][0], events.TaskCompleted)
    consumer.release(owner)
    client._pipeline.abandon("shutdown")
