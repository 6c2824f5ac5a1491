"""``drift``: compares the live database with what the migrations add up to, and changes nothing."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import psycopg

from adi_analytics._shared.sql import quote
from adi_analytics.migrate.drift import (
    check_answers,
    check_bookkeeping,
    check_partitions,
    check_rights,
    pending,
)
from adi_analytics.migrate.drift.compare import Comparison
from adi_analytics.migrate.drift.describe import Description, describe
from adi_analytics.migrate.drift.expected import expected_meta, expected_public
from adi_analytics.migrate.drift.findings import LATER, Finding, ordered
from adi_analytics.migrate.drift.renames import renamed_relations
from adi_analytics.migrate.drift.stored import kept, lacking
from adi_analytics.migrate.drift.stored.recount import Recount
from adi_analytics.migrate.drift.timescale import chunks, continuous, hypertable, jobs
from adi_analytics.migrate.errors import UsageError
from adi_analytics.migrate.files.manifest import Manifest, require_snapshot
from adi_analytics.migrate.files.migration import load_migrations
from adi_analytics.migrate.options import Options, check_times
from adi_analytics.migrate.run.plan import make_plan
from adi_analytics.migrate.run.record import read_applied
from adi_analytics.migrate.server.backend import Database
from adi_analytics.migrate.server.connection import Connection, execute
from adi_analytics.migrate.server.predecessor import how_to_take
from adi_analytics.migrate.server.session import session

_SETTINGS: Final = "set local lock_timeout = '5s'; set local client_min_messages = error"


@dataclass(frozen=True, slots=True)
class DriftResult:
    """What the check found.

    Attributes:
        findings: The differences, worst first; empty when database and catalog agree.
        seconds: How long it took.
        recounted: How many stored rows were computed again and compared; ``None`` if that was not asked for, or could
            not be done.
    """

    backend: str
    findings: tuple[Finding, ...]
    seconds: float
    recounted: int | None = None


def drift(
    options: Options | None = None,
    *,
    recount: bool = False,
    since: datetime | None = None,
    until: datetime | None = None,
) -> DriftResult:
    """Compare the live database with the catalog's snapshot. Changes nothing: its one transaction is rolled back.

    Args:
        options: Where. Defaults to the packaged migrations and the database of the environment.
        recount: Whether to also compute the stored buckets again whose events are still there, and to compare what is
            kept beside them. Reads all those events, in steps of about a second, outside of the transaction.
        since: Start of the range to recount. Defaults to the oldest event.
        until: End of the range to recount. Defaults to now.

    Raises:
        HistoryError: If the files and the database's record disagree, or if there is no snapshot.
        UsageError: If a time has no time zone, if *since* is not before *until*, or if there is a range without
            *recount*.
    """
    options = options or Options()
    check_times(since=since, until=until)
    if not recount and (since or until):
        raise UsageError("a range was given, but nothing is to be recounted", "Add --recount.", setting="recount")
    started = time.monotonic()
    recounted: int | None = None
    with session(options, "drift") as (connection, database):
        snapshot = require_snapshot(options.folder)
        with connection.transaction(force_rollback=True):
            execute(connection, _SETTINGS)
            findings = list(_check(connection, database, snapshot, options))
        if recount:
            counter = Recount(connection, database, options.progress, since, until)
            more, recounted = _recounted(connection, counter, database, snapshot, options)
            findings += more
        if database.session_schema != database.schema:  # names in the catalog's statements are found by the search path
            path = f"set search_path = {database.search_path_sql};"
            findings = [dataclasses.replace(f, fix=f"{path} {f.fix}") if f.fix else f for f in findings]
        return DriftResult(database.backend, ordered(findings), time.monotonic() - started, recounted)


def _check(connection: Connection, database: Database, snapshot: Manifest, options: Options) -> Iterator[Finding]:
    files = load_migrations(options.folder, database.backend)
    applied = read_applied(connection) if database.installed else []
    waiting = make_plan(files, applied, "all").pending
    if waiting and not applied:
        names = ", ".join(file.name for file in waiting)
        advice = how_to_take(connection, database, snapshot.storage.table) or "Run `analytics-migrate all`."
        yield Finding("error", "migrations", f"{len(files)} applied", f"not applied: {names}", advice=advice)
        return
    found = _differences(connection, database, snapshot)
    yield from pending.told(files, applied, waiting, found) if waiting else found


def _recounted(
    connection: Connection, counter: Recount, database: Database, snapshot: Manifest, options: Options
) -> tuple[list[Finding], int | None]:
    """Return what the recount found, and how many rows it compared."""
    files = load_migrations(options.folder, database.backend)
    if make_plan(files, read_applied(connection) if database.installed else [], "all").pending:
        advice = "Apply them, then check again."
        return [Finding("warning", "recount", "made", "not made: migrations are pending", advice=advice)], None
    execute(connection, "set default_transaction_read_only = on; set lock_timeout = '5s'")
    found: list[Finding] = []
    for check in (counter.stored, kept.histories, kept.trailing_counts, kept.answers):
        found += _guarded(connection, check, database, snapshot, alone=False)
    return found, counter.rows


def _differences(connection: Connection, database: Database, snapshot: Manifest) -> Iterator[Finding]:
    yield from structure(connection, database, snapshot)
    for check in _CHECKS[database.backend]:
        yield from _guarded(connection, check, database, snapshot)


_Check = Callable[[Connection, Database, Manifest], Iterator[Finding]]

_EVERYWHERE: Final = (
    lacking.stored,
    check_answers.kept,
    check_rights.grants,
    check_rights.owners,
    check_rights.routines,
    check_rights.event_triggers,
)
_HYPERTABLE: Final = (hypertable.hypertable, chunks.own_rules, chunks.indexes)
_CHECKS: Final[dict[str, tuple[_Check, ...]]] = {
    "postgres": (check_bookkeeping.check, check_partitions.partitions, *_EVERYWHERE),
    "timescaledb_apache": (check_bookkeeping.check, *_HYPERTABLE, *_EVERYWHERE),
    "timescaledb": (
        check_bookkeeping.check,
        *_HYPERTABLE,
        chunks.noticing,
        continuous.aggregates,
        jobs.policies,
        jobs.others,
        hypertable.compression,
        *_EVERYWHERE,
    ),
}


def _guarded(
    connection: Connection, check: _Check, database: Database, snapshot: Manifest, *, alone: bool = True
) -> Iterator[Finding]:
    """Run a check, *alone* in a transaction; what it needs may be missing, which another check then reports."""
    try:
        with connection.transaction() if alone else contextlib.nullcontext():
            found = list(check(connection, database, snapshot))
    except psycopg.errors.InsufficientPrivilege:
        raise
    except psycopg.ProgrammingError as error:
        what = check.__name__.strip("_")
        reason = error.diag.message_primary or str(error)
        found = [Finding("error", what, "can be checked", reason, advice=LATER)]
    yield from found


def structure(connection: Connection, database: Database, snapshot: Manifest) -> Iterator[Finding]:
    """Yield how relations and functions differ from the snapshot. Needs a transaction around it."""
    for schema, make in (("analytics_meta", expected_meta), (database.schema, expected_public)):
        try:
            expected = make(connection, snapshot, database)
        except psycopg.ProgrammingError as error:
            reason = error.diag.message_primary or str(error)
            yield Finding("error", f"schema {schema}", "what the catalog needs is there", reason, advice=LATER)
            continue
        path = database.search_path_sql
        path = f"analytics_meta, {path}" if schema == "analytics_meta" else path
        execute(connection, f"set local search_path = {path}")
        names = _managed(connection, schema, expected, snapshot)
        live = describe(connection, quote(schema), names=names)
        if database.backend == "timescaledb" and schema == database.schema:
            hypertable.use_definitions(connection, database, live)
        moved = renamed_relations(connection, quote(schema), expected, live)
        yield from Comparison(connection, database, snapshot, schema).findings(expected, live, moved)


def _managed(connection: Connection, schema: str, expected: Description, snapshot: Manifest) -> set[str] | None:
    """Return the names in *schema* that are ours: expected ones, and others that look like an aggregate's."""
    if schema == "analytics_meta":
        return None
    bases = "|".join(re.escape(entry.name) for entry in snapshot.aggregates) or "(?!)"
    pattern = re.compile(rf"(?:{bases})(?:_v\d\w*|_distribution\w*|_sketch\w*)?")
    rows = connection.execute(
        "select relname::text from pg_catalog.pg_class where relnamespace = %s::text::regnamespace"
        " and relkind in ('r', 'p', 'v', 'm', 'f')"
        " union select proname::text from pg_catalog.pg_proc where pronamespace = %s::text::regnamespace",
        (quote(schema), quote(schema)),
    ).fetchall()
    named = {key.split(" ", 1)[1].split("(")[0] for key in expected.objects if key.startswith("function ")}
    return {row[0] for row in rows if pattern.fullmatch(row[0])} | set(expected.oids) | named
