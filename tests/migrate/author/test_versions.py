"""A changed aggregate, while people read and write, and with rows that only the old version still has."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from adi_analytics import migrate
from support.migrating import (
    Document,
    Project,
    Target,
    connect,
    counted,
    drop_raw,
    execute,
    insert_events,
    rows,
    shorten_retention,
    truth,
    value,
)
from support.traffic import Traffic

TASKS = "analytics_task_stats_daily"


def second_version(document: Document) -> None:
    aggregate = document["aggregates"][TASKS]
    aggregate["version"] = 2
    aggregate["measures"]["longest_ms"] = {"max": "duration_ms", "where": {"event": "task_completed"}}


def add_user_measure(document: Document) -> None:
    aggregate = document["aggregates"]["analytics_daily_active_users"]
    aggregate["version"] = 2
    aggregate["measures"]["services"] = {"distinct": "$service"}


def test_rows_older_than_the_raw_ones_are_kept(made: Project, target: Target) -> None:
    target.apply(made)
    insert_events(target.dsn, 2000)  # 51 days
    migrate.maintain(made.options(target.dsn), forced=True)
    migrate.refresh(options=made.options(target.dsn))
    before = counted(target.dsn)
    assert before == truth(target.dsn)
    drop_raw(target, timedelta(days=20))
    shorten_retention(target, 20)
    assert min(truth(target.dsn)) > min(before)
    assert counted(target.dsn) == before

    made.edit(second_version)
    made.new("second version")
    made.apply(target.dsn)

    assert counted(target.dsn) == before
    longest = dict(rows(target.dsn, f"select day at time zone 'UTC', longest_ms from {TASKS}"))
    assert longest[min(longest)] is None  # the old version never knew
    assert any(number is not None for number in longest.values())

    _delete_and_mend(made, target, f"{TASKS}_v2_history")
    assert counted(target.dsn) == before

    # Neither housekeeping nor another version takes them away.
    migrate.maintain(made.options(target.dsn), forced=True)
    migrate.refresh(options=made.options(target.dsn))
    assert counted(target.dsn) == before
    third: Any = lambda document: document["aggregates"][TASKS].update(version=3, where={"$user_id": {"exists": True}})  # noqa: E731 - one line is enough
    made.edit(third)
    made.new("third version")
    made.apply(target.dsn)
    made.new("tidy", drop_retired=True)
    made.apply(target.dsn, allow_destructive=True)
    assert counted(target.dsn) == before


def _delete_and_mend(made: Project, target: Target, kept: str) -> None:
    """Delete a row of the version before and let drift bring it back, while that version is there."""
    if target.backend != "postgres":  # the same statements on each
        return
    (count,) = rows(target.dsn, f"select count(*) from {kept}")
    execute(target.dsn, f"delete from {kept} where day = (select min(day) from {kept})")
    lost, _shorter_retention = migrate.drift(made.options(target.dsn), recount=True).findings
    assert lost.object == f"kept rows {kept}"
    execute(target.dsn, lost.fix)
    assert rows(target.dsn, f"select count(*) from {kept}") == [count]


USERS = (
    "select day, active_users, weekly_active_users, monthly_active_users from analytics_daily_active_users order by 1"
)


def users_of_rows_that_are_gone(made: Project, target: Target) -> list[tuple[Any, ...]]:
    """Count the users of 2000 events, and drop the raw rows that are older than 20 days."""
    target.apply(made)
    insert_events(target.dsn, 2000)
    migrate.maintain(made.options(target.dsn), forced=True)
    migrate.refresh(options=made.options(target.dsn))
    counted_users = rows(target.dsn, USERS)
    drop_raw(target, timedelta(days=20))
    shorten_retention(target, 20)
    return counted_users


def test_trailing_counts_stay_right_after_a_swap(made: Project, target: Target) -> None:
    """Users of days whose raw rows are gone still count in the trailing 30 days, and in those to come."""
    before = users_of_rows_that_are_gone(made, target)

    made.edit(add_user_measure)
    made.new("services")
    made.apply(target.dsn)

    assert rows(target.dsn, USERS) == before
    # A user of today joins those of the days before, also of days that only the old version knew.
    execute(
        target.dsn,
        'insert into analytics_events ("timestamp", event_type, service, user_id, data, event_id)'
        " values (now(), 'task_created', 's', gen_random_uuid(), '{}', gen_random_uuid())",
    )
    (*_, last) = rows(target.dsn, USERS)
    assert last[3] == before[-1][3] + 1
    _delete_and_mend(made, target, "analytics_daily_active_users_v2_users_history")
    execute(target.dsn, "update analytics_meta.storage set retention = '90 days'")
    assert migrate.drift(made.options(target.dsn)).findings == ()


def count_more_users(document: Document) -> None:
    aggregate = document["aggregates"]["analytics_daily_active_users"]
    aggregate["version"] = 2
    for name in ("weekly_active_users", "monthly_active_users"):
        aggregate["measures"][name]["where"] = {"event": "task_created"}


def test_trailing_counts_of_other_users_keep_the_old_ones_for_a_span(made: Project, target: Target) -> None:
    before = users_of_rows_that_are_gone(made, target)

    made.edit(count_more_users)
    made.new("other users")
    made.apply(target.dsn)

    # All days are there: the new definition has not seen 30 days yet, so finished days are the old version's.
    assert [row[0] for row in rows(target.dsn, USERS)] == [row[0] for row in before]
    assert rows(target.dsn, USERS)[:-1] == before[:-1]


def test_a_young_table_is_computed_anew(made: Project, target: Target) -> None:
    """Nothing is gone yet, so no row of the old version is needed, and days to come are seen."""
    target.apply(made)
    insert_events(target.dsn, 200)
    migrate.maintain(made.options(target.dsn), forced=True)
    made.edit(count_more_users)
    made.new("other users")
    made.apply(target.dsn)

    fresh = truth(target.dsn)
    assert len(rows(target.dsn, USERS)) == len(fresh)
    assert value(
        target.dsn, "select bool_and(monthly_active_users <= active_users + 7) from analytics_daily_active_users"
    )
    assert value(target.dsn, "select count(*) from analytics_daily_active_users_v2_history") == 0


def test_without_raw_rows_the_old_version_is_kept(made: Project, target: Target) -> None:
    target.apply(made)
    insert_events(target.dsn, 500)
    migrate.maintain(made.options(target.dsn), forced=True)
    last_stored = datetime.now(UTC).replace(tzinfo=None) - timedelta(days=1, hours=1)
    before = {day: counts for day, counts in counted(target.dsn).items() if day <= last_stored}
    execute(target.dsn, "truncate analytics_events")

    made.edit(second_version)
    made.new("second version")
    made.apply(target.dsn)

    assert counted(target.dsn) == before
    insert_events(target.dsn, 1)
    assert len(counted(target.dsn)) == len(before) + 1


def test_a_new_version_alone_computes_everything_afresh(made: Project, target: Target) -> None:
    """What mends an aggregate that was damaged, though its definition is right."""
    target.apply(made)
    insert_events(target.dsn, 200)
    migrate.maintain(made.options(target.dsn), forced=True)
    made.edit(lambda document: document["aggregates"][TASKS].update(version=2))

    result = made.new()
    made.apply(target.dsn)

    assert result.changes == (f"rebuild {TASKS} (version 1 to 2)",)
    assert counted(target.dsn) == truth(target.dsn)
    query = "select rollup from analytics_meta.aggregates where active and aggregate = %s"
    assert value(target.dsn, query, TASKS) == f"{TASKS}_v2"
    assert migrate.drift(made.options(target.dsn)).findings == ()
    assert made.new().written == ()


def test_a_new_version_alone_follows_one_that_replaced_views_only(made: Project) -> None:
    def longer(document: Document) -> None:
        aggregate = document["aggregates"]["analytics_daily_active_users"]
        aggregate["version"] = 2
        aggregate["measures"]["weekly_active_users"]["trailing"] = "8 days"

    made.edit(longer)
    assert made.new().changes == ("change the views of analytics_daily_active_users",)
    assert made.new().written == ()
    made.edit(lambda document: document["aggregates"]["analytics_daily_active_users"].update(version=3))

    assert made.new().changes == ("rebuild analytics_daily_active_users (version 1 to 3)",)


def test_readers_and_writers_notice_nothing(made: Project, target: Target) -> None:
    if target.wasm:
        pytest.skip("the WASM server has one session: readers and writers would see each other's transactions")
    target.apply(made)
    insert_events(target.dsn)
    migrate.maintain(made.options(target.dsn), forced=True)
    days = len(counted(target.dsn))
    made.edit(second_version)
    made.new("second version")

    with Traffic(target.dsn, TASKS) as traffic:
        made.apply(target.dsn)

    assert traffic.errors == []
    assert traffic.reads > 0
    assert traffic.written > 0
    assert traffic.fewest >= days
    assert counted(target.dsn) == truth(target.dsn)


def test_a_backfill_that_was_cut_off_goes_on(made: Project, target: Target) -> None:
    target.apply(made)
    insert_events(target.dsn)
    made.edit(second_version)
    made.new("second version")
    seen: list[tuple[str, int, int]] = []

    class CutOff:
        def waiting(self, holder: str) -> None: ...

        def step(self, what: str) -> None: ...

        def advance(self, what: str, done: int, total: int) -> None:
            seen.append((what, done, total))
            if len(seen) == 20:
                raise KeyboardInterrupt

    with suppress(KeyboardInterrupt):
        made.apply(target.dsn, progress=CutOff())
    assert value(target.dsn, "select status from analytics_meta.backfills where relation like '%_v2'") == "running"
    assert counted(target.dsn) == truth(target.dsn)

    result = made.apply(target.dsn)

    (filled,) = result.backfills
    assert filled.rollup == f"{TASKS}_v2"
    total = seen[0][2]
    assert 0 < filled.buckets < total
    assert value(target.dsn, "select buckets from analytics_meta.backfills where relation like '%_v2'") == total
    assert counted(target.dsn) == truth(target.dsn)


def test_events_that_come_during_the_fill_are_counted(made: Project, target: Target) -> None:
    target.apply(made)
    insert_events(target.dsn)
    migrate.maintain(made.options(target.dsn), forced=True)
    made.edit(second_version)
    made.new("second version")
    late = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=10)

    class Late:
        done = False

        def waiting(self, holder: str) -> None: ...

        def step(self, what: str) -> None: ...

        def advance(self, what: str, done: int, total: int) -> None:
            # The fill goes from new to old: its tenth day has just been passed.
            if done > 12 and not self.done:
                self.done = True
                with connect(target.dsn) as connection:
                    connection.execute(
                        'insert into analytics_events ("timestamp", event_type, service, data, event_id)'
                        " values (%s, 'task_created', 'late', '{}', gen_random_uuid()),"
                        " (now() - interval '5 minutes', 'task_created', 'late', '{}', gen_random_uuid())",
                        [late],
                    )
                    connection.execute("insert into analytics_meta.late_buckets (bucket) values (%s)", [late])

    progress = Late()
    made.apply(target.dsn, progress=progress)
    assert progress.done
    migrate.maintain(made.options(target.dsn), forced=True)

    assert counted(target.dsn) == truth(target.dsn)
