"""The kept trailing counts: how a database of an earlier release gets them, and what brings them up to date."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
from adi_analytics import migrate
from support.migrating import Document, Project, Target, execute, insert_events, rows, run, value
from support.paths import EVENTS
from support.traffic import Traffic
from support.upkeep import force

if TYPE_CHECKING:
    from pathlib import Path

USERS = "analytics_daily_active_users"
TRUTH = f"""
    select v.day, (select count(distinct user_id) from analytics_events
                   where "timestamp" >= v.day - interval '144 hours' and "timestamp" < v.day + interval '24 hours'),
           (select count(distinct user_id) from analytics_events
            where "timestamp" >= v.day - interval '696 hours' and "timestamp" < v.day + interval '24 hours')
    from {USERS} v order by 1
"""


def trailing(dsn: str) -> list[tuple[Any, ...]]:
    return rows(dsn, f"select day, weekly_active_users, monthly_active_users from {USERS} order by 1")


def members(dsn: str) -> str:
    """Return the relation of members of the version that is read."""
    query = "select members from analytics_meta.counts join analytics_meta.aggregates using (rollup) where active"
    found: str = value(dsn, f"{query} and aggregate = '{USERS}'")
    return found


def kept(dsn: str) -> int:
    found: int = value(dsn, f"select count(*) from {members(dsn)}_counts")
    return found


def earlier(folder: Path) -> Project:
    """Return a project with the migrations of before trailing counts were kept."""
    made = Project(folder)
    shutil.copytree(EVENTS.parent / "migrations", made.migrations)
    later = {path.name for path in made.migrations.iterdir() if path.is_dir() and path.name[:4] > "0005"}
    for name in later:
        shutil.rmtree(made.migrations / name)
    lock = made.migrations / "migrations.lock"
    lines = [line for line in lock.read_text().splitlines(keepends=True) if line[:4] <= "0005"]
    lock.write_text("".join(lines))
    return made


def test_an_upgrade_keeps_counts_while_people_read_and_write(tmp_path: Path, target: Target) -> None:
    target.apply(earlier(tmp_path))
    insert_events(target.dsn)
    right = rows(target.dsn, TRUTH)
    force(target)  # this release beside the tables of the last one
    assert trailing(target.dsn) == right

    if target.wasm:
        target.apply()
    else:
        with Traffic(target.dsn, USERS) as traffic:
            target.apply()
        assert traffic.errors == []
        assert traffic.reads > 0

    assert trailing(target.dsn) == right
    force(target)
    assert kept(target.dsn) > 40
    assert trailing(target.dsn) == right
    assert run("drift", "--database-url", target.dsn).code == 0


@pytest.mark.one_backend
def test_a_late_row_changes_the_days_of_its_span(migrated: Target) -> None:
    insert_events(migrated.dsn)
    force(migrated)
    before = trailing(migrated.dsn)
    execute(
        migrated.dsn,
        'insert into analytics_events ("timestamp", event_type, service, user_id, data, event_id) select'
        " date_trunc('day', now(), 'UTC') - interval '20 days', 'task_created', 's', gen_random_uuid(), '{}',"
        " gen_random_uuid()",
        "insert into analytics_meta.late_buckets (bucket)"
        " values (date_trunc('day', now(), 'UTC') - interval '20 days')",
    )

    migrate.maintain(migrated.options)

    more = [tuple(a - b for a, b in zip(after[1:], was[1:], strict=True))
            for after, was in zip(trailing(migrated.dsn)[-25:], before[-25:], strict=True)]  # fmt: skip
    assert more == [(0, 0)] * 4 + [(1, 1)] * 7 + [(0, 1)] * 14


@pytest.mark.timescaledb
def test_what_a_refresh_policy_stored_is_noticed(request: pytest.FixtureRequest) -> None:
    migrated = Target("timescaledb", request.getfixturevalue("timescale_migrated_dsn"))
    insert_events(migrated.dsn)
    force(migrated)
    day = "date_trunc('day', now(), 'UTC') - interval '1 day'"
    relation = members(migrated.dsn)
    execute(
        migrated.dsn,
        'insert into analytics_events ("timestamp", event_type, service, user_id, data, event_id)'
        f" select {day}, 'task_created', 's', gen_random_uuid(), '{{}}', gen_random_uuid()",
        f"call refresh_continuous_aggregate('{relation}', now() - interval '3 days', {day} + interval '1 day')",
        "update analytics_meta.counts set counted_at = counted_at - interval '2 hours'",
    )

    migrate.maintain(migrated.options)

    assert value(migrated.dsn, f"select weekly_active_users from {USERS} where day = {day}") == 8


@pytest.mark.one_backend
def test_another_trailing_count_takes_the_place_of_what_was_kept(made: Project, target: Target) -> None:
    target.apply(made)
    insert_events(target.dsn)
    options = made.options(target.dsn, backend=target.options.backend)
    migrate.maintain(options, forced=True)
    execute(target.dsn, f"grant select on {USERS} to public")

    def fortnight(document: Document) -> None:
        measures = document["aggregates"][USERS]["measures"]
        measures["of_14_days"] = {"distinct": "$user_id", "trailing": "14 days"}

    made.edit(fortnight)
    assert made.new().changes == (f"change the views of {USERS}",)
    made.apply(target.dsn, backend=target.options.backend)
    migrate.maintain(options, forced=True)

    assert trailing(target.dsn) == rows(target.dsn, TRUTH)
    assert value(target.dsn, f"select count(of_14_days) from {members(target.dsn)}_counts") > 40
    assert value(target.dsn, f"select count(*) from {USERS} where of_14_days > monthly_active_users") == 0
    assert value(target.dsn, f"select has_table_privilege('public', '{USERS}', 'select')")
    assert [found for found in migrate.drift(options).findings if not found.object.startswith("grant")] == []


@pytest.mark.one_backend
def test_an_erased_user_is_in_no_kept_count(migrated: Target) -> None:
    insert_events(migrated.dsn)
    force(migrated)
    user = value(migrated.dsn, "select md5('3')::uuid::text")
    recent = f"select count(*) from {members(migrated.dsn)}_recent where member = '{user}'"
    assert value(migrated.dsn, recent) == 1

    migrate.erase_user(user, migrated.options)

    assert value(migrated.dsn, recent) == 0
    force(migrated)
    assert value(migrated.dsn, recent) == 0
    assert trailing(migrated.dsn) == rows(migrated.dsn, TRUTH)
    assert max(row[1] for row in trailing(migrated.dsn)) == 6


@pytest.mark.both_editions
def test_what_was_loaded_is_analyzed_before_it_is_counted(migrated: Target) -> None:
    """Without statistics of a large load, the plan of a count expects few rows, and takes hours."""
    execute(
        migrated.dsn,
        'insert into analytics_events ("timestamp", event_type, service, user_id, data, event_id)'
        " select date_trunc('day', now(), 'UTC') - i % 20 * interval '24 hours' - interval '1 hour', 'task_created',"
        """ 's', gen_random_uuid(), '{"type": "task_created"}', gen_random_uuid() from generate_series(1, 12000) i""",
    )
    migrate.refresh(options=migrated.options)
    known = "select reltuples from pg_class where relname = 'analytics_members_daily_v1_known'"
    assert value(migrated.dsn, known) > 1000
    stored = """
        select sum(c.reltuples) from pg_class c
        where c.oid = any (analytics_meta.tables_of('analytics_members_daily_v1')) and c.reltuples > 0
    """
    assert value(migrated.dsn, stored) == 12000


@pytest.mark.one_backend
def test_what_is_kept_is_computed_without_nested_loops(migrated: Target) -> None:
    """Buckets that were just stored are in no statistics: the planner takes their members for one, not for millions."""
    found = rows(
        migrated.dsn,
        "select proname, 'enable_nestloop=off' = any (proconfig) from pg_proc"
        " where prosrc like '%%select * from \\%%1$I.\\%%3$I($1%%'"
        " and proname <> 'refresh_rollup' order by 1",  # which joins nothing
    )
    assert found == [(name, True) for name in ("answer", "count_again", "count_on")]
