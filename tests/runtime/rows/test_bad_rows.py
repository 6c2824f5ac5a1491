"""A bad event costs itself, and never its neighbours."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar
from zoneinfo import ZoneInfo

import msgspec
import pytest
from adi_analytics import AnalyticsClient, analytics_context, events
from support.runtime import balanced, running, task, tasks
from support.runtime.samples import error, refused, task_with

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.runtime import Database


COUNT = 300


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
    "nul-in-json": (error("a\0b"), ("application_error", "invalid_event", None)),
    "nul-in-text": (
        events.ApplicationError(service="a\0b", error_type="E", error_message="m"),
        ("application_error", "invalid_event", None),
    ),
    "lone-surrogate": (error("a\ud800b"), ("application_error", "encoding", None)),
    "nan": (task_with(duration_ms=float("nan")), ("task_completed", "invalid_event", None)),
    "nan-in-json": (
        events.ApplicationError(service="s", error_type="E", error_message="m", context={"a": [float("inf")]}),
        ("application_error", "invalid_event", None),
    ),
    "integer-too-large": (task_with(exit_code=10**5000), ("task_completed", "encoding", None)),
    "below-its-bound": (task_with(duration_ms=-1), ("task_completed", "invalid_event", None)),
    "wrong-type": (task_with(exit_code="zero"), ("task_completed", "invalid_event", None)),
    "no-uuid": (task_with(user_id="ada"), ("task_completed", "invalid_event", None)),
    "nested-too-deeply": (
        events.ApplicationError(service="s", error_type="E", error_message="m", context=_nested(100_000)),
        ("application_error", "encoding", None),
    ),
    "unserialisable": (task_with(exit_code=object()), ("task_completed", "encoding", None)),
    "no-event": ({"type": "task_completed"}, ("dict", "invalid_event", None)),
    "hostile": (_Hostile(), ("_Hostile", "invalid_event", None)),
    "odd": (_Odd(), ("odd", "encoding", None)),
    "nan-in-a-tuple": (_context({"a": (1, float("nan"))}), ("application_error", "invalid_event", None)),
    "lazy": (_context({"user": _Lazy()}), ("application_error", "encoding", None)),
    "lazy-event": (_Lazy(), ("_Lazy", "invalid_event", None)),
    "no-policy": (_NoPolicy(), ("_NoPolicy", "invalid_event", None)),
    "unresolvable": (_Unresolvable(), ("_Unresolvable", "invalid_event", None)),
    "lone-surrogate-in-its-type": (_LoneType(), ("_LoneType", "invalid_event", None)),
    "nothing": (None, ("NoneType", "invalid_event", None)),
    "service-too-long-for-an-index": (
        refused(),
        ("application_error", "row_rejected", "54000"),
    ),
}


@pytest.mark.parametrize("name", POISON)
def test_a_bad_event_becomes_a_dead_letter_and_the_others_arrive(database: Database, name: str) -> None:
    poison, letter = POISON[name]
    # The odd class is one of the catalog, so that what is wrong with it is its value.
    known: dict[str, Any] = {**events.EVENTS, "odd": _Odd}
    catalog = replace(events.CATALOG, events=known)
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
        client.track(task_with(exit_code=value), timestamp=moment)
        assert client.flush(30).pending == 0
        assert balanced(client).delivered == (value == 1)
    years = database.execute(
        "select extract(year from \"timestamp\" at time zone 'UTC')::int from analytics_events union all"
        " select extract(year from \"timestamp\" at time zone 'UTC')::int from analytics_dead_letters"
    )
    assert years == [(moment.year,)]


@pytest.mark.parametrize("name", ["service-too-long-for-an-index", "wrong-type"])
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
    database.execute("alter table analytics_events add check (data ->> 'error_message' is distinct from 'bad')")
    with AnalyticsClient.connect(database.dsn, flush_interval=3600, batch_size=10**6) as client:
        for _ in range(5000):
            client.track(error("bad"))
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
                client.track(refused())
        assert client.flush(60).ok
        assert balanced(client).dead_lettered == 20
    database.assert_numbers(2000)


def test_too_large_an_event_is_a_dead_letter(database: Database) -> None:
    with running("thread", database.dsn, max_event_bytes=1000) as client:
        client.track(error("x" * 2000))
        client.track(error("x"))
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
