"""Poison: rows that the server or the encoder refuses are found, kept aside, and the others arrive."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar
from zoneinfo import ZoneInfo

import msgspec
import psycopg
import pytest
from adi_analytics import AnalyticsClient, analytics_context, events
from support.runtime import Proxy, balanced, running, settled, task, tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from support.runtime import Database

_USER = uuid.UUID(int=5)
COUNT = 300


def _task(**values: Any) -> Any:
    fields = {"task_id": uuid.UUID(int=1), "user_id": _USER, "duration_ms": 1, "exit_code": 0, **values}
    return events.TaskCompleted(**fields)


def _error(text: Any) -> Any:
    return events.ApplicationError(service="s", error_type="E", error_message=text)


class _Hostile:
    def __getattribute__(self, name: str) -> object:
        raise RuntimeError(name)


@dataclass
class _Odd:
    """Looks like an event, and fails when it is read."""

    EVENT_TYPE: ClassVar[str] = "odd"
    EVENT_VERSION: ClassVar[int] = 1
    USER_ID_FIELD: ClassVar[None] = None
    SERVICE_FIELD: ClassVar[str] = "service"
    STORE: ClassVar[dict[str, str]] = {}
    text: str = "x"

    @property
    def service(self) -> str:
        raise RuntimeError("no")


class _Lazy:
    """Like a proxy outside of its request: even `isinstance` raises."""

    @property  # type: ignore[misc]  # as proxies have it, though a class says otherwise
    def __class__(self) -> Any:
        raise RuntimeError("outside of a request")


@dataclass
class _NoPolicy:
    EVENT_TYPE: ClassVar[str] = "no_policy"
    text: str = "secret"


@dataclass
class _Unresolvable(_Odd):
    other: Nowhere = 1  # type: ignore[name-defined]  # noqa: F821 - that is the point


@dataclass
class _LoneType(_Odd):
    EVENT_TYPE: ClassVar[str] = "\ud800"


def _context(value: Any) -> Any:
    return events.ApplicationError(service="s", error_type="E", error_message="m", context=value)


def _nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth):
        value = {"a": value}
    return value


# What is tracked, and how its dead letter says what was wrong: type of event, reason, SQLSTATE.
POISON: dict[str, tuple[Any, tuple[str, str, str | None]]] = {
    "nul-in-json": (_error("a\0b"), ("application_error", "row_rejected", "22P05")),
    "nul-in-text": (
        events.ApplicationError(service="a\0b", error_type="E", error_message="m"),
        ("application_error", "row_rejected", "22021"),
    ),
    "lone-surrogate": (_error("a\ud800b"), ("application_error", "encoding", None)),
    "nan": (_task(duration_ms=float("nan")), ("task_completed", "encoding", None)),
    "nan-in-json": (
        events.ApplicationError(service="s", error_type="E", error_message="m", context={"a": [float("inf")]}),
        ("application_error", "encoding", None),
    ),
    "integer-too-large": (_task(exit_code=10**5000), ("task_completed", "encoding", None)),
    "below-its-bound": (_task(duration_ms=-1), ("task_completed", "invalid_event", None)),
    "wrong-type": (_task(exit_code="zero"), ("task_completed", "invalid_event", None)),
    "no-uuid": (_task(user_id="ada"), ("task_completed", "invalid_event", None)),
    "nested-too-deeply": (
        events.ApplicationError(service="s", error_type="E", error_message="m", context=_nested(100_000)),
        ("application_error", "encoding", None),
    ),
    "unserialisable": (_task(exit_code=object()), ("task_completed", "encoding", None)),
    "no-event": ({"type": "task_completed"}, ("dict", "invalid_event", None)),
    "hostile": (_Hostile(), ("_Hostile", "invalid_event", None)),
    "odd": (_Odd(), ("odd", "encoding", None)),
    "nan-in-a-tuple": (_context({"a": (1, float("nan"))}), ("application_error", "encoding", None)),
    "lazy": (_context({"user": _Lazy()}), ("application_error", "encoding", None)),
    "lazy-event": (_Lazy(), ("_Lazy", "invalid_event", None)),
    "no-policy": (_NoPolicy(), ("_NoPolicy", "invalid_event", None)),
    "unresolvable": (_Unresolvable(), ("_Unresolvable", "invalid_event", None)),
    "lone-surrogate-in-its-type": (_LoneType(), ("_LoneType", "invalid_event", None)),
    "nothing": (None, ("NoneType", "invalid_event", None)),
    "service-too-long-for-an-index": (
        events.ApplicationError(service=uuid.uuid4().hex * 1000, error_type="E", error_message="m"),
        ("application_error", "row_rejected", "54000"),
    ),
}


@pytest.mark.parametrize("name", POISON)
def test_a_bad_event_becomes_a_dead_letter_and_the_others_arrive(database: Database, name: str) -> None:
    poison, letter = POISON[name]
    if name == "service-too-long-for-an-index":
        poison = events.ApplicationError(service=_random_text(), error_type="E", error_message="m")
    # The odd class is one of the catalog, so that what is wrong with it is its value.
    catalog = replace(events.CATALOG, events={**events.EVENTS, "odd": _Odd})
    with running("thread", database.dsn, catalog=catalog) as client:
        for position in (0, COUNT // 2, COUNT):
            for event in tasks(COUNT // 2, start=position) if position < COUNT else ():
                client.track(event)
            client.track(poison)
        assert client.flush(30).ok
        stats = balanced(client)
        assert (stats.delivered, stats.dead_lettered, stats.pending) == (COUNT, 3, 0)
    database.assert_numbers(COUNT)
    assert database.letters() == [letter] * 3
    for (payload,) in database.execute("select payload from analytics_dead_letters"):
        assert payload.isascii()
        assert json.loads(payload)["event_type"] == letter[0]


@pytest.mark.parametrize("make", [_Lazy, lambda: msgspec.Raw(b"{"), lambda: msgspec.Raw(b"9" * 6000)])
def test_a_bad_context_costs_its_event_only(database: Database, make: Callable[[], object]) -> None:
    poison = make()
    with running("thread", database.dsn) as client:
        with analytics_context(user=poison):
            client.track(task(0))
        client.track(task(0))
        assert client.flush(30).pending == 0
        stats = balanced(client)
        assert stats.delivered + stats.dead_lettered == 2
        assert stats.delivered >= 1


@pytest.mark.parametrize("value", [1, "no number"])
@pytest.mark.parametrize(
    "moment",
    [
        datetime.min.replace(tzinfo=ZoneInfo("Europe/Berlin")),
        datetime.max.replace(tzinfo=ZoneInfo("America/New_York")),
    ],
)
def test_moments_outside_of_utc_s_years_count_as_the_first_or_the_last(
    database: Database, moment: datetime, value: Any
) -> None:
    with running("thread", database.dsn) as client:
        client.track(_task(exit_code=value), timestamp=moment)
        assert client.flush(30).pending == 0
        assert balanced(client).delivered == (value == 1)
    years = database.execute(
        "select extract(year from \"timestamp\" at time zone 'UTC')::int from analytics_events union all"
        " select extract(year from \"timestamp\" at time zone 'UTC')::int from analytics_dead_letters"
    )
    assert years == [(moment.year,)]


def _random_text() -> str:
    return "".join(uuid.uuid4().hex for _ in range(1000))  # does not compress to what an index takes


@pytest.mark.parametrize("name", ["nul-in-json", "wrong-type"])
def test_first_last_and_only(database: Database, name: str, kind: str) -> None:
    poison, letter = POISON[name]
    with running(kind, database.dsn) as client:
        for batch in ([poison, *tasks(50)], [*tasks(50, start=50), poison], [poison]):
            for event in batch:
                client.track(event)
            assert client.flush(30).ok
            balanced(client)
    database.assert_numbers(100)
    assert database.letters() == [letter] * 3


@pytest.mark.slow
def test_a_batch_of_nothing_but_bad_rows_comes_to_an_end(database: Database) -> None:
    with AnalyticsClient.connect(database.dsn, flush_interval=3600, batch_size=10**6) as client:
        for _ in range(5000):
            client.track(_error("\0"))
        client.track(task(0))
        assert client.flush(120).ok
        stats = balanced(client)
        assert (stats.delivered, stats.dead_lettered) == (1, 5000)
    assert len(database.letters()) == 5000


def test_many_bad_rows_among_good_ones(database: Database, kind: str) -> None:
    with running(kind, database.dsn) as client:
        for number, event in enumerate(tasks(2000)):
            client.track(event)
            if number % 100 == 0:
                client.track(_error("\0"))
        assert client.flush(60).ok
        assert balanced(client).dead_lettered == 20
    database.assert_numbers(2000)


def test_the_server_is_asked_about_a_row_before_it_is_set_aside(database: Database) -> None:
    """A server whose message names the wrong line, as a translated or changed one might, costs no event."""
    from adi_analytics._engine.delivery import attempt

    named = attempt.named_line
    try:
        attempt.named_line = lambda error, table: 1  # always the first
        with running("thread", database.dsn) as client:
            for event in [*tasks(100), _error("\0"), *tasks(100, start=100)]:
                client.track(event)
            assert client.flush(30).ok
            assert balanced(client).dead_lettered == 1
    finally:
        attempt.named_line = named
    database.assert_numbers(200)


def test_a_check_constraint_and_a_trigger_refuse_rows(database: Database) -> None:
    database.execute("alter table analytics_events add check ((data ->> 'duration_ms')::int is distinct from 3)")
    database.execute(
        "create function refuse() returns trigger language plpgsql as $$ begin"
        " if new.data ->> 'duration_ms' = '7' then raise 'no'; end if; return new; end $$"
    )
    database.execute("create trigger refuse before insert on analytics_events for each row execute function refuse()")
    with running("thread", database.dsn) as client:
        for event in tasks(10):
            client.track(event)
        assert client.flush(30).ok
        balanced(client)
    assert database.numbers() == [0, 1, 2, 4, 5, 6, 8, 9]
    assert sorted(letter[2] or "" for letter in database.letters()) == ["23514", "P0001"]


def test_another_unique_constraint_does_not_swallow_rows(database: Database) -> None:
    """Only the same event is a harmless duplicate; a user's own unique constraint refuses."""
    database.execute("create table other (number text primary key)")
    database.execute(
        "create function once() returns trigger language plpgsql as $$ begin"
        " insert into other values (new.data ->> 'exit_code'); return new; end $$"
    )
    database.execute("create trigger once before insert on analytics_events for each row execute function once()")
    with running("thread", database.dsn) as client:
        for event in [_task(duration_ms=0, exit_code=1), _task(duration_ms=1, exit_code=2), _task(exit_code=1)]:
            client.track(event)
        assert client.flush(30).ok
        stats = balanced(client)
        assert (stats.delivered, stats.dead_lettered, stats.duplicates) == (2, 1, 0)
    assert database.letters() == [("task_completed", "row_rejected", "23505")]


def test_the_same_batch_twice_is_there_once(database: Database, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from adi_analytics import client as module

    fixed = iter([uuid.UUID(int=number) for number in range(100)] * 2)
    monkeypatch.setattr(module, "_uuid7", lambda: next(fixed))
    monkeypatch.setattr(module, "_now", lambda: 1_800_000_000_000_000_000)
    with running(kind, database.dsn) as client:
        for _ in range(2):
            for event in tasks(100):
                client.track(event)
            assert client.flush(30).ok
        stats = balanced(client)
        assert (stats.delivered, stats.duplicates) == (200, 100)
    database.assert_numbers(100)


def test_twice_in_one_batch_is_there_once(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    from adi_analytics import client as module

    monkeypatch.setattr(module, "_uuid7", lambda: uuid.UUID(int=1))
    monkeypatch.setattr(module, "_now", lambda: 1_800_000_000_000_000_000)
    with running("thread", database.dsn) as client:
        client.track(task(0))
        client.track(task(0))
        assert client.flush(30).ok
        assert balanced(client).duplicates == 1
    database.assert_numbers(1)


@pytest.mark.parametrize(
    ("breakage", "state"),
    [
        (("analytics_events rename to elsewhere", "elsewhere rename to analytics_events"), "42P01"),
        (("analytics_events rename meta to other", "analytics_events rename other to meta"), "42703"),
    ],
    ids=["missing-table", "missing-column"],
)
def test_events_wait_for_a_mended_schema(
    database: Database, breakage: tuple[str, str], state: str, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    wrong, right = breakage
    database.execute(f"alter table {wrong}")
    with running(kind, database.dsn) as client:
        for event in tasks(200):
            client.track(event)
        stats = settled(client, lambda stats: stats.retries >= 2)
        assert (stats.pending, stats.last_error) == (200, state)
        assert [record.levelname for record in caplog.records if state in record.message] == ["ERROR"]
        database.execute(f"alter table {right}")
        assert client.flush(30).ok
        assert balanced(client).delivered == 200
    database.assert_numbers(200)
    assert database.letters() == []


@pytest.fixture
def writer(database: Database) -> Iterator[str]:
    """A role without any right but to connect."""
    role = f"writer_{uuid.uuid4().hex}"
    database.execute(f"create role {role} login")
    yield role
    database.execute(f"drop owned by {role}")
    database.execute(f"drop role {role}")


def grant_all(database: Database, writer: str, *, key: bool = True) -> None:
    """What `analytics-migrate` grants to a writer; on TimescaleDB without the right to read the *key*."""
    database.execute(f"grant usage on schema analytics_meta to {writer}")
    database.execute(f"grant insert on analytics_events to {writer}")
    if key:
        database.execute(f'grant select ("timestamp", event_id) on analytics_events to {writer}')
    database.execute(f"grant select, insert on analytics_dead_letters to {writer}")
    database.execute(f"grant select, insert, update on analytics_meta.late_buckets to {writer}")


def test_events_wait_for_a_granted_right(database: Database, writer: str) -> None:
    with running("thread", psycopg.conninfo.make_conninfo(database.dsn, user=writer)) as client:
        for event in tasks(10):
            client.track(event)
        assert settled(client, lambda stats: stats.retries >= 1).last_error == "42501"
        grant_all(database, writer)
        assert client.flush(30).ok
        assert balanced(client).delivered == 10
    database.assert_numbers(10)


@pytest.mark.parametrize("key", [True, False], ids=["key", "no-key"])
@pytest.mark.parametrize("temporary", [True, False], ids=["temporary-tables", "no-temporary-tables"])
def test_the_rights_of_a_writer_are_enough(database: Database, writer: str, *, temporary: bool, key: bool) -> None:
    """For new, duplicate, bad and late rows; even where a role may make no temporary tables, or only insert."""
    grant_all(database, writer, key=key)
    if not temporary:
        name = psycopg.conninfo.conninfo_to_dict(database.dsn)["dbname"]
        database.execute(f'revoke temporary on database "{name}" from public')
    with (
        Proxy(psycopg.conninfo.make_conninfo(database.dsn, user=writer)) as proxy,
        running("thread", proxy.dsn) as client,
    ):
        proxy.cut_after_commit(1)
        for event in tasks(200):
            client.track(event)
        assert client.flush(30).ok
        client.track(_error("\0"))
        client.track(task(200), timestamp=datetime.now(UTC) - timedelta(days=3))
        assert client.flush(30).pending == 0
        stats = balanced(client)
        assert (stats.delivered, stats.duplicates, stats.dead_lettered) == (201, 200, 1)
    database.assert_numbers(201)
    assert database.letters() == [("application_error", "row_rejected", "22P05")]
    assert database.execute("select count(*) from analytics_meta.late_buckets") == [(1,)]


def test_without_temporary_tables_another_unique_constraint_still_refuses(database: Database, writer: str) -> None:
    grant_all(database, writer)
    name = psycopg.conninfo.conninfo_to_dict(database.dsn)["dbname"]
    database.execute(f'revoke temporary on database "{name}" from public')
    database.execute("create table other (number text primary key)")
    database.execute(f"grant insert on other to {writer}")
    database.execute(
        "create function once() returns trigger language plpgsql as $$ begin"
        " insert into other values (new.data ->> 'exit_code'); return new; end $$"
    )
    database.execute("create trigger once before insert on analytics_events for each row execute function once()")
    with running("thread", psycopg.conninfo.make_conninfo(database.dsn, user=writer)) as client:
        for event in [_task(duration_ms=0, exit_code=1), _task(duration_ms=1, exit_code=2), _task(exit_code=1)]:
            client.track(event)
        assert client.flush(30).ok
        assert (balanced(client).delivered, balanced(client).dead_lettered) == (2, 1)
    assert database.letters() == [("task_completed", "row_rejected", "23505")]


def test_dead_letters_go_to_the_file_when_their_table_is_missing(database: Database, tmp_path: Path) -> None:
    database.execute("drop table analytics_dead_letters")
    path = tmp_path / "deep" / "letters.jsonl"
    with running("thread", database.dsn, dead_letter_file=str(path)) as client:
        client.track(_error("\0"))
        client.track(task(0))
        assert client.flush(30).ok
        stats = balanced(client)
        assert (stats.delivered, stats.dead_lettered) == (1, 1)
    (line,) = path.read_text().splitlines()
    assert json.loads(json.loads(line)["payload"])["data"]["error_message"] == "\0"
    assert path.stat().st_mode & 0o077 == 0


def test_a_dead_letter_that_nobody_takes_is_counted_as_lost(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    database.execute("drop table analytics_dead_letters")
    (tmp_path / "file").write_text("not a directory")
    with running("thread", database.dsn, dead_letter_file=str(tmp_path / "file" / "letters.jsonl")) as client:
        client.track(_error("secret\0"))
        assert not client.flush(30).ok
        assert balanced(client).dropped_by_reason == {"dead_letter_failed": 1}
    assert any("lost an event of type application_error" in record.message for record in caplog.records)
    assert "secret" not in caplog.text


def test_too_large_an_event_is_a_dead_letter(database: Database) -> None:
    with running("thread", database.dsn, max_event_bytes=1000) as client:
        client.track(_error("x" * 2000))
        client.track(_error("x"))
        assert client.flush(30).ok
        assert balanced(client).dead_lettered_by_reason == {"too_large": 1}


def test_a_context_that_is_no_json_is_a_dead_letter_without_its_values(database: Database) -> None:
    with running("thread", database.dsn) as client:
        with analytics_context(user=object()):
            client.track(task(0))
        assert client.flush(30).ok
        assert balanced(client).dead_lettered_by_reason == {"encoding": 1}
    ((payload,),) = database.execute("select payload from analytics_dead_letters")
    assert json.loads(payload)["meta"]["context"] == {"user": {"$unserialisable": "object"}}
