"""Checks what only TimescaleDB has: chunks, continuous aggregates, policies and compression."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, LiteralString

from adi_analytics._shared.sql import interval, literal, quote
from adi_analytics.migrate.author.statements import DELETE_RETENTION_JOB
from adi_analytics.migrate.drift.describe import Description
from adi_analytics.migrate.drift.findings import Finding, show
from adi_analytics.migrate.files.manifest import Aggregate, Manifest
from adi_analytics.migrate.files.statements import Compression, Policy
from adi_analytics.migrate.server.backend import Database
from adi_analytics.migrate.server.connection import Connection, fetch_value

# The user's SELECT is kept in the direct view; the public one unions stored and raw rows.
_DEFINITIONS: Final[LiteralString] = """
select c.user_view_name::text, pg_get_viewdef(v.oid)
from _timescaledb_catalog.continuous_agg c
join pg_catalog.pg_namespace n on n.nspname = c.direct_view_schema
join pg_catalog.pg_class v on v.relnamespace = n.oid and v.relname = c.direct_view_name
where c.user_view_schema = %s
"""

_AGGREGATES: Final[LiteralString] = """
select c.user_view_name::text, c.materialized_only, m.oid, exists (
    select from pg_catalog.pg_depend d
    join pg_catalog.pg_rewrite r on r.oid = d.objid
    where d.classid = 'pg_rewrite'::regclass and d.refobjid = m.oid and r.ev_class = v.oid
)
from _timescaledb_catalog.continuous_agg c
join _timescaledb_catalog.hypertable h on h.id = c.mat_hypertable_id
join _timescaledb_catalog.hypertable raw on raw.id = c.raw_hypertable_id
left join pg_catalog.pg_class m
    on m.relname = h.table_name and m.relnamespace = to_regnamespace(quote_ident(h.schema_name))
left join pg_catalog.pg_class v
    on v.relname = c.user_view_name and v.relnamespace = to_regnamespace(quote_ident(c.user_view_schema))
where raw.schema_name = %s and raw.table_name = %s
"""

_JOBS: Final[LiteralString] = """
select j.job_id, j.proc_name::text,
       coalesce(c.user_view_name, j.hypertable_name, (select table_name from analytics_meta.storage))::text,
       j.scheduled, j.schedule_interval, (j.config ->> 'start_offset')::interval, (j.config ->> 'end_offset')::interval,
       (j.config ->> 'compress_after')::interval, (j.config ->> 'drop_after')::interval,
       -- after failures TimescaleDB waits for up to five intervals
       j.next_start > now() + 10 * greatest(j.schedule_interval, interval '1 day') as postponed,
       nullif(j.owner::text, (
           select nspowner::regrole::text from pg_catalog.pg_namespace where nspname = 'analytics_meta'
       )) as stranger
from timescaledb_information.jobs j
left join _timescaledb_catalog.hypertable h
    on h.schema_name = j.hypertable_schema and h.table_name = j.hypertable_name
left join _timescaledb_catalog.continuous_agg c on c.mat_hypertable_id = h.id
where j.proc_name in (
        'policy_refresh_continuous_aggregate', 'policy_compression', 'policy_retention', 'policy_reorder'
    )
    and (c.user_view_schema = %(schema)s or j.hypertable_schema = %(schema)s)
    or j.proc_schema = 'analytics_meta' and j.proc_name = 'retention_job'
order by j.job_id
"""


def use_definitions(connection: Connection, database: Database, live: Description) -> None:
    """Put the SELECT of each continuous aggregate in the place of the view that unions it with raw rows."""
    for name, definition in connection.execute(_DEFINITIONS, (database.schema,)):
        entry = live.objects.get(f"view {name}")
        if entry is not None:
            entry["definition"] = definition


def hypertable(connection: Connection, database: Database, snapshot: Manifest) -> Iterator[Finding]:
    """Yield a table that is no hypertable, or chunks of another length."""
    table = snapshot.storage.table
    found = fetch_value(
        connection,
        "select time_interval from timescaledb_information.dimensions"
        " where hypertable_schema = %s and hypertable_name = %s and column_name = 'timestamp'",
        database.schema,
        table,
    )
    expected = timedelta(seconds=snapshot.storage.chunk_interval)
    if found is None:
        yield Finding(
            "error", f"table {table}", "a hypertable over timestamp", "a plain table",
            f"select create_hypertable({literal(table)}, 'timestamp', migrate_data => true);",
        )  # fmt: skip
    elif found != expected:
        yield Finding(
            "warning", f"hypertable {table}", f"chunk interval: {expected}", f"chunk interval: {found}",
            f"select set_chunk_time_interval({literal(table)}, {interval(snapshot.storage.chunk_interval)});",
        )  # fmt: skip


def aggregates(connection: Connection, database: Database, snapshot: Manifest) -> Iterator[Finding]:
    """Yield aggregates that are no continuous ones, were replaced by another view, or belong to nobody."""
    found = {
        row[0]: row[1:] for row in connection.execute(_AGGREGATES, (database.schema, snapshot.storage.table)).fetchall()
    }
    for entry in [*snapshot.aggregates, *snapshot.retired]:
        for relation in entry.relations:
            state = found.pop(relation.name, None)
            yield from _one(relation.name, state, entry)
    for name in sorted(found):
        yield Finding(
            "warning", f"continuous aggregate {name}", "absent", f"reads {snapshot.storage.table}, not in the catalog",
            f"drop materialized view {quote(database.schema)}.{quote(name)};", "Or describe it in events.yaml.",
        )  # fmt: skip


def _one(name: str, state: tuple[Any, ...] | None, entry: Aggregate) -> Iterator[Finding]:
    place = f"continuous aggregate {name}"
    rebuild = f"Raise the version of {entry.name} in events.yaml and let `analytics-migrate new` rebuild it."
    if state is None:
        yield Finding("error", place, "present", "no continuous aggregate of that name", advice=rebuild)
        return
    materialized_only, materialization, reads_it = state
    if materialized_only:
        yield Finding(
            "error", place, "materialized_only: no", "materialized_only: yes (rows of today are missing)",
            f"alter materialized view {name} set (timescaledb.materialized_only = false);",
        )  # fmt: skip
    if materialization is None or not reads_it:
        yield Finding(
            "error",
            place,
            "reads its own stored rows",
            "the view was replaced and reads something else",
            advice=rebuild,
        )


@dataclass(frozen=True, slots=True)
class _Job:
    kind: str
    settings: tuple[timedelta | None, ...]

    def words(self) -> str:
        settings = zip(_SETTINGS[self.kind], self.settings, strict=True)
        return ", ".join(f"{name} {show(value)}" for name, value in settings) or "present"


_REFRESH: Final = "policy_refresh_continuous_aggregate"
_PROCEDURES: Final = {"refresh": _REFRESH, "compression": "policy_compression", "retention": "retention_job"}
_SETTINGS: Final = {
    _REFRESH: ("every", "window", "lag"),
    "policy_compression": ("after",),
    "policy_retention": ("after",),
    "policy_reorder": (),
    "retention_job": (),
}
_WORDS: Final = {
    _REFRESH: "refresh policy",
    "policy_compression": "compression policy",
    "policy_retention": "retention policy",
    "policy_reorder": "reorder policy",
    "retention_job": "retention job",
}
_REMOVALS: Final = {
    _REFRESH: "remove_continuous_aggregate_policy",
    "policy_compression": "remove_compression_policy",
}


_LONGEST: Final = timedelta(days=1)  # TimescaleDB's own interval for what only looks for old chunks


def policies(connection: Connection, database: Database, snapshot: Manifest) -> Iterator[Finding]:
    """Yield policies that are missing, differ, are there twice, paused or unknown."""
    wanted = _wanted(snapshot)
    seen: dict[tuple[str, str], list[int]] = {}
    for job, kind, target, scheduled, every, start, end, compress, drop, postponed, stranger in connection.execute(
        _JOBS, {"schema": database.schema}
    ):
        place = f"{_WORDS[kind]} of {target}"
        expected = wanted.get((kind, target))
        seen.setdefault((kind, target), []).append(job)
        if expected is None:
            yield Finding("warning", place, "absent", f"job {job}", f"select delete_job({job});")
            continue
        spans = {_REFRESH: (every, start, end), "policy_compression": (compress,), "policy_retention": (drop,)}
        found = _Job(kind, spans.get(kind, ()))
        repair = _repair(kind, expected)
        if found != _job(kind, expected):
            yield Finding("error", place, _job(kind, expected).words(), f"{found.words()} (job {job})", repair)
        if stranger:
            yield Finding("warning", place, "run by the owner of the tables", f"run by {stranger} (job {job})", repair)
        rare = kind != _REFRESH and every > max(_LONGEST, timedelta(seconds=snapshot.storage.chunk_interval))
        yield from _runs(place, job, scheduled=scheduled, late=postponed or rare)
    for key, expected in wanted.items():
        kind, target = key
        jobs = seen.get(key, [])
        if not jobs:
            place = f"{_WORDS[kind]} of {target}"
            yield Finding("error", place, _job(kind, expected).words(), "missing", _repair(kind, expected))
        for job in jobs[1:]:
            place = f"{_WORDS[kind]} of {target}"
            yield Finding("error", place, "one", f"another one: job {job}", f"select delete_job({job});")


def _runs(place: str, job: int, *, scheduled: bool, late: bool) -> Iterator[Finding]:
    """Yield a job that does not run, or hardly ever."""
    if not scheduled:
        yield Finding(
            "error", place, "scheduled", f"paused (job {job})", f"select alter_job({job}, scheduled => true);"
        )
    if late:
        fix = f"select alter_job({job}, next_start => now(), schedule_interval => least(schedule_interval, '1 day'))"
        fix += f" from timescaledb_information.jobs where job_id = {job};"
        yield Finding("error", place, f"runs at least every {_LONGEST}", f"runs later (job {job})", fix)


def _wanted(snapshot: Manifest) -> dict[tuple[str, str], Policy]:
    """Return the policies of the catalog, by TimescaleDB's procedure and what it works on."""
    statements = [entry for entry in snapshot.storage_ddl["timescaledb"].policies if isinstance(entry, Policy)]
    for aggregate in snapshot.aggregates:
        statements += aggregate.policies("timescaledb")
    return {(_PROCEDURES[entry.policy], entry.object): entry for entry in statements}


def _job(kind: str, policy: Policy) -> _Job:
    return _Job(kind, tuple(timedelta(seconds=policy.spans[name]) for name in _SETTINGS[kind]))


def _repair(kind: str, policy: Policy) -> str:
    """Return statements that set a policy right: removed first, because adding over another one is ignored."""
    if kind == "retention_job":
        return f"{DELETE_RETENTION_JOB}; {policy.sql};"
    return f"select {_REMOVALS[kind]}({literal(quote(policy.object))}, if_exists => true); {policy.sql};"


def compression(connection: Connection, database: Database, snapshot: Manifest) -> Iterator[Finding]:
    """Yield other compression settings than the catalog's."""
    settings = [entry for entry in snapshot.storage_ddl["timescaledb"].policies if isinstance(entry, Compression)]
    for wanted in settings:  # without any, chunks that were compressed before stay so, and keep the settings
        yield from _compression(connection, database, wanted)


def _compression(connection: Connection, database: Database, wanted: Compression) -> Iterator[Finding]:
    expected = {
        "segmentby": [(column, True) for column in wanted.segment_by],
        "orderby": [(order.column, not order.descending) for order in wanted.order_by],
    }
    rows = connection.execute(
        "select attname::text, segmentby_column_index, orderby_column_index, orderby_asc"
        " from timescaledb_information.compression_settings where hypertable_schema = %s and hypertable_name = %s"
        " order by segmentby_column_index, orderby_column_index",
        (database.schema, wanted.object),
    ).fetchall()
    found = {
        "segmentby": [(row[0], True) for row in rows if row[1] is not None],
        "orderby": [(row[0], bool(row[3])) for row in rows if row[2] is not None],
    }
    for key, columns in expected.items():
        if columns != found[key]:
            yield Finding(
                "error", f"compression of {wanted.object}", f"{key}: {_listed(columns)}",
                f"{key}: {_listed(found[key])}", f"{wanted.sql};",
            )  # fmt: skip


def _listed(columns: list[tuple[str, bool]]) -> str:
    return ", ".join(name if ascending else f"{name} desc" for name, ascending in columns) or "none"
