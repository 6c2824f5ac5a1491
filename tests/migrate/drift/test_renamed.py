"""A relation that somebody renamed is renamed back, with its rows; it is not made anew."""

from __future__ import annotations

import pytest
from adi_analytics import migrate
from support.migrating import Target, execute, insert_events, value
from support.upkeep import force

RELATIONS = {
    "analytics_events": "table",
    "analytics_dead_letters": "table",
    "analytics_task_stats_daily_v1": "stored",
    "analytics_task_stats_daily": "view",
}


@pytest.mark.one_backend
@pytest.mark.parametrize("name", RELATIONS)
def test_a_renamed_relation_gets_its_name_back(migrated: Target, name: str) -> None:
    insert_events(migrated.dsn, 50)
    force(migrated)
    rows = value(migrated.dsn, f"select count(*) from {name}")
    continuous = RELATIONS[name] == "stored" and migrated.backend == "timescaledb"
    kind = "materialized view" if continuous else "view" if RELATIONS[name] == "view" else "table"
    execute(migrated.dsn, f"alter {kind} {name} rename to somewhere_else")

    findings = migrate.drift(migrated.options).findings

    (renamed,) = [finding for finding in findings if finding.actual == "renamed to somewhere_else"]
    assert renamed.fix == f'alter {kind} "public"."somewhere_else" rename to "{name}";'
    assert not [f for f in findings if "create table" in f.fix or "drop" in f.fix or "create or replace" in f.fix]
    execute(migrated.dsn, renamed.fix)
    assert migrate.drift(migrated.options).findings == ()
    assert value(migrated.dsn, f"select count(*) from {name}") == rows


def test_of_two_that_look_the_same_none_is_renamed(migrated_dsn: str) -> None:
    target = Target("postgres", migrated_dsn)
    execute(
        migrated_dsn,
        "alter table analytics_dead_letters rename to one",
        "create table two (like one including identity)",
    )

    findings = migrate.drift(target.options).findings

    assert not [finding for finding in findings if "renamed" in finding.actual]
    assert [finding for finding in findings if finding.object == "table analytics_dead_letters"]
