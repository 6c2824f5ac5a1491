"""Databases that were not made by this tool: the predecessor's, and those without a record."""

from __future__ import annotations

import dataclasses

import pytest
from adi_analytics import migrate
from adi_analytics.migrate import HistoryError, UsageError
from support.migrating import Target, counted, execute, rows, run, truth, value
from support.paths import ROOT

# The predecessor's two migrations.
TABLE = """
create table analytics_events (
    id bigserial,
    timestamp timestamptz not null default now(),
    event_type varchar(100) not null,
    service varchar(50) not null default 'platform',
    user_id uuid,
    data jsonb not null default '{}',
    primary key (id, timestamp)
);
create index idx_analytics_events_user on analytics_events (user_id, timestamp desc);
create index idx_analytics_events_type on analytics_events (event_type, timestamp desc);
create index idx_analytics_events_data on analytics_events using gin (data);
"""
HYPERTABLE = "select create_hypertable('analytics_events', 'timestamp', migrate_data => true)"
AGGREGATE = """
create {materialized} view analytics_task_stats_daily {options} as
select {bucket} as day, count(*) filter (where event_type = 'task_created') as created,
    avg((data->>'duration_ms')::bigint) as avg_duration_ms
from analytics_events where event_type in ('task_created', 'task_completed') group by 1 {tail}
"""
# Real rows are ragged.
ROWS = """
insert into analytics_events (timestamp, event_type, service, user_id, data)
select now() - g * interval '53 minutes',
    (array['task_created', 'task_completed', 'api_request'])[1 + g % 3],
    case when g % 5 = 0 then '' else 'platform' end,
    case when g % 4 > 0 then md5((g % 9)::text)::uuid end,
    case g % 6 when 0 then '{"duration_ms": "soon"}' when 1 then '[1, 2]' when 2 then '"text"' when 3 then 'null'
        else jsonb_build_object('type', 'x', 'duration_ms', g, 'note', repeat('é', g % 30)) end
from generate_series(1, 3000) g
"""

MIGRATIONS = sorted(path.name for path in (ROOT / "migrations").glob("[0-9]*"))


def predecessor(target: Target, count: int = 3000) -> None:
    """Make the predecessor's database with *count* rows: 27 of them are a day."""
    statements = [*filter(None, TABLE.split(";\n")), ROWS.replace("3000", str(count))]
    if target.backend == "postgres":
        view = AGGREGATE.format(materialized="materialized", options="", bucket="date_trunc('day', timestamp)", tail="")
    else:
        statements.append(HYPERTABLE)
        view = AGGREGATE.format(
            materialized="materialized", options="with (timescaledb.continuous)",
            bucket="time_bucket('1 day', timestamp)", tail="with no data",
        )  # fmt: skip
        view = view.replace("avg((data->>'duration_ms')::bigint) as avg_duration_ms", "count(*) as n")
    if target.backend == "postgres":
        view = view.replace("avg((data->>'duration_ms')::bigint) as avg_duration_ms", "count(*) as n")
    execute(target.dsn, *statements, view)


def test_a_database_of_the_predecessor_keeps_its_rows(target: Target) -> None:
    predecessor(target)
    assert run("all", "--database-url", target.dsn, *_forced(target)).code == 1

    result = migrate.adopt(target.options)

    assert (result.copied, result.rows) == (3000, 3000)
    assert result.renamed["analytics_events"] == "analytics_events_original"
    assert result.renamed["analytics_task_stats_daily"] == "analytics_task_stats_daily_original"
    assert migrate.drift(target.options).findings == ()
    assert counted(target.dsn) == truth(target.dsn)
    assert sum(row[0] for row in counted(target.dsn).values()) == 1000  # those older than the retention, too
    query = """select count(*) from analytics_events n join analytics_events_original o
        on o.id = (n.meta ->> 'original_id')::bigint and o.timestamp = n.timestamp and o.event_type = n.event_type
        and n.service = coalesce(nullif(o.service, ''), 'unknown') and n.user_id is not distinct from o.user_id
        and (n.data @> o.data or n.data -> 'value' = o.data)"""
    assert value(target.dsn, query) == 3000
    assert value(target.dsn, "select count(*) from analytics_events where jsonb_typeof(data) <> 'object'") == 0


class Watched:
    """Counts the steps of an adoption, and looks at TimescaleDB's policies while rows are copied."""

    def __init__(self, dsn: str, *, policies: bool = False) -> None:
        self._dsn = dsn
        self._policies = policies
        self.steps = 0
        self.jobs: set[tuple[str, bool]] = set()

    def waiting(self, holder: str) -> None: ...

    def step(self, what: str) -> None: ...

    def advance(self, what: str, done: int, total: int) -> None:
        self.steps += 1
        if done == 1 and what.startswith("copy") and self._policies:
            self.jobs = jobs(self._dsn)


def jobs(dsn: str) -> set[tuple[str, bool]]:
    """Return for each of our policies what it works on, and whether it runs."""
    query = """select coalesce(c.user_view_name, j.hypertable_name)::text, j.scheduled
        from timescaledb_information.jobs j
        left join _timescaledb_catalog.continuous_agg c on c.mat_hypertable_id = (j.config ->> 'mat_hypertable_id')::int
        where j.hypertable_name is not null"""
    return {(name, runs) for name, runs in rows(dsn, query)}


@pytest.mark.timescaledb
def test_policies_wait_for_an_adoption(timescale_dsn: str) -> None:
    """They would drop rows before these are copied, and chunks before their rows are counted."""
    target = Target("timescaledb", timescale_dsn)
    predecessor(target, 1000)
    execute(
        timescale_dsn,
        "select add_retention_policy('analytics_events', interval '30 days')",
        "select add_continuous_aggregate_policy('analytics_task_stats_daily', interval '9 days', interval '1 hour',"
        " interval '1 hour')",
    )
    watched = Watched(timescale_dsn, policies=True)

    migrate.adopt(migrate.Options(database_url=timescale_dsn, progress=watched))

    assert {runs for _, runs in watched.jobs} == {False}
    assert {name for name, _ in watched.jobs} > {"analytics_events", "analytics_events_original"}
    asleep = {name for name, runs in jobs(timescale_dsn) if not runs}
    assert asleep == {"analytics_events_original", "analytics_task_stats_daily_original"}
    assert migrate.drift(target.options).findings == ()


@pytest.mark.one_backend
def test_a_stray_row_does_not_cost_decades_of_days(target: Target) -> None:
    predecessor(target, 600)
    for day in ("1969-07-20", "1971-07-26"):
        execute(target.dsn, f"insert into analytics_events (timestamp, event_type) values ('{day} 13:34+00', 'odd')")
    watched = Watched(target.dsn)

    result = migrate.adopt(dataclasses.replace(target.options, progress=watched))

    assert result.rows == 602
    assert watched.steps < 1000  # and not 20 000 days for each aggregate
    assert counted(target.dsn) == truth(target.dsn)


def _forced(target: Target) -> list[str]:
    return ["--backend", "timescaledb_apache"] if target.backend == "timescaledb_apache" else []


def test_an_adoption_can_be_repeated(migrated_dsn: str, postgres_dsn: str) -> None:
    target = Target("postgres", postgres_dsn)
    predecessor(target)

    class CutOff:
        def waiting(self, holder: str) -> None: ...

        def step(self, what: str) -> None: ...

        def advance(self, what: str, done: int, total: int) -> None:
            if what.startswith("copy") and done == 30:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        migrate.adopt(migrate.Options(database_url=postgres_dsn, progress=CutOff()))
    assert 0 < value(postgres_dsn, "select count(*) from analytics_events") < 3000

    ended = run("baseline", "--adopt", "--database-url", postgres_dsn)

    assert ended.code == 0
    assert "all 3000 rows of the old table are in the new one" in ended.out
    assert migrate.adopt(target.options).copied == 0
    assert counted(postgres_dsn) == truth(postgres_dsn)
    assert migrate.drift(target.options).findings == ()


def test_rows_that_cannot_be_copied_are_told(postgres_dsn: str) -> None:
    predecessor(Target("postgres", postgres_dsn))
    execute(postgres_dsn, "insert into analytics_events (timestamp, event_type) values ('infinity', 'odd')")

    ended = run("baseline", "--adopt", "--database-url", postgres_dsn)

    assert ended.code == 5
    assert "1 of 3001 rows" in ended.err
    execute(postgres_dsn, "delete from analytics_events_original where timestamp = 'infinity'")
    assert run("baseline", "--adopt", "--database-url", postgres_dsn).code == 0


def test_only_the_predecessors_table_is_adopted(postgres_dsn: str) -> None:
    options = migrate.Options(database_url=postgres_dsn)
    with pytest.raises(HistoryError, match="no table analytics_events of the predecessor"):
        migrate.adopt(options)
    execute(postgres_dsn, "create table analytics_events (name text)")
    with pytest.raises(HistoryError, match="lacks the columns data, event_type, id, timestamp"):
        migrate.adopt(options)


@pytest.mark.one_backend
def test_a_lost_record_is_written_again(migrated: Target) -> None:
    execute(migrated.dsn, "delete from analytics_meta.migrations")
    assert run("status", "--check", "--database-url", migrated.dsn).code == 3

    result = migrate.baseline(migrated.options)

    assert list(result.recorded) == MIGRATIONS
    assert run("status", "--check", "--database-url", migrated.dsn).code == 0
    assert {row[0] for row in rows(migrated.dsn, "select status from analytics_meta.migrations")} == {"baselined"}
    assert run("all", "--database-url", migrated.dsn).code == 0


@pytest.mark.parametrize("lost", [1, 3, 5])
def test_a_lost_row_of_the_record_is_written_again(migrated_dsn: str, lost: int) -> None:
    """`all` can't make what is there; what it advises does write the row, and nothing is dropped."""
    where = ("--database-url", migrated_dsn)
    execute(migrated_dsn, f"delete from analytics_meta.migrations where number = {lost}")
    assert run("drift", *where).code != 0
    ended = run("all", *where)
    if ended.code != 0:  # a file that only makes what is not there can be run again
        assert "analytics-migrate baseline" in ended.err
        assert "rop the existing" not in ended.err
        assert run("baseline", *where).code == 0
    assert value(migrated_dsn, "select count(*) from analytics_meta.migrations") == len(MIGRATIONS)
    assert run("drift", *where).code == 0


def test_a_migration_that_is_pending_is_not_recorded(postgres_dsn: str) -> None:
    where = ("--database-url", postgres_dsn)
    assert run("pre", *where).code == 3  # the first file only
    ended = run("baseline", *where)
    assert ended.code == 5
    assert "nothing was recorded" in ended.err
    assert value(postgres_dsn, "select count(*) from analytics_meta.migrations") == 1


def test_a_baseline_is_refused_when_something_differs(migrated_dsn: str) -> None:
    execute(
        migrated_dsn, "delete from analytics_meta.migrations", "alter table analytics_events drop column meta cascade"
    )

    with pytest.raises(HistoryError, match=r"column analytics_events\.meta"):
        migrate.baseline(migrate.Options(database_url=migrated_dsn))

    assert value(migrated_dsn, "select count(*) from analytics_meta.migrations") == 0


def test_a_baseline_of_an_empty_or_recorded_database_is_refused(postgres_dsn: str, migrated_dsn: str) -> None:
    assert run("baseline", "--database-url", postgres_dsn).code == 5
    assert value(postgres_dsn, "select to_regnamespace('analytics_meta')") is None
    ended = run("baseline", "--database-url", migrated_dsn)
    assert ended.code == 5
    assert "already has a record" in ended.err


def test_a_baseline_of_a_part_must_be_wanted(migrated_dsn: str) -> None:
    execute(migrated_dsn, "delete from analytics_meta.migrations")
    options = migrate.Options(database_url=migrated_dsn)
    with pytest.raises(UsageError, match="is not known"):
        migrate.baseline(options, through=1)
    with pytest.raises(UsageError, match="no migration 99"):
        migrate.baseline(options, through=99)

    assert migrate.baseline(options, through=1, unchecked=True).recorded == ("0001_pre_create_analytics_events",)


def advice(dsn: str) -> str:
    return {entry.check: entry for entry in migrate.doctor(migrate.Options(database_url=dsn))}["migrations"].remedy


def test_doctor_of_the_predecessors_database_names_the_way(postgres_dsn: str) -> None:
    assert "analytics-migrate all" in advice(postgres_dsn)
    predecessor(Target("postgres", postgres_dsn))
    assert "analytics-migrate baseline --adopt" in advice(postgres_dsn)

    assert run("all", "--database-url", postgres_dsn).code == 1  # it leaves its empty record behind

    assert "analytics-migrate baseline --adopt" in advice(postgres_dsn)
    execute(postgres_dsn, "alter table analytics_events rename to analytics_events_original")  # an adoption broke off
    assert "analytics-migrate baseline --adopt" in advice(postgres_dsn)


def test_no_remedy_leads_in_a_circle(postgres_dsn: str, migrated_dsn: str) -> None:
    """What a command advises is what the database needs, and works."""
    empty = run("baseline", "--database-url", postgres_dsn)
    assert (empty.code, "analytics-migrate all" in empty.err) == (5, True)
    execute(migrated_dsn, "delete from analytics_meta.migrations")
    assert "analytics-migrate baseline`" in advice(migrated_dsn)
    assert "analytics-migrate baseline`" in run("drift", "--database-url", migrated_dsn).out
    assert "analytics-migrate baseline`" in run("baseline", "--adopt", "--database-url", migrated_dsn).err
    assert run("baseline", "--database-url", migrated_dsn).code == 0
    assert "analytics-migrate all" in run("maintain", "--database-url", postgres_dsn).err
    execute(migrated_dsn, "drop table analytics_dead_letters")
    told = run("dead-letters", "--database-url", migrated_dsn)
    assert "analytics-migrate drift" in told.err
    assert 'create table "analytics_dead_letters"' in run("drift", "--database-url", migrated_dsn).out
