"""Tracking turned off, sampled, and strict."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from adi_analytics import AnalyticsClient, InvalidEventError, events
from support.runtime import balanced, running, task, tasks
from support.runtime.samples import login

if TYPE_CHECKING:
    from support.runtime import Database


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
