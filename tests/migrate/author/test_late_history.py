"""A new version, and events that come after the swap and are older than all that was there: each counts once."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from adi_analytics import migrate
from adi_analytics.migrate.errors import UsageError
from adi_analytics.migrate.files.migration import SNAPSHOT_NAME
from support.migrating import (
    Document,
    Project,
    Target,
    connect,
    counted,
    drop_raw,
    execute,
    insert_events,
    shorten_retention,
    truth,
    value,
)

if TYPE_CHECKING:
    from collections.abc import Callable

TASKS = "analytics_task_stats_daily"
TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def second_version(document: Document) -> None:
    aggregate = document["aggregates"][TASKS]
    aggregate["version"] = 2
    aggregate["measures"]["longest_ms"] = {"max": "duration_ms", "where": {"event": "task_completed"}}


def third_version(document: Document) -> None:
    document["aggregates"][TASKS].update(version=3, where={"$service": {"exists": True}})


def with_buckets_of(width: str, version: int) -> Callable[[Document], None]:
    def change(document: Document) -> None:
        refresh = {"every": "1 hour", "window": "21 days", "lag": "1 hour"}
        document["aggregates"][TASKS].update(version=version, bucket={"as": "day", "width": width}, refresh=refresh)

    return change


def created(dsn: str, *ages: int) -> None:
    """Insert one event for each of *ages*, in days, and mark its hour as the worker does."""
    with connect(dsn) as connection:
        for age in ages:
            at = TODAY - timedelta(days=age) + timedelta(hours=1)
            connection.execute(
                'insert into analytics_events ("timestamp", event_type, service, data, event_id)'
                " values (%s, 'task_created', 's', '{}', gen_random_uuid())",
                [at],
            )
            connection.execute(
                "insert into analytics_meta.late_buckets (bucket) values (%s) on conflict (bucket) do nothing",
                [at.replace(minute=0)],
            )


def days(dsn: str) -> dict[int, int]:
    """Return the created tasks by the age of their day."""
    return {(TODAY.replace(tzinfo=None) - day).days: counts[0] for day, counts in counted(dsn).items()}


def housekeep(made: Project, target: Target) -> None:
    migrate.maintain(made.options(target.dsn), forced=True)
    migrate.refresh(options=made.options(target.dsn))


def nothing(made: Project, target: Target) -> None:
    pass


def maintain(made: Project, target: Target) -> None:
    migrate.maintain(made.options(target.dsn), forced=True)


@pytest.mark.parametrize("before", [nothing, maintain], ids=lambda step: step.__name__)
def test_a_version_made_on_an_empty_table_counts_events_of_any_age(
    made: Project, target: Target, before: Callable[[Project, Target], None]
) -> None:
    target.apply(made)
    before(made, target)
    made.edit(second_version)
    made.new("second version")
    made.apply(target.dsn)
    before(made, target)

    insert_events(target.dsn, 600)  # 15 days

    assert counted(target.dsn) == truth(target.dsn)
    housekeep(made, target)
    created(target.dsn, 40, 30)
    housekeep(made, target)
    assert counted(target.dsn) == truth(target.dsn)
    assert migrate.drift(made.options(target.dsn)).findings == ()


def test_events_older_than_the_former_versions_count_once(made: Project, target: Target) -> None:
    """The former version knows the last ten days, all of which are still there."""
    target.apply(made)
    created(target.dsn, 10, 9, 8)
    housekeep(made, target)
    made.edit(second_version)
    made.new("second version")
    made.apply(target.dsn, "pre")
    created(target.dsn, 30)  # between pre and post
    made.apply(target.dsn)
    created(target.dsn, 40, 12, 9)

    housekeep(made, target)

    assert days(target.dsn) == {40: 1, 30: 1, 12: 1, 10: 1, 9: 2, 8: 1}


def test_buckets_that_the_former_version_kept_stay_and_others_are_counted(made: Project, target: Target) -> None:
    """Raw rows are gone: the days that the former version knows are its own, all other days are the new one's."""
    target.apply(made)
    created(target.dsn, 20, 19, 15)
    housekeep(made, target)
    execute(target.dsn, "truncate analytics_events")
    made.edit(second_version)
    made.new("second version")
    made.apply(target.dsn)
    assert days(target.dsn) == {20: 1, 19: 1, 15: 1}

    created(target.dsn, 40, 17, 3)
    housekeep(made, target)

    assert days(target.dsn) == {40: 1, 20: 1, 19: 1, 17: 1, 15: 1, 3: 1}
    made.edit(third_version)
    made.new("third version")
    made.apply(target.dsn)
    created(target.dsn, 50, 18)
    housekeep(made, target)
    assert days(target.dsn) == {50: 1, 40: 1, 20: 1, 19: 1, 18: 1, 17: 1, 15: 1, 3: 1}


def test_buckets_of_another_width_share_no_time_with_kept_ones(made: Project, target: Target) -> None:
    """An hour within a day that the former version kept belongs to that day."""
    target.apply(made)
    created(target.dsn, 20, 15)
    housekeep(made, target)
    execute(target.dsn, "truncate analytics_events")
    made.edit(with_buckets_of("1 hour", 2))
    made.new("hours")
    made.apply(target.dsn)

    created(target.dsn, 40, 17, 15)
    housekeep(made, target)

    assert value(target.dsn, f"select sum(created) from {TASKS}") == 4


def test_wider_buckets_that_are_cut_are_counted_once(made: Project, target: Target) -> None:
    """The week in which the raw rows begin is the former version's, with all of its days."""
    made.edit(with_buckets_of("1 week", 2))
    made.new("weeks")
    target.apply(made)
    created(target.dsn, *range(21))
    housekeep(made, target)
    drop_raw(target, timedelta(days=10))
    shorten_retention(target, 10)

    made.edit(with_buckets_of("1 day", 3))
    made.new("days")
    made.apply(target.dsn)

    assert value(target.dsn, f"select sum(created) from {TASKS}") == 21


def test_views_of_an_earlier_release_are_replaced(made: Project, target: Target) -> None:
    made.edit(second_version)
    made.new("second version")
    snapshot = made.migrations / SNAPSHOT_NAME
    document = json.loads(snapshot.read_text(encoding="utf-8"))
    for entry in document["aggregates"]:
        entry.pop("history_unit")
    snapshot.write_text(json.dumps(document), encoding="utf-8")

    assert made.new("any age").changes == (f"change the views of {TASKS}",)
    assert made.new("again").written == ()

    target.apply(made)
    created(target.dsn, 40)
    assert days(target.dsn) == {40: 1}
    assert migrate.drift(made.options(target.dsn)).findings == ()


def in_zone(version: int, zone: str = "Europe/Berlin", **more: object) -> Callable[[Document], None]:
    def change(document: Document) -> None:
        document["catalog"]["format"] = 2
        document["aggregates"]["berlin_days"] = {
            "description": "By day of Berlin.", "from": ["task_created"], "version": version,
            "bucket": {"as": "day", "width": "1 day", "time_zone": zone}, "measures": {"created": {"count": True}},
            "refresh": {"every": "1 hour", "window": "3 days", "lag": "1 hour"}, **more,
        }  # fmt: skip

    return change


@pytest.mark.parametrize("target", ["postgres"], indirect=True)
def test_days_of_a_time_zone_outlive_their_events_and_stay_days_of_it(made: Project, target: Target) -> None:
    made.edit(in_zone(1))
    made.new("days of Berlin")
    target.apply(made)
    created(target.dsn, 20, 19, 15)
    housekeep(made, target)
    assert migrate.drift(made.options(target.dsn), recount=True, since=TODAY - timedelta(days=18)).findings == ()
    execute(target.dsn, "truncate analytics_events")
    made.edit(in_zone(2, where={"$service": {"exists": True}}))
    made.new("second version")
    made.apply(target.dsn)
    created(target.dsn, 40, 17)
    housekeep(made, target)

    assert value(target.dsn, "select sum(created) from berlin_days") == 5
    assert migrate.drift(made.options(target.dsn), recount=True).findings == ()

    made.edit(in_zone(3, zone="Asia/Kolkata"))
    with pytest.raises(UsageError, match="days of Europe/Berlin and are now days of Asia/Kolkata"):
        made.new("another zone")
    snapshot = made.migrations / SNAPSHOT_NAME
    snapshot.write_text(snapshot.read_text().replace("Europe/Berlin", "Mars/Olympus"))
    doctor = {found.check: found for found in migrate.doctor(made.options(target.dsn))}
    assert "no time zone Mars/Olympus" in doctor["time zones"].found
