"""Checks TimescaleDB's jobs: our policies, and what others let run on our tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, LiteralString

from adi_analytics._shared.sql import literal, quote
from adi_analytics.migrate.author.statements import DELETE_RETENTION_JOB
from adi_analytics.migrate.drift.check_rights import ours
from adi_analytics.migrate.drift.findings import Finding, show
from adi_analytics.migrate.files.manifest import Manifest
from adi_analytics.migrate.files.statements import Policy
from adi_analytics.migrate.server.backend import Database
from adi_analytics.migrate.server.connection import Connection, fetch_named

_JOBS: Final[LiteralString] = """
select j.job_id as job, j.proc_name::text as kind,
       coalesce(c.user_view_name, j.hypertable_name, (select table_name from analytics_meta.storage))::text as target,
       j.scheduled, j.schedule_interval as every, (j.config ->> 'start_offset')::interval as window,
       (j.config ->> 'end_offset')::interval as lag,
       coalesce(j.config ->> 'compress_after', j.config ->> 'drop_after')::interval as after,
       j.max_runtime, j.max_retries, j.retry_period,
       -- after failures TimescaleDB waits for up to five intervals
       greatest(
           case when j.next_start > now() + 10 * greatest(j.schedule_interval, interval '1 day') then j.next_start end,
           case when j.initial_start > now() + interval '1 day' then j.initial_start end
       )::text as postponed,
       nullif(j.owner::text, (
           select nspowner::regrole::text from pg_catalog.pg_namespace where nspname = 'analytics_meta'
       )) as stranger
from timescaledb_information.jobs j
left join _timescaledb_catalog.hypertable h
    on h.schema_name = j.hypertable_schema and h.table_name = j.hypertable_name
left join _timescaledb_catalog.continuous_agg c on c.mat_hypertable_id = h.id
where j.proc_schema like '\\_timescaledb%%'
    and (c.user_view_schema = %(schema)s or j.hypertable_schema = %(schema)s)
    and coalesce(c.user_view_name, j.hypertable_name) = any(%(names)s)
    or j.proc_schema = 'analytics_meta' and j.proc_name = 'retention_job'
order by j.job_id
"""

# Jobs of one's own, by what they say of themselves: the table they are registered for, their settings, their body.
_OTHERS: Final[LiteralString] = """
select j.job_id, format('%%I.%%I', j.proc_schema, j.proc_name)
from timescaledb_information.jobs j
left join pg_catalog.pg_namespace n on n.nspname = j.proc_schema
left join pg_catalog.pg_proc p on p.pronamespace = n.oid and p.proname = j.proc_name
where j.proc_schema not like '\\_timescaledb%%' and j.proc_schema <> 'analytics_meta'
    and concat_ws(' ', j.hypertable_name, j.config::text, p.prosrc)
        ~ ('\\m(' || array_to_string(%(names)s::text[], '|') || '|analytics_meta)\\M')
group by 1, 2 order by 1
"""

_REFRESH: Final = "policy_refresh_continuous_aggregate"
_PROCEDURES: Final = {"refresh": _REFRESH, "compression": "policy_compression", "retention": "retention_job"}
_SETTINGS: Final = {
    _REFRESH: ("every", "window", "lag"),
    "policy_compression": ("after",),
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
_LONGEST_PAUSE: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class _Difference:
    expected: str
    actual: str


def policies(connection: Connection, database: Database, snapshot: Manifest) -> Iterator[Finding]:
    """Yield policies that are missing, differ, are there twice, hardly run, or are unknown: one finding a job."""
    wanted = _wanted(snapshot)
    seen: set[tuple[str, str]] = set()
    for job in fetch_named(connection, _JOBS, ours(database, snapshot)):
        key = (job.kind, job.target)
        place = f"{_word(job.kind)} of {job.target}"
        expected = wanted.get(key)
        if expected is None or key in seen:
            should = "absent" if expected is None else "one"
            found = f"job {job.job}" if expected is None else f"another one: job {job.job}"
            yield Finding(
                "warning" if expected is None else "error", place, should, found, f"select delete_job({job.job});"
            )
            continue
        seen.add(key)
        different = list(_differences(job, expected, snapshot))
        if different:
            yield Finding(
                "error", place, ", ".join(entry.expected for entry in different),
                f"{', '.join(entry.actual for entry in different)} (job {job.job})", _repair(job.kind, expected),
            )  # fmt: skip
    for kind, target in wanted.keys() - seen:
        policy = wanted[kind, target]
        expected_words = ", ".join(f"{name} {show(value)}" for name, value in _spans(kind, policy).items()) or "present"
        yield Finding("error", f"{_word(kind)} of {target}", expected_words, "missing", _repair(kind, policy))


def _word(kind: str) -> str:
    return _WORDS.get(kind, kind.replace("_", " "))


def _differences(job: Any, policy: Policy, snapshot: Manifest) -> Iterator[_Difference]:
    """Yield how a job differs from its policy, and what keeps it from running as it should."""
    for name, should in _spans(job.kind, policy).items():
        found = getattr(job, name)
        if found != should:
            yield _Difference(f"{name} {show(should)}", f"{name} {show(found)}")
    if job.stranger:
        yield _Difference("run by the owner of the tables", f"run by {job.stranger}")
    if not job.scheduled:
        yield _Difference("scheduled", "paused")
    if job.postponed:
        yield _Difference("runs soon", f"waits until {job.postponed}")
    if job.kind != _REFRESH and job.every > max(_LONGEST, timedelta(seconds=snapshot.storage.chunk_interval)):
        yield _Difference(f"runs at least every {_LONGEST}", f"runs every {job.every}")
    if job.max_runtime:
        yield _Difference("may run as long as it takes", f"may run for {job.max_runtime}")
    if job.max_retries != -1:
        yield _Difference("is tried again until it succeeds", f"is tried again {job.max_retries} times")
    if job.retry_period > max(job.every, _LONGEST_PAUSE):
        yield _Difference("is tried again soon", f"is tried again after {job.retry_period}")


def _wanted(snapshot: Manifest) -> dict[tuple[str, str], Policy]:
    """Return the policies of the catalog, by TimescaleDB's procedure and what it works on."""
    statements = [entry for entry in snapshot.storage_ddl["timescaledb"].policies if isinstance(entry, Policy)]
    for aggregate in snapshot.aggregates:
        statements += aggregate.policies("timescaledb")
    return {(_PROCEDURES[entry.policy], entry.object): entry for entry in statements}


def _spans(kind: str, policy: Policy) -> dict[str, timedelta]:
    return {name: timedelta(seconds=policy.spans[name]) for name in _SETTINGS[kind]}


def _repair(kind: str, policy: Policy) -> str:
    """Return statements that set a policy right: removed first, because adding over another one is ignored."""
    if kind == "retention_job":
        return f"{DELETE_RETENTION_JOB}; {policy.sql};"
    return f"select {_REMOVALS[kind]}({literal(quote(policy.object))}, if_exists => true); {policy.sql};"


def others(connection: Connection, database: Database, snapshot: Manifest) -> Iterator[Finding]:
    """Yield jobs of others that work on our tables."""
    for job, procedure in connection.execute(_OTHERS, ours(database, snapshot)):
        yield Finding(
            "warning", f"job {job}", "none but our policies work on our tables", f"calls {procedure}, which names them",
            f"select delete_job({job});", "If nobody needs it.",
        )  # fmt: skip
