"""Every value is stored as on PostgreSQL, or not at all."""

from __future__ import annotations

import json
import random
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from adi_analytics import analytics_context, events
from support.runtime import balanced, running, task, tasks
from support.runtime.samples import error, task_with

if TYPE_CHECKING:
    from support.clickhouse.tables import ClickhouseTables
    from support.runtime import Database

exactly = partial(json.loads, parse_float=Decimal, parse_int=Decimal)

TEXTS = [
    "",
    " ",
    "é",
    "日本",
    "\U0001f600",
    "it's",
    '"',
    "\\",
    "\\n",
    "a\tb\nc\r",
    "`'{}",
    "\x7f",
    "\x01",
    "x" * 300,
    "ß" * 20_000,
]
NUMBERS = [
    0,
    -1,
    2**31,
    2**53 + 1,
    2**63 - 1,
    -(2**63),
    2**64 - 1,
    0.1,
    -0.5,
    1e-300,
    5e-324,
    1.7976931348623157e308,
    1e22,
]
CONTEXTS: list[dict[str, Any]] = [
    *({"text": text, text: 1} for text in TEXTS),
    *({"number": number} for number in NUMBERS),
    {"deep": [[[{"a": [None, True, False, {}]}]]], "empty": [], "null": None, "id": uuid.UUID(int=7)},
]
MOMENTS = [
    datetime(1900, 1, 1, tzinfo=UTC),
    datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(1999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
    datetime(2106, 2, 7, 6, 28, 16, tzinfo=UTC),
    datetime(2262, 4, 11, 23, 47, 16, 854775, tzinfo=UTC),
    datetime(2299, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
]


def stream(dsn: str, ids: random.Random, monkeypatch: pytest.MonkeyPatch) -> None:
    """Send every kind of value, under ids that *ids* gives."""
    from adi_analytics import client as module

    monkeypatch.setattr(module, "_uuid7", lambda: uuid.UUID(int=ids.getrandbits(128)))
    monkeypatch.setattr(module, "_now", lambda: 1_800_000_000_123_456_789)
    with running("thread", dsn, service="it's ü", environment="`test`") as client:
        for context in CONTEXTS:
            with analytics_context(given=context):
                client.track(events.ApplicationError(service="s", error_type="E", error_message="m", context=context))
        for text in TEXTS:
            client.track(error(text))
            client.track(
                events.ApiRequest(service=text or "-", endpoint="/", method="GET", status_code=200, duration_ms=3)
            )
        for number, moment in enumerate(MOMENTS):
            client.track(task_with(user_id=uuid.UUID(int=ids.getrandbits(128)), duration_ms=number), timestamp=moment)
        assert client.flush(30).ok
        stats = balanced(client)
        assert stats.delivered == stats.accepted


def test_each_value_is_what_postgresql_has(
    database: Database, clickhouse: ClickhouseTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    for dsn in (database.dsn, clickhouse.dsn):
        stream(dsn, random.Random(7), monkeypatch)
    columns = "event_type, service, user_id{0}, data{0}, meta{0}, event_id{0}"
    first = database.execute(f"select {columns.format('::text')} from analytics_events order by event_id")
    query = f"select {columns.format('')} from analytics_events order by toString(event_id)"
    second = clickhouse.execute(query)
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        assert [*one[:3], one[5]] == [*other[:3], other[5]]
        assert exactly(one[3]) == exactly(other[3])
        assert exactly(one[4]) == exactly(other[4])
    moments = [row["timestamp"] for row in database.rows()]
    assert moments == [row["timestamp"] for row in clickhouse.rows()]
    assert set(MOMENTS) < set(moments)


@pytest.mark.parametrize("place", ["first", "last", "all"])
def test_a_moment_that_would_be_stored_as_another_is_a_dead_letter(
    clickhouse: ClickhouseTables, place: str, kind: str
) -> None:
    outside = [
        datetime(1899, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(2300, 1, 1, tzinfo=UTC),
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    ]
    good = [] if place == "all" else list(tasks(100))
    with running(kind, clickhouse.dsn, batch_size=1000, flush_interval=60) as client:
        if place == "last":
            for event in good:
                client.track(event)
        for moment in outside:
            client.track(task(7), timestamp=moment)
        if place == "first":
            for event in good:
                client.track(event)
        assert client.flush(30).ok
        stats = balanced(client)
        assert (stats.delivered, stats.dead_lettered_by_reason) == (len(good), {"row_rejected": 4})
    clickhouse.assert_numbers(len(good))
    assert clickhouse.letters() == [("task_completed", "row_rejected", None)] * 4
    letters = clickhouse.execute("select message, timestamp, payload from analytics_dead_letters")
    assert {message for message, *_ in letters} == {"the timestamp is outside of the years 1900 to 2299"}
    assert {moment for _, moment, _ in letters} == {None}
    kept = {datetime.fromisoformat(json.loads(payload)["timestamp"]) for *_, payload in letters}
    assert kept == set(outside)


def test_events_of_many_weeks_go_in_one_insert(clickhouse: ClickhouseTables) -> None:
    """By default ClickHouse takes 100 partitions at a time."""
    start = datetime(2020, 1, 1, tzinfo=UTC)
    with running("thread", clickhouse.dsn, batch_size=1000, flush_interval=60) as client:
        for number, event in enumerate(tasks(150)):
            client.track(event, timestamp=start + timedelta(weeks=number))
        assert client.flush(60).ok
        assert balanced(client).batches == 1
    clickhouse.assert_numbers(150)


def test_what_no_event_can_be_is_a_dead_letter_as_on_postgresql(clickhouse: ClickhouseTables) -> None:
    with running("thread", clickhouse.dsn) as client:
        client.track(error("a\0b"))
        client.track(task_with(exit_code="zero"))
        client.track(error("a\ud800b"))
        client.track(task(0))
        assert client.flush(30).ok
        assert balanced(client).dead_lettered_by_reason == {"invalid_event": 2, "encoding": 1}
    clickhouse.assert_numbers(1)
    found = clickhouse.execute("select reason, event_id is not null, timestamp, payload from analytics_dead_letters")
    assert sorted(row[:2] for row in found) == [["encoding", 1], ["invalid_event", 1], ["invalid_event", 1]]
    for _, _, moment, payload in found:
        stored = datetime.fromisoformat(json.loads(payload)["timestamp"])
        assert datetime.fromisoformat(f"{moment}+00:00") == stored
