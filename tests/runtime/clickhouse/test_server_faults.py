"""Whatever happens between the worker and ClickHouse, each event has one fate, and readers see it once."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import pytest
from adi_analytics import AnalyticsClient
from support.clickhouse.databases import ClickhouseDatabases
from support.clickhouse.proxy import Answer, FaultyProxy
from support.clickhouse.tables import ClickhouseTables
from support.runtime import QUICK, balanced, running, settled, task, tasks

if TYPE_CHECKING:
    from pathlib import Path

SOON = {"retry_base": 0.001, "retry_cap": 0.01}
PASSING = [
    "cut before",
    "cut after",
    *(Answer(500, code) for code in (252, 159, 202, 209, 210, 225, 242, 999, 241, 319)),
    Answer(500),
    Answer(502),
    Answer(429),
]


def raw(tables: ClickhouseTables) -> int:
    """Return the number of rows, duplicates included."""
    return int(tables.execute("select count() from analytics_events")[0][0])


def test_what_passes_is_tried_again_under_the_same_token(
    proxy: FaultyProxy, clickhouse: ClickhouseTables, kind: str
) -> None:
    proxy.fail(*PASSING)  # type: ignore[arg-type]  # a list of texts
    with running(kind, proxy.dsn, **SOON, batch_size=1000, flush_interval=60) as client:
        for event in tasks(300):
            client.track(event)
        assert client.flush(60).ok
        stats = balanced(client)
        assert (stats.delivered, stats.retries, stats.pending) == (300, len(PASSING), 0)
    assert len(proxy.tokens) == len(PASSING) + 1
    assert len(set(proxy.tokens)) == 1
    clickhouse.assert_numbers(300)
    assert raw(clickhouse) == 600  # the one that was cut after it was stored


def test_each_insert_says_what_stored_means(proxy: FaultyProxy, clickhouse: ClickhouseTables) -> None:
    dsn = proxy.dsn.replace("clickhouse://", "clickhouse://default:@") + "?insert_quorum=auto"
    with running("thread", proxy.dsn) as client:
        client.track(task(0))
        client.track(task(1))
        assert client.flush(10).ok
    (asked, _), *_ = [found for found in proxy.requests if "insert_deduplication_token" in found[0]]
    assert {"async_insert": "0", "insert_deduplicate": "1", "wait_end_of_query": "1"}.items() < asked.items()
    assert asked["distributed_foreground_insert"] == "1"
    assert "insert_quorum" not in asked
    with running("thread", dsn) as client:
        client.track(task(2))
        assert client.flush(10).pending in {0, 1}  # no Keeper here: what counts is what was asked
    asked = next(found for found, _ in reversed(proxy.requests) if "insert_deduplication_token" in found)
    assert (asked["insert_quorum"], asked["insert_quorum_timeout"]) == ("auto", "60000")


def test_a_table_that_remembers_inserts_stores_once(clickhouse_databases: ClickhouseDatabases, kind: str) -> None:
    with ClickhouseTables.create(clickhouse_databases, window=100) as made, FaultyProxy(made.url) as proxy:
        proxy.fail("cut after", "cut after")
        with running(kind, proxy.dsn, **SOON) as client:
            for event in tasks(300):
                client.track(event)
            assert client.flush(60).ok
        made.assert_numbers(300)
        assert raw(made) == 300


def test_aggregates_count_once_what_is_stored_twice(proxy: FaultyProxy, clickhouse: ClickhouseTables) -> None:
    clickhouse.make_aggregates()
    proxy.fail("cut after", "cut after")
    with running("thread", proxy.dsn, **SOON) as client:
        for event in tasks(300):
            client.track(event)
        assert client.flush(60).ok
    assert raw(clickhouse) > 300
    assert clickhouse.execute("select sum(completed) from analytics_task_stats_daily") in ([[300]], [["300"]])


def test_the_spool_keeps_the_token(clickhouse_databases: ClickhouseDatabases, tmp_path: Path) -> None:
    """What was stored before the process ended, unanswered, is known again when the next one delivers it."""
    options = {
        **QUICK,
        **SOON,
        "spool": "overflow",
        "spool_dir": str(tmp_path),
        "flush_interval": 60,
        "batch_size": 1000,
    }
    with ClickhouseTables.create(clickhouse_databases, window=100) as made, FaultyProxy(made.url) as proxy:
        proxy.fail("cut after", *["cut before"] * 1000)  # type: ignore[arg-type]  # a list of texts
        client = AnalyticsClient.connect(proxy.dsn, **options)
        for event in tasks(200):
            client.track(event)
        assert not client.flush(0.1).ok
        settled(client, lambda stats: stats.retries > 1)
        for event in tasks(100, start=200):  # of these, none was sent
            client.track(event)
        assert client.close(0.2).spooled == 300
        assert balanced(client).spooled == 300
        assert raw(made) == 200
        proxy.faults.clear()
        with running("thread", proxy.dsn, **{**options, "shutdown_timeout": 10}) as second:
            settled(second, lambda stats: stats.recovered == 300)
        made.assert_numbers(300)
        assert raw(made) == 300
        assert list(tmp_path.glob("*.segment")) == []


def test_the_server_is_away_at_the_start_and_comes_back(
    proxy: FaultyProxy, clickhouse: ClickhouseTables, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    proxy.stop()
    with running(kind, proxy.dsn) as client:
        for event in tasks(500):
            client.track(event)
        result = client.flush(0.3)
        assert (result.ok, result.pending, result.delivered) == (False, 500, 0)
        stats = balanced(client)
        assert (stats.connected, stats.last_error) == (False, "ConnectError")
        proxy.start()
        assert client.flush(30).ok
        assert balanced(client).delivered == 500
    clickhouse.assert_numbers(500)
    place = urlsplit(proxy.dsn).netloc
    assert f"the database can't take events now ({place}: ConnectError" in caplog.text
    assert "takes events again" in caplog.text


def test_a_killed_server_loses_nothing_that_it_did_not_confirm() -> None:
    databases = ClickhouseDatabases()
    try:
        with databases.empty() as url, FaultyProxy(url) as proxy:
            ClickhouseTables(url).make()
            with running("thread", proxy.dsn, **SOON) as client:
                for event in tasks(50):
                    client.track(event)
                assert client.flush(10).ok
                databases.kill()
                for event in tasks(100):
                    client.track(event)
                settled(client, lambda stats: stats.retries > 1)
                assert balanced(client).pending == 100
                # Another server, without what the first one held.
                with databases.empty() as other:
                    made = ClickhouseTables(other)
                    made.make()
                    proxy.target = other
                    name = urlsplit(url).path.strip("/")
                    made.execute(f"create database {name}")
                    moved = ClickhouseTables(urlunsplit(urlsplit(other)._replace(path=f"/{name}")))
                    moved.make()
                    assert client.flush(30).ok
                    assert balanced(client).delivered == 150
                    moved.assert_numbers(100)
    finally:
        databases.close()


def test_a_slow_server_holds_nobody_up(proxy: FaultyProxy, clickhouse: ClickhouseTables, kind: str) -> None:
    proxy.fail("slow")
    with running(kind, proxy.dsn, max_queue=2000, batch_size=100, flush_interval=60) as client:
        for event in tasks(100):
            client.track(event)
        assert proxy.held.wait(10)
        for event in tasks(5000, start=100):
            client.track(event)
        stats = balanced(client)
        assert (stats.accepted, stats.delivered) == (5100, 0)
        assert stats.dropped_by_reason == {"queue_full": 3000}  # 100 in flight, 2000 queued
        proxy.release.set()
        assert client.flush(30).ok
        assert balanced(client).delivered == 2100
    clickhouse.assert_numbers(2100)


def test_a_silent_server_counts_as_away_after_a_while(
    proxy: FaultyProxy, clickhouse: ClickhouseTables, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from adi_analytics._engine.drivers import http_line

    monkeypatch.setattr(http_line, "_GRACE", 0.1)
    proxy.fail("slow")
    with running(kind, proxy.dsn, statement_timeout=0.2) as client:
        client.track(task(0))
        settled(client, lambda stats: stats.last_error == "ReadTimeout")
        assert client.flush(30).ok
        proxy.release.set()
    clickhouse.assert_numbers(1)


def test_close_keeps_its_deadline_when_the_server_hangs(proxy: FaultyProxy, clickhouse: ClickhouseTables) -> None:
    proxy.fail("slow")
    client = AnalyticsClient.connect(proxy.dsn, **QUICK)
    for event in tasks(300):
        client.track(event)
    assert proxy.held.wait(10)
    started = time.monotonic()
    result = client.close(0.5)
    assert time.monotonic() - started < 5
    assert (result.ok, result.delivered, result.dropped, result.pending) == (False, 0, 300, 0)
    assert balanced(client).dropped_by_reason == {"shutdown": 300}
