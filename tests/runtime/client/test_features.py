"""Store policy, context, hooks, sampling, switches, late marks."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from adi_analytics import AnalyticsClient, AnalyticsWorker, EnrichedEvent, InvalidEventError, analytics_context, events
from adi_analytics._shared.options import Settings
from adi_analytics.testing import FailingSink
from support.runtime import QUICK, balanced, running, task, tasks

if TYPE_CHECKING:
    from pathlib import Path

    from support.runtime import Database

EMAIL, STATE = "ada@example.org", "s3cret-state"


def login() -> events.AuthLoginAttempt:
    return events.AuthLoginAttempt(success=True, email=EMAIL)


def oauth() -> events.OAuthFlowStarted:
    import uuid

    return events.OAuthFlowStarted(user_id=uuid.UUID(int=1), provider="github", state=STATE)


def everything_on(database: Database, spool: Path) -> bytes:
    """Return all that left the process."""
    rows = database.execute("select data::text from analytics_events")
    rows += database.execute("select payload from analytics_dead_letters")
    files = b"".join(path.read_bytes() for path in spool.iterdir())
    return "".join(row[0] for row in rows).encode() + files


def test_hash_and_drop_are_applied_before_anything_leaves(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    with running("thread", database.dsn, hash_key="key", spool="always", spool_dir=str(tmp_path)) as client:
        client.track(login())
        client.track(oauth())
        client.track(events.AuthLoginAttempt(success="yes", email=EMAIL))  # type: ignore[arg-type]  # a dead letter
        client.track(events.AuthLoginAttempt(success=True, email=EMAIL, error="\0"))  # refused by the server
        assert client.flush(20).pending == 0
        assert balanced(client).dead_lettered == 2
        assert EMAIL.encode() not in everything_on(database, tmp_path)
    expected = hmac.new(b"key", EMAIL.encode(), hashlib.sha256).hexdigest()
    rows = database.execute("select data from analytics_events order by event_type")
    assert [row[0].get("email") for row in rows] == [expected, None]
    assert rows[1][0] == {"type": "oauth_flow_started", "user_id": str(oauth().user_id), "provider": "github"}
    assert STATE.encode() not in everything_on(database, tmp_path)
    assert EMAIL not in caplog.text


def test_without_a_key_nothing_is_stored_and_it_is_said_loudly(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    with running("thread", database.dsn) as client:
        for _ in range(3):
            client.track(login())
        assert client.flush(10).ok
        assert client.stats().unhashed == 3
    assert database.execute("select distinct data from analytics_events") == [
        ({"type": "auth_login_attempt", "success": True},)
    ]
    said = [record for record in caplog.records if "ADI_ANALYTICS_HASH_KEY" in record.message]
    assert [(record.levelname, "email of auth_login_attempt" in record.message) for record in said] == [("ERROR", True)]


def test_a_second_worker_goes_on_counting() -> None:
    client, config = AnalyticsClient.create(**QUICK)
    for _ in range(2):
        with AnalyticsWorker(config, sink=FailingSink()):
            client.track(login())
            assert client.flush(10).ok
    assert client.stats().unhashed == 2


def test_a_spool_holds_no_plain_text(tmp_path: Path) -> None:
    client = AnalyticsClient.connect(
        "host=/nonexistent", **QUICK, spool="always", spool_dir=str(tmp_path), hash_key="k"
    )
    client.track(login())
    client.track(oauth())
    assert client.close(0.1).spooled == 2
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"auth_login_attempt" in content
    assert EMAIL.encode() not in content
    assert STATE.encode() not in content


def test_before_send_changes_and_drops_events(database: Database) -> None:
    from dataclasses import replace

    def before_send(enriched: EnrichedEvent) -> EnrichedEvent | None:
        event: Any = enriched.event
        if event.duration_ms == 1:
            return None
        if event.duration_ms == 2:
            raise RuntimeError("no")
        return replace(enriched, context={"checked": True}, event=replace(event, exit_code=9))

    with running("thread", database.dsn, before_send=before_send) as client:
        for event in tasks(4):
            client.track(event)
        assert client.flush(10).pending == 0
        stats = balanced(client)
        assert stats.dropped_by_reason == {"before_send": 1, "before_send_error": 1}
        assert (stats.delivered, stats.hook_errors) == (2, 1)
    rows = database.execute("select data ->> 'exit_code', meta -> 'context' from analytics_events order by id")
    assert rows == [("9", {"checked": True})] * 2
    assert database.numbers() == [0, 3]


def test_before_send_changes_every_column(database: Database) -> None:
    from dataclasses import replace

    def before_send(enriched: EnrichedEvent) -> EnrichedEvent:
        moment = enriched.timestamp.replace(year=2020)
        changed = {"service": "s2", "hostname": "", "environment": "e2", "timestamp": moment}
        return replace(enriched, **changed)  # type: ignore[arg-type]  # each has its type

    api = {"service": "own", "endpoint": "/", "method": "GET", "duration_ms": 1}
    with running("thread", database.dsn, before_send=before_send, hostname="h", service="s") as client:
        client.track(task(0))
        client.track(events.ApiRequest(**api, status_code=200))  # type: ignore[arg-type]  # each has its type
        client.track(events.ApiRequest(**api, status_code=1))  # type: ignore[arg-type]  # each has its type
        client.track("no event")  # type: ignore[arg-type]  # that is the point
        assert client.flush(10).pending == 0
    columns = "distinct service, {0} ->> 'hostname', {0} ->> 'environment', extract(year from timestamp)::int"
    assert database.execute(f"select {columns.format('meta')} from analytics_events") == [("s2", "", "e2", 2020)]
    meta = "(payload::jsonb -> 'meta')"
    assert database.execute(f"select {columns.format(meta)} from analytics_dead_letters") == [("s2", "", "e2", 2020)]
    assert database.execute("select data ->> 'service' from analytics_events where event_type = 'api_request'") == [
        ("own",)
    ]


@pytest.mark.parametrize("kind", ["exits", "changes the id", "names no service"])
def test_a_wrong_before_send_costs_its_events_only(database: Database, kind: str) -> None:
    from dataclasses import replace

    def before_send(enriched: EnrichedEvent) -> EnrichedEvent:
        event: Any = enriched.event
        if event.duration_ms % 2 == 0:
            return enriched
        if kind == "exits":
            raise SystemExit(1)
        if kind == "names no service":
            return replace(enriched, service=None)  # type: ignore[arg-type]  # that is the point
        return replace(enriched, event_id=str(enriched.event_id))  # type: ignore[arg-type]  # that is the point

    with running("thread", database.dsn, before_send=before_send) as client:
        for event in tasks(10):
            client.track(event)
        assert client.flush(10).pending == 0
        stats = balanced(client)
        assert (stats.delivered, stats.hook_errors) == (5, 5)
        assert stats.dropped_by_reason == {"before_send_error": 5}


def test_what_before_send_drops_is_not_lost(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    with running("thread", database.dsn, before_send=lambda _event: None) as client:
        client.track(task(0))
        result = client.flush(10)
        assert (result.ok, result.dropped) == (True, 0)
        assert balanced(client).dropped_by_reason == {"before_send": 1}
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


def test_a_worker_s_thread_does_not_end_in_silence(caplog: pytest.LogCaptureFixture) -> None:
    from adi_analytics._engine.drivers.thread_runner import ThreadRunner
    from adi_analytics._engine.pipeline import Pipeline

    def fail() -> Any:
        raise SystemExit(1)

    pipeline = Pipeline(Settings())
    runner = ThreadRunner(pipeline, fail)
    assert runner.start()
    assert runner.join(10)
    assert not pipeline.consumer.running
    assert ["not planned" in record.message for record in caplog.records] == [True]


def test_sampling_is_counted_and_its_rate_stored(database: Database) -> None:
    with running("thread", database.dsn, sample_rates={"task_completed": 0.25, "task_started": 0.0}) as client:
        for event in tasks(4000):
            client.track(event)
        client.track(login())
        assert client.flush(10).pending == 0
        stats = balanced(client)
        assert stats.accepted == 4001
        kept = stats.delivered - 1
        assert 800 < kept < 1200
        assert stats.dropped_by_reason == {"sampled": 4000 - kept}
    rates = database.execute("select event_type, meta -> 'sample_rate' from analytics_events group by 1, 2 order by 1")
    assert rows_as_json(rates) == [["auth_login_attempt", None], ["task_completed", 0.25]]


def rows_as_json(rows: list[tuple[Any, ...]]) -> Any:
    return json.loads(json.dumps(rows))


def test_the_switch_turns_tracking_off_and_on(database: Database) -> None:
    with running("thread", database.dsn) as client:
        client.enabled = False
        client.track(task(7))
        assert balanced(client).accepted == 0
        client.enabled = True
        client.track(task(0))
        assert client.flush(10).ok
    database.assert_numbers(1)


def test_a_disabled_client_connects_to_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    monkeypatch.setenv("ADI_ANALYTICS_ENABLED", "false")
    before = threading.active_count()
    with AnalyticsClient.connect("host=/nonexistent") as client:
        assert threading.active_count() == before
        client.track(task(0))
        assert client.stats().accepted == 0


def test_strict_raises_where_the_event_is_tracked() -> None:
    client, _ = AnalyticsClient.create(strict=True)
    with pytest.raises(InvalidEventError, match=r"event api_request: Expected `int` >= 100 - at `\$.status_code`"):
        client.track(events.ApiRequest(service="s", endpoint="/", method="GET", status_code=1, duration_ms=1))
    with pytest.raises(InvalidEventError, match="event str: str is not an event class of a catalog"):
        client.track("task_completed")  # type: ignore[arg-type]  # that is the point
    client.track(task(0))
    assert balanced(client).accepted == 1
    client._pipeline.abandon("shutdown")


def test_context_nests_and_follows_tasks_and_threads(database: Database) -> None:
    import asyncio
    import threading

    async def request(number: int) -> None:
        with analytics_context(request=number):
            await asyncio.sleep(0)
            client.track(task(number))

    async def program() -> None:
        await asyncio.gather(*(request(number) for number in range(5)))

    with running("thread", database.dsn) as client:
        asyncio.run(program())
        with analytics_context(a=1, b=1):
            with analytics_context(b=2):
                client.track(task(5))
            thread = threading.Thread(target=lambda: client.track(task(6)))
            thread.start()
            thread.join()
        client.track(task(7))
        assert client.flush(10).ok
    rows = database.execute("select (data ->> 'duration_ms')::int, meta -> 'context' from analytics_events order by 1")
    assert rows == [
        *((number, {"request": number}) for number in range(5)),
        (5, {"a": 1, "b": 2}),
        (6, None),
        (7, None),
    ]


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


@pytest.mark.parametrize("name", sorted(events.EVENTS))
def test_what_is_stored_is_what_the_catalog_s_own_encoder_writes(name: str) -> None:
    """For every event of the catalog whose values are all kept."""
    import uuid

    import msgspec
    from adi_analytics._engine.rows.encode import RowEncoder
    from adi_analytics._engine.rows.row import Row
    from adi_analytics._engine.rows.validate import decoder_of
    from adi_analytics._shared.options import settings_from

    cls: Any = events.EVENTS[name]
    event = msgspec.convert(_sample(cls), cls)
    row = Row.from_copy(RowEncoder(settings_from({"hash_key": "k"}), decoder_of).encode((event, uuid.uuid4(), 0, None)))
    expected = json.loads(events.to_json(event))
    kept = {key: value for key, value in expected.items() if key not in cls.STORE}
    assert {key: value for key, value in row.data.items() if key not in cls.STORE} == kept
    assert row.event_type == expected["type"] == name


def _sample(cls: Any) -> dict[str, Any]:
    from dataclasses import fields

    values: dict[str, Any] = {"type": cls.EVENT_TYPE}
    for field in fields(cls):
        if "UUID" in str(field.type):
            values[field.name] = "0190a0b4-5c8e-7d10-8f3e-2b6f5d1c9a01"
        elif "int" in str(field.type):
            values[field.name] = 200
        elif "bool" in str(field.type):
            values[field.name] = True
        elif "str" in str(field.type):
            values[field.name] = "text"
    return values
