"""The hook that changes and drops events."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from adi_analytics import AnalyticsClient, EnrichedEvent, OptionError, events
from support.runtime import balanced, running, task, tasks

if TYPE_CHECKING:
    from support.runtime import Database


def test_before_send_changes_and_drops_events(database: Database) -> None:
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


@pytest.mark.parametrize("column", ["service", "hostname", "environment"])
def test_a_hook_that_returns_u0000_loses_its_event_only(database: Database, column: str) -> None:
    def hook(enriched: EnrichedEvent) -> EnrichedEvent:
        bad = enriched.event == task(0)
        return replace(enriched, **{column: "a\0b"}) if bad else enriched  # type: ignore[arg-type]  # a text

    with running("thread", database.dsn, before_send=hook) as client:
        for number in range(3):
            client.track(task(number))
        assert client.flush(30).dropped == 1
        stats = balanced(client)
    assert stats.dropped_by_reason["before_send_error"] == 1
    assert stats.dead_lettered == 0
    assert database.numbers() == [1, 2]


@pytest.mark.parametrize("option", ["service", "hostname", "environment", "hash_key", "table"])
def test_an_option_with_u0000_is_refused(option: str) -> None:
    with pytest.raises(OptionError, match="without NUL") as caught:
        AnalyticsClient.create(**{option: "a\0b"})  # type: ignore[arg-type]  # a text
    assert caught.value.option == option
