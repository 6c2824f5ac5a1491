"""The normal paths: everything tracked is in the table, once, whatever way the program ends."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from adi_analytics import AnalyticsClient, AnalyticsWorker, WorkerRunningError, analytics_context, events
from support.runtime import balanced, settled, task, tasks

if TYPE_CHECKING:
    from support.clickhouse.tables import ClickhouseTables
    from support.runtime import Database

    Stored = Database | ClickhouseTables


def test_events_arrive_with_all_their_columns(stored: Stored) -> None:
    user = uuid.uuid4()
    options: Any = {"service": "shop", "hostname": "web-1", "environment": "test"}
    before = datetime.now(UTC)
    with AnalyticsClient.connect(stored.dsn, **options) as client, analytics_context(request_id="r1"):
        client.track(events.AuthCodeVerified(user_id=user, success=True))
        client.track(events.ApiRequest(service="api", endpoint="/", method="GET", status_code=200, duration_ms=3))
    rows = stored.rows()
    assert [tuple(row.values())[:4] for row in rows] == [
        (
            "auth_code_verified",
            "shop",
            str(user),
            {"type": "auth_code_verified", "user_id": str(user), "success": True},
        ),
        (
            "api_request",
            "api",
            None,
            {
                "type": "api_request",
                "service": "api",
                "endpoint": "/",
                "method": "GET",
                "status_code": 200,
                "duration_ms": 3,
            },
        ),
    ]
    meta = {"hostname": "web-1", "environment": "test", "version": 1, "context": {"request_id": "r1"}}
    assert [row["meta"] for row in rows] == [meta, meta]
    assert {row["event_id"].version for row in rows} == {7}
    assert all(before - timedelta(seconds=1) < row["timestamp"] <= datetime.now(UTC) for row in rows)


def test_flush_waits_until_everything_is_in_the_table(stored: Stored) -> None:
    with AnalyticsClient.connect(stored.dsn) as client:
        for event in tasks(12_345):
            client.track(event)
        result = client.flush(timeout=30)
        assert result.ok
        assert result.pending == 0
        stored.assert_numbers(12_345)
        assert balanced(client).delivered == 12_345


def test_a_full_batch_goes_without_flush_and_without_waiting_for_the_interval(stored: Stored) -> None:
    with AnalyticsClient.connect(stored.dsn, batch_size=10, flush_interval=3600) as client:
        for event in tasks(10):
            client.track(event)
        settled(client, lambda stats: stats.delivered == 10)
        stored.assert_numbers(10)


def test_the_interval_sends_less_than_a_batch(stored: Stored) -> None:
    with AnalyticsClient.connect(stored.dsn, flush_interval=0.05) as client:
        client.track(task())
        settled(client, lambda stats: stats.delivered == 1)


def test_stop_delivers_and_a_worker_starts_again(stored: Stored) -> None:
    client, config = AnalyticsClient.create()
    worker = AnalyticsWorker(config, stored.dsn)
    client.track(task(0))
    worker.start()
    with pytest.raises(WorkerRunningError, match="has a running worker"):
        worker.start()
    client.track(task(1))
    assert worker.stop(timeout=10).ok
    client.track(task(2))
    assert balanced(client).pending == 1
    assert client.flush(0.01).pending == 1
    with worker:
        assert client.flush(10).ok
    stored.assert_numbers(3)


def test_given_timestamps_are_kept(stored: Stored) -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    with AnalyticsClient.connect(stored.dsn) as client:
        client.track(task(), timestamp=moment)
    assert [row["timestamp"] for row in stored.rows()] == [moment]


def test_track_if_tracks_only_if(database: Database) -> None:
    with AnalyticsClient.connect(database.dsn) as client:
        client.track_if([], task(7))
        client.track_if([1], task(0))
    database.assert_numbers(1)


def test_after_close_events_are_refused_and_counted(stored: Stored) -> None:
    client = AnalyticsClient.connect(stored.dsn)
    client.track(task())
    assert client.close().ok
    client.track(task(1))
    stats = balanced(client)
    assert stats.dropped_by_reason == {"closed": 1}
    assert client.close().pending == 0
    stored.assert_numbers(1)


def test_the_noop_client_does_nothing() -> None:
    with AnalyticsClient.noop() as client:
        client.track(task())
        client.track_if(True, task())
        assert client.flush().ok
        assert client.stats().accepted == 0


def test_the_asyncio_worker_delivers_and_drains_when_cancelled(stored: Stored) -> None:
    async def program() -> AnalyticsClient:
        client, config = AnalyticsClient.create()
        worker = AnalyticsWorker(config, stored.dsn)
        running = asyncio.create_task(worker.run())
        await asyncio.sleep(0)
        for event in tasks(1000):
            client.track(event)
        assert (await client.aflush(10)).ok
        with pytest.raises(WorkerRunningError):
            await AnalyticsWorker(config, stored.dsn).run()
        for event in tasks(1000, start=1000):
            client.track(event)
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        return client

    stats = balanced(asyncio.run(program()))
    assert (stats.delivered, stats.pending) == (2000, 0)
    stored.assert_numbers(2000)


def test_the_asyncio_worker_stops_when_asked(stored: Stored) -> None:
    async def program() -> None:
        client, config = AnalyticsClient.create()
        worker = AnalyticsWorker(config, stored.dsn)
        running = asyncio.create_task(worker.run())
        await asyncio.sleep(0)
        client.track(task())
        assert (await worker.astop(10)).ok
        await running

    asyncio.run(program())
    stored.assert_numbers(1)


def test_async_with_delivers_on_exit(stored: Stored) -> None:
    async def program() -> None:
        async with AnalyticsClient.connect(stored.dsn) as client:
            client.track(task())

    asyncio.run(program())
    stored.assert_numbers(1)


def test_large_events_go_in_several_transactions(database: Database) -> None:
    client, config = AnalyticsClient.create(max_batch_bytes=100_000)
    for number in range(50):
        client.track(events.ApplicationError(service="s", error_type="E", error_message=f"{number} " + "x" * 20_000))
    with AnalyticsWorker(config, database.dsn):
        assert client.flush(30).ok
    assert balanced(client).batches >= 5
    assert database.execute("select count(distinct data ->> 'error_message') from analytics_events") == [(50,)]
    assert len(database.execute("select distinct xmin::text from analytics_events")) == client.stats().batches
