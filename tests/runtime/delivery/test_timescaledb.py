"""The same worker on TimescaleDB: COPY into a hypertable, duplicates, the line of a bad row, late marks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from adi_analytics import Event
from support.runtime import Database, Proxy, balanced, events_ddl, running, tasks
from support.runtime.samples import refused

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def hypertable(timescale_dsn: str) -> Iterator[Database]:
    with Database.create(timescale_dsn, events_ddl("timescaledb")) as made:
        yield made


def test_events_arrive_in_the_hypertable(hypertable: Database, kind: str) -> None:
    with running(kind, hypertable.dsn) as client:
        for event in tasks(2000):
            client.track(event)
        assert client.flush(30).ok
        assert balanced(client).delivered == 2000
    hypertable.assert_numbers(2000)


def test_bad_rows_are_found_and_the_others_arrive(hypertable: Database) -> None:
    bad = refused()
    with running("thread", hypertable.dsn) as client:
        stream: list[Event] = [*tasks(150), bad, *tasks(150, start=150), bad]
        for event in stream:
            client.track(event)
        assert client.flush(30).ok
        stats = balanced(client)
        assert (stats.delivered, stats.dead_lettered) == (300, 2)
    hypertable.assert_numbers(300)
    assert hypertable.letters() == [("application_error", "row_rejected", "54000")] * 2


def test_events_sent_twice_are_there_once(hypertable: Database) -> None:
    with Proxy(hypertable.dsn) as proxy, running("thread", proxy.dsn) as client:
        proxy.cut_after_commit(1)
        for event in tasks(200):
            client.track(event)
        assert client.flush(30).ok
        assert (proxy.cut, balanced(client).duplicates) == (1, 200)
    hypertable.assert_numbers(200)


def test_late_events_mark_their_hours(hypertable: Database) -> None:
    with running("thread", hypertable.dsn) as client:
        for event in tasks(10):
            client.track(event, timestamp=datetime.now(UTC) - timedelta(days=2))
        assert client.flush(30).ok
    assert hypertable.execute("select count(*) from analytics_meta.late_buckets") == [(1,)]
