"""Changes that make numbers wrong, or will, though every table and view looks as it should."""

from __future__ import annotations

import pytest
from adi_analytics import migrate
from support.backends import migrated_dsn
from support.drifting import ALL, FULL, HYPER, ROLLUPS, Mutation, check
from support.migrating import Target, execute, value

ERRORS = "analytics_errors_hourly_v1"
TASKS = "analytics_task_stats_daily_v1"
LATENCY = "analytics_api_latency_hourly_v1"
LOGINS = "analytics_auth_events_daily_v1"
COCOONS = "analytics_cocoon_activity_daily_v1"
DISTRIBUTION = f"{TASKS}_distribution"
USERS = "analytics_daily_active_users_v1r2_users"
HEALTH = "analytics_integration_health_daily_v1"


def change_view(name: str, definition: str) -> str:
    """Replace a view by what *definition*, an expression over the old definition ``d``, gives."""
    return f"""do $$ declare d text := rtrim(pg_get_viewdef({name}::regclass), ';'); begin
        execute format('create or replace view %s as %s', {name}::regclass, {definition}); end $$"""


def partial(aggregate: str) -> str:
    return f"""(select format('%I.%I', partial_view_schema, partial_view_name)
        from _timescaledb_catalog.continuous_agg where user_view_name = '{aggregate}')"""


def with_stored(aggregate: str, statement: str) -> str:
    """Run *statement* with the table that holds the rows of *aggregate* in the place of ``%s``."""
    return f"""do $$ begin execute (select replace('{statement}', '%s', format('%I.%I', h.schema_name, h.table_name))
        from _timescaledb_catalog.continuous_agg c join _timescaledb_catalog.hypertable h on h.id = c.mat_hypertable_id
        where c.user_view_name = '{aggregate}'); end $$"""


def on_a_chunk(statement: str) -> str:
    """Run *statement* with a chunk of the events in the place of ``%s``."""
    return f"""do $$ begin execute (select format('{statement}', min(inhrelid::regclass::text))
        from pg_inherits where inhparent = 'analytics_events'::regclass); end $$"""


def alter_jobs(kind: str, change: str) -> str:
    return f"select alter_job(job_id, {change}) from timescaledb_information.jobs where proc_name = '{kind}'"


_CHUNK_INDEX = """do $$ begin execute (
    select format('{}', x.indexrelid::regclass) from pg_index x join pg_inherits i on i.inhrelid = x.indrelid
    where i.inhparent = 'analytics_events'::regclass and pg_get_indexdef(x.indexrelid) like '%(service, %' limit 1
); end $$"""


def in_a_bucket(name: str, aggregate: str, statement: str) -> list[Mutation]:
    """Changes of the oldest stored bucket of *aggregate*, which keeps other rows: only a recount finds them."""
    found, plain = f"stored rows of {aggregate}", statement.replace("%s", aggregate)
    return [
        Mutation(name, plain, found, ROLLUPS, events=400, recount=True),
        Mutation(f"materialized_{name}", with_stored(aggregate, statement), found, FULL, events=400, recount=True),
    ]


_IN_A_BUCKET = [
    *in_a_bucket(
        "row_deleted", DISTRIBUTION,
        "delete from %s where (day, magnitude) = (select day, magnitude from %s order by 1, 2 limit 1)",
    ),
    *in_a_bucket(
        "row_changed", LOGINS,
        "update %s set login_attempts = login_attempts + 1 where day = (select min(day) from %s)",
    ),
    Mutation(
        "trailing_count_changed",
        f"update {USERS}_counts set weekly_active_users = 99 where day = (select min(day) from {USERS}_counts)",
        "trailing counts of analytics_daily_active_users",
        ALL,
        events=400,
        recount=True,
    ),
    Mutation(
        "answer_changed",
        "update analytics_members_daily_v1_answers set members = members + 1, new_members = new_members + 1"
        " where bucket = (select min(bucket) from analytics_members_daily_v1_answers)",
        "answers of analytics_members_daily",
        ALL,
        events=400,
        recount=True,
    ),
]  # fmt: skip

# Changes that can be made at once, because none hides another.
GROUPS = {
    "views": [
        Mutation(
            "cagg_counts_twice",
            change_view(f"'{ERRORS}'", "replace(d, 'count(*) AS error_count', '2 * count(*) AS error_count')"),
            f"continuous aggregate {ERRORS}",
            FULL,
        ),
        Mutation(
            "cagg_filters_otherwise",
            change_view(f"'{LOGINS}'", "replace(d, 'auth_token_refresh', 'api_request')"),
            f"continuous aggregate {LOGINS}",
            FULL,
        ),
        Mutation(
            "cagg_without_live_rows",
            change_view(f"'{COCOONS}'", "split_part(d, 'UNION ALL', 1)"),
            f"continuous aggregate {COCOONS}",
            FULL,
        ),
        Mutation(
            "cagg_stores_otherwise",
            change_view(partial(LATENCY), "replace(d, 'count(*) AS row_count', '2 * count(*) AS row_count')"),
            f"continuous aggregate {LATENCY}",
            FULL,
        ),
    ],
    "aggregates": [
        Mutation(
            "cagg_index_dropped",
            with_stored(ERRORS, "drop index %s_hour_idx"),
            f"continuous aggregate {ERRORS}",
            FULL,
        ),
        Mutation(
            "cagg_chunks",
            f"select set_chunk_time_interval('{TASKS}', interval '1 hour')",
            f"continuous aggregate {TASKS}",
            FULL,
        ),
        Mutation(
            "cagg_compressed",
            f"alter materialized view {HEALTH} set (timescaledb.compress = true)",
            f"continuous aggregate {HEALTH}",
            FULL,
        ),
        Mutation(
            "cagg_on_ours",
            f"""create materialized view mine with (timescaledb.continuous) as
            select time_bucket(interval '1 day', hour) as day, sum(error_count) as errors
            from {ERRORS} group by 1 with no data""",
            "continuous aggregate public.mine",
            FULL,
        ),
    ],
    "rows": [
        Mutation(
            "watermark_in_the_future",
            'insert into analytics_events ("timestamp", event_type, service, data, event_id) values'
            " (now() + interval '2 days', 'auth_login_attempt', 's', '{}', gen_random_uuid());;"
            f"call refresh_continuous_aggregate('{LOGINS}', null, null)",
            f"continuous aggregate {LOGINS}",
            FULL,
            events=200,
        ),
        Mutation(
            "stored_rows_deleted",
            f"delete from {TASKS} where day < now() - interval '6 days'",
            f"stored rows of {TASKS}",
            ROLLUPS,
            events=400,
        ),
        Mutation(
            "materialized_rows_deleted",
            with_stored(TASKS, "delete from %s where day < now() - interval ''6 days''"),
            f"stored rows of {TASKS}",
            FULL,
            events=400,
        ),
        *_IN_A_BUCKET,
    ],
    "chunks": [
        Mutation(
            "insert_blocker",
            "create trigger odd before insert on analytics_events for each row"
            " execute function _timescaledb_functions.insert_blocker()",
            "trigger analytics_events.odd",
            FULL,
            events=1,
        ),
        Mutation(
            "chunk_insert_blocker",
            on_a_chunk(
                "create trigger odd_too before insert on %s for each row"
                " execute function _timescaledb_functions.insert_blocker()"
            ),
            "chunk _timescaledb_internal",
            FULL,
            events=1,
        ),
        Mutation(
            "chunk_trigger",
            "create function odd() returns trigger language plpgsql as 'begin return null; end';"
            + on_a_chunk("create trigger odd_three before insert on %s for each row execute function odd()"),
            "chunk _timescaledb_internal",
            FULL,
            events=1,
        ),
        Mutation(
            "chunk_check",
            on_a_chunk("alter table %s add constraint odd check (service <> ''x'')"),
            "chunk _timescaledb_internal",
            FULL,
            events=1,
        ),
        Mutation(
            "chunk_frozen",
            on_a_chunk("select _timescaledb_functions.freeze_chunk(''%s'')"),
            "chunk _timescaledb_internal",
            FULL,
            events=1,
        ),
    ],
    "indexes": [
        Mutation(
            "chunk_index_dropped",
            _CHUNK_INDEX.format("drop index %s"),
            "index analytics_events_service_timestamp_idx",
            HYPER,
            events=1,
        ),
    ],
    "invalid indexes": [
        Mutation(
            "chunk_index_invalid",
            _CHUNK_INDEX.format("update pg_index set indisvalid = false where indexrelid = ''%s''::regclass"),
            "index analytics_events_service_timestamp_idx",
            HYPER,
            events=1,
        ),
    ],
    "jobs": [
        Mutation(
            "job_run_time",
            alter_jobs("retention_job", "max_runtime => interval '1 second'"),
            "retention job of analytics_events",
            FULL,
        ),
        Mutation(
            "job_pause",
            alter_jobs("policy_compression", "retry_period => interval '9 years'"),
            "compression policy of analytics_events",
            FULL,
        ),
        Mutation(
            "job_next_start",
            alter_jobs("policy_refresh_continuous_aggregate", "next_start => now() + interval '10 years'"),
            f"refresh policy of {ERRORS}",
            FULL,
        ),
        Mutation(
            "job_of_a_user",
            "create procedure tidy(job integer, config jsonb) language sql as $$"
            " delete from analytics_events where service = 'x' $$; select add_job('tidy', interval '1 hour')",
            "job ",
            FULL,
        ),
    ],
    "late jobs": [
        Mutation(
            "job_initial_start",
            alter_jobs("retention_job", "fixed_schedule => true, initial_start => now() + interval '10 years'"),
            "retention job of analytics_events",
            FULL,
        ),
        Mutation(
            "job_retries",
            alter_jobs("policy_compression", "max_retries => 0"),
            "compression policy of analytics_events",
            FULL,
        ),
    ],
    "rights": [
        Mutation(
            "function_owner",
            "grant all on schema analytics_meta to {other};"
            " alter function analytics_meta.span(interval) owner to {other}",
            "function analytics_meta.span",
            ALL,
        ),
        Mutation(
            "rows_function_owner",
            f"alter function {ERRORS}_rows(timestamptz, timestamptz) owner to {{other}}",
            f"function public.{ERRORS}_rows",
            ROLLUPS,
        ),
        Mutation(
            "execute_revoked",
            "revoke execute on all functions in schema analytics_meta from public",
            "grant on function analytics_meta",
            ALL,
        ),
        Mutation(
            "event_trigger",
            "create function odd() returns event_trigger language plpgsql as 'begin end';"
            " create event trigger odd on ddl_command_start execute function odd()",
            "event trigger odd",
            ALL,
        ),
    ],
}

CASES = [
    pytest.param(
        backend, group, id=f"{backend}-{group}", marks=[] if backend == "postgres" else [pytest.mark.timescaledb]
    )
    for backend in ALL
    for group, mutations in GROUPS.items()
    if any(backend in mutation.backends for mutation in mutations)
]


@pytest.mark.parametrize(("backend", "group"), CASES)
def test_each_change_is_found_and_mended(backend: str, group: str, request: pytest.FixtureRequest) -> None:
    mutations = [mutation for mutation in GROUPS[group] if backend in mutation.backends]
    check(Target(backend, migrated_dsn(backend, request)), *mutations)


@pytest.mark.timescaledb
@pytest.mark.parametrize("statement", ["drop trigger {} on analytics_events", "drop trigger {} on %s"])
def test_a_trigger_that_notices_rows_is_missed(statement: str, timescale_migrated_dsn: str) -> None:
    noticed = "select count(*) from pg_trigger where tgname = 'ts_cagg_invalidation_trigger'"
    if not value(timescale_migrated_dsn, noticed):
        pytest.skip("TimescaleDB 2.23 and newer notice rows without triggers")
    statement = statement.format("ts_cagg_invalidation_trigger")
    late = (
        'insert into analytics_events ("timestamp", event_type, service, data, event_id)'
        " select now() - interval '6 days', 'task_created', 's', '{}', gen_random_uuid() from generate_series(1, 3)"
    )
    check(
        Target("timescaledb", timescale_migrated_dsn),
        Mutation(
            "trigger",
            f"{on_a_chunk(statement) if '%s' in statement else statement};{late}",
            "trigger analytics_events.ts_cagg_invalidation_trigger",
            FULL,
            events=400,
        ),
    )


def test_of_a_definition_the_lines_that_differ_are_shown(migrated_dsn: str) -> None:
    name = "'analytics_errors_hourly'"
    execute(migrated_dsn, change_view(name, "replace(d, 'service,', 'service || service as service,')"))

    (finding,) = migrate.drift(migrate.Options(database_url=migrated_dsn)).findings

    assert (finding.expected, finding.actual) == (
        "definition: service,",
        "definition: (service || service) AS service,",
    )


@pytest.mark.timescaledb
def test_a_job_has_one_finding(timescale_migrated_dsn: str) -> None:
    execute(
        timescale_migrated_dsn,
        alter_jobs("retention_job", "scheduled => false, schedule_interval => interval '900 days', max_retries => 1"),
    )

    (finding,) = migrate.drift(migrate.Options(database_url=timescale_migrated_dsn)).findings

    assert finding.expected == "scheduled, runs at least every 1 day, 0:00:00, is tried again until it succeeds"
