"""Late events mark the hours that must be counted again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from support.runtime import balanced, running, task

if TYPE_CHECKING:
    from support.runtime import Database


@pytest.mark.parametrize("again", [False, True], ids=["first", "again"])
def test_late_events_mark_their_hours(database: Database, again: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    import uuid

    from adi_analytics import client as module

    now = datetime.now(UTC)
    old = (now - timedelta(days=2)).replace(minute=30, second=0, microsecond=0)
    ids = [uuid.UUID(int=number) for number in range(4)] * 2
    monkeypatch.setattr(module, "_uuid7", lambda: ids.pop(0))
    with running("thread", database.dsn) as client:
        for _ in range(1 + again):
            database.execute("delete from analytics_meta.late_buckets")
            for number, moment in enumerate([old, old + timedelta(minutes=10), old - timedelta(hours=1), now]):
                client.track(task(number), timestamp=moment)
            assert client.flush(10).ok
        assert balanced(client).duplicates == 4 * again
    hour = old.replace(minute=0)
    marks = database.execute("select bucket from analytics_meta.late_buckets order by bucket")
    assert marks == [(hour - timedelta(hours=1),), (hour,)]
    database.assert_numbers(4)


def test_late_marks_and_rows_are_one_transaction(database: Database) -> None:
    """While the marks can't be written, neither are the rows."""
    database.execute("alter table analytics_meta.late_buckets rename to away")
    old = datetime.now(UTC) - timedelta(days=2)
    with running("thread", database.dsn) as client:
        client.track(task(0), timestamp=old)
        assert client.flush(0.3).pending == 1
        assert database.numbers() == []
        database.execute("alter table analytics_meta.away rename to late_buckets")
        assert client.flush(10).ok
    database.assert_numbers(1)
    assert database.execute("select count(*) from analytics_meta.late_buckets") == [(1,)]
