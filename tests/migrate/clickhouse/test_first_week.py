"""The week that 1970 begins in begins in 1969: its events are counted as those of any other."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support.clickhouse.migrating import Small

START = datetime(1970, 1, 1, tzinfo=UTC)
WEEKS = "select week, views from pages_weekly order by week"


@pytest.fixture
def weekly(small: Small) -> Small:
    """The small catalog with an aggregate by week."""
    hourly = small.document["aggregates"]["pages_hourly"]
    small.document["aggregates"]["pages_weekly"] = {
        "description": "Pages by week.",
        "from": ["page_view"],
        "bucket": {"as": "week", "width": "7 days"},
        "measures": {"views": {"count": True}},
        "refresh": hourly["refresh"] | {"window": "30 days"},
    }
    assert small.new("-m", "weeks").code == 0
    assert small.run("all").code == 0
    return small


def test_events_that_come_late_are_counted_before_they_are_dropped(weekly: Small) -> None:
    weekly.insert(START)
    assert weekly.run("refresh").code == 0
    weekly.insert(START.replace(day=3))

    assert weekly.run("refresh").code == 0

    counted = [["1969-12-29 00:00:00.000000", 2]]
    assert weekly.ask(WEEKS) == counted
    assert weekly.run("maintain", "--format", "json").json["expired"] == 1
    assert weekly.value("select count() from web_events") == 0
    assert weekly.value("select toString(max(before)) from analytics_meta_expired") == "1970-01-05 00:00:00.000000"
    weekly.insert(START.replace(day=2))  # too late: the others of its week are gone
    assert weekly.run("refresh").code == 0
    assert weekly.ask(WEEKS) == counted
