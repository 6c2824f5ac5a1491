"""Runs migration files: each with its record, in one transaction or step by step."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import psycopg

from adi_analytics.migrate.errors import DatabaseUnreachableError, MigrationFailedError
from adi_analytics.migrate.files.migration import MigrationFile, Step
from adi_analytics.migrate.options import Timeouts
from adi_analytics.migrate.run.record import bootstrap, record_file, record_step, settings_for
from adi_analytics.migrate.server import lock
from adi_analytics.migrate.server.backend import Database
from adi_analytics.migrate.server.connection import Connection, execute, fetch_value, pin
from adi_analytics.migrate.server.retry import is_transient, pauses

logger = logging.getLogger(__name__)

_INVALID_INDEXES: Final = """
select format('%%I.%%I', n.nspname, c.relname)
from pg_catalog.pg_index i
join pg_catalog.pg_class c on c.oid = i.indexrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where not i.indisvalid and n.nspname in (%s, 'analytics_meta')
  -- the index of a partitioned table is invalid for as long as a partition lacks its part
  and c.relkind = 'i'
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """How files are run.

    Attributes:
        held: The migrator's lock.
        retries: How often a file is tried again after a lock timeout, a deadlock or a serialization failure.
        before: Called before each file and step, with what is about to run.
    """

    held: lock.Held
    timeouts: Timeouts = field(default_factory=Timeouts)
    retries: int = 10
    before: Callable[[str], None] = lambda _: None


def install(connection: Connection, database: Database) -> None:
    """Create the migrator's own tables."""
    with connection.transaction():
        execute(connection, bootstrap(database))


def run_file(connection: Connection, file: MigrationFile, database: Database, settings: RunSettings) -> float:
    """Apply one file and record it; return the seconds that it took.

    Raises:
        MigrationFailedError: If a statement fails; the message names the file's line.
        DatabaseUnreachableError: If the connection is lost.
        LockedError: If the migrator's lock is no longer ours.
    """
    started = time.monotonic()
    attempt, waits = 1, pauses(settings.retries + 1)
    while True:
        lock.check_still_held(connection, settings.held)
        settings.before(file.name if attempt == 1 else f"{file.name} (try {attempt})")
        try:
            _run_once(connection, file, database, settings)
        except psycopg.Error as error:
            pause = next(waits, None) if is_transient(error) else None
            if pause is None:
                raise _explain(error, file, connection) from error
            logger.info("%s: %s, trying again", file.label, error.sqlstate)
            time.sleep(pause)
            attempt += 1
        else:
            return time.monotonic() - started


def _run_once(connection: Connection, file: MigrationFile, database: Database, settings: RunSettings) -> None:
    if file.header.transaction:
        with connection.transaction():
            execute(connection, settings_for(file, database, settings.timeouts, local=True))
            execute(connection, file.text)
            execute(connection, record_file(file, database, status="applied"))
        return
    execute(connection, record_file(file, database, status="running"))
    execute(connection, settings_for(file, database, settings.timeouts, local=False))
    try:
        for step in file.steps:
            _run_step(connection, file, step, settings)
        _check_indexes(connection, file, database)
        execute(connection, record_file(file, database, status="applied"))
    finally:
        if not connection.broken:
            connection.execute("reset all")
            pin(connection)
            execute(connection, f"set search_path = {database.search_path_sql}")


def _run_step(connection: Connection, file: MigrationFile, step: Step, settings: RunSettings) -> None:
    done = fetch_value(connection, "select steps from analytics_meta.migrations where number = %s", file.number)
    if step.name in (done or []):
        return
    settings.before(f"{file.name}: {step.name}")
    execute(connection, step.sql)
    execute(connection, record_step(file, step.name))


def _check_indexes(connection: Connection, file: MigrationFile, database: Database) -> None:
    rows = connection.execute(_INVALID_INDEXES, (database.schema,)).fetchall()
    if rows:
        names = ", ".join(row[0] for row in rows)
        raise MigrationFailedError(
            file=file.label,
            reason=f"invalid index {names}; a concurrent build did not finish",
            remedy="Drop it (`drop index concurrently ...`), remove its step from analytics_meta.migrations.steps, "
            "and run again.",
        )


def _explain(error: psycopg.Error, file: MigrationFile, connection: Connection) -> Exception:
    if connection.broken or connection.closed:
        return DatabaseUnreachableError(reason=_first_line(error), file=file.label)
    return MigrationFailedError(
        file=file.label,
        line=_line(error, file),
        reason=_first_line(error),
        remedy=_remedy(error),
        sqlstate=error.sqlstate,
    )


def _first_line(error: psycopg.Error) -> str:
    parts = [error.diag.message_primary or " ".join(str(error).split()), error.diag.message_detail]
    return "; ".join(part for part in parts if part)


def _line(error: psycopg.Error, file: MigrationFile) -> int | None:
    position = error.diag.statement_position
    if position is None or not file.header.transaction:
        return None
    return file.text.count("\n", 0, int(position)) + 1


def _remedy(error: psycopg.Error) -> str:
    known = _REMEDIES.get(error.sqlstate or "")
    if known is not None:
        return known  # the server's own hint may be to drop what is there
    hint = error.diag.message_hint
    rolled_back = "The file's changes were rolled back; earlier files stay applied."
    return f"{rolled_back} {hint}" if hint else rolled_back


_REMEDIES: Final = {
    "55P03": "Another session holds a table lock. Run again when it is done, or raise --lock-timeout. "
    "The file was rolled back.",
    "42501": "The role lacks a right that the migration needs: connect as the owner of the tables, "
    "or as one who may create schemas and extensions.",
    "42P07": "The object exists already; nothing was changed. Adopt a database of the predecessor with "
    "`analytics-migrate baseline --adopt`, one whose record was lost with `analytics-migrate baseline`.",
    "42710": "The object exists already; nothing was changed. Adopt a database of the predecessor with "
    "`analytics-migrate baseline --adopt`, one whose record was lost with `analytics-migrate baseline`.",
    "57014": "The statement took longer than --statement-timeout, or another session cancelled it.",
}
