"""Percentiles by longer buckets come by a migration, and stay those of the shorter ones."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from adi_analytics import migrate
from support.backends import BACKENDS, empty_dsn
from support.migrating import Document, Target, drop_raw, execute, insert_events, project, rows, shorten_retention

if TYPE_CHECKING:
    from pathlib import Path

LATENCY = "analytics_api_latency_hourly"
DISTRIBUTIONS = """
select {day} as day, service, estimate, sum(row_count) from {view}_distribution
where 'p95_duration_ms' = any (measures) group by 1, 2, 3 order by 1, 2, 3
"""
HOURLY = DISTRIBUTIONS.format(day="date_trunc('day', hour, 'UTC')", view=LATENCY)
DAILY = DISTRIBUTIONS.format(day="day", view=f"{LATENCY}_by_day")


def alike(dsn: str) -> int:
    """Check that the days have what their hours have, and return how many rows there are."""
    found = rows(dsn, DAILY)
    assert found == rows(dsn, HOURLY)
    return len(found)


def only_latency(document: Document) -> None:
    document["catalog"]["format"] = 2
    document["aggregates"] = {LATENCY: document["aggregates"][LATENCY]}
    for section in ("entities", "retention", "funnels", "suppressions"):
        del document[section]


def with_days(document: Document) -> None:
    document["aggregates"][LATENCY]["percentiles"] = {"rollup": "day", "dimensions": ["service"]}


@pytest.mark.parametrize("backend", BACKENDS)
def test_days_follow_their_hours(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    target = Target(backend, empty_dsn(backend, request))
    made = project(tmp_path / "project", only_latency)
    target.apply(made)
    insert_events(target.dsn, 400)  # of ten days
    options = made.options(target.dsn, backend=target.options.backend)
    migrate.refresh(options=options)
    made.edit(with_days)
    assert made.new("days").changes == (f"create {LATENCY}_by_day",)
    target.apply(made)
    before = alike(target.dsn)
    assert before > 50

    late = json.dumps({"duration_ms": 77777, "endpoint": "/x", "method": "GET", "status_code": 200})
    execute(
        target.dsn,
        'insert into analytics_events ("timestamp", event_type, service, data, event_id)'
        f" select now() - d * interval '1 day', 'api_request', 's', '{late}', gen_random_uuid()"
        " from generate_series(0, 9, 3) d",
        "insert into analytics_meta.late_buckets (bucket)"
        " select date_trunc('hour', now() - d * interval '1 day', 'UTC') from generate_series(0, 9, 3) d",
    )
    migrate.maintain(options, forced=True)
    after = alike(target.dsn)
    assert after > before

    shorten_retention(target, 5)
    drop_raw(target, timedelta(days=5))
    migrate.maintain(options, forced=True)
    assert alike(target.dsn) == after
    found: list[Any] = [one for one in migrate.drift(options).findings if one.object != "row of analytics_meta.storage"]
    assert found == []
