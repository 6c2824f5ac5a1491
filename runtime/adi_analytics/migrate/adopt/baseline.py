"""Adopts a database whose objects are all there, but not the record of how they came to be."""

from __future__ import annotations

from dataclasses import dataclass

from adi_analytics.migrate.drift.drift import structure
from adi_analytics.migrate.drift.findings import Finding
from adi_analytics.migrate.errors import HistoryError, UsageError
from adi_analytics.migrate.files.manifest import require_snapshot
from adi_analytics.migrate.files.migration import MigrationFile, load_migrations
from adi_analytics.migrate.options import Options
from adi_analytics.migrate.run.record import audit, bootstrap, record_file
from adi_analytics.migrate.server import lock
from adi_analytics.migrate.server.backend import Database
from adi_analytics.migrate.server.connection import Connection, execute
from adi_analytics.migrate.server.predecessor import columns_of
from adi_analytics.migrate.server.session import session


@dataclass(frozen=True, slots=True)
class BaselineResult:
    """The migrations that were recorded without being run."""

    recorded: tuple[str, ...]


def baseline(options: Options | None = None, *, through: int | None = None, unchecked: bool = False) -> BaselineResult:
    """Record migrations as applied without running them, those that have no record.

    For a database that psql built from the files, or that was restored without the record, or that lost a row of it.
    The objects are compared with the catalog first, in the same transaction.

    Args:
        options: Where. Defaults to the packaged migrations and the database of the environment.
        through: The last migration to record. Defaults to all.
        unchecked: Whether to record without looking; for a *through* before the last migration there is nothing to
            compare with, so it is needed there.

    Raises:
        HistoryError: If all of them have a record, or if the objects differ.
        UsageError: If *through* is no migration.
    """
    options = options or Options()
    with session(options, "baseline") as (connection, database):
        files = load_migrations(options.folder, database.backend)
        chosen = files if through is None else [file for file in files if file.number <= through]
        if through is not None and (not chosen or chosen[-1].number != through):
            remedy = f"Expected 1 to {len(files)}."
            raise UsageError(f"no migration {through}", remedy, setting="through", value=through)
        if len(chosen) < len(files) and not unchecked:
            raise UsageError(
                f"what migration {through} leaves behind is not known: the snapshot describes {len(files)}",
                "Make sure by other means, then add --unchecked.",
                setting="through",
                value=through,
            )
        with lock.hold(connection, wait=options.lock_wait), connection.transaction():
            missing = _record_missing(connection, database, chosen)
            if not unchecked:
                _check(connection, database, options)
        return BaselineResult(tuple(file.name for file in missing))


def _record_missing(connection: Connection, database: Database, files: list[MigrationFile]) -> list[MigrationFile]:
    """Record those of *files* that have no record, and return them."""
    execute(connection, bootstrap(database))
    known = {number for (number,) in connection.execute("select number from analytics_meta.migrations")}
    missing = [file for file in files if file.number not in known]
    if not missing:
        raise HistoryError(
            "the database already has a record of its migrations", "Run `analytics-migrate status` to see it."
        )
    for file in missing:
        execute(connection, record_file(file, database, status="baselined"))
    execute(connection, audit("baseline", ", ".join(file.name for file in missing)))
    return missing


def _check(connection: Connection, database: Database, options: Options) -> None:
    snapshot = require_snapshot(options.folder)
    errors = [finding for finding in structure(connection, database, snapshot) if finding.severity == "error"]
    if errors and not columns_of(connection, database, snapshot.storage.table):
        raise HistoryError(
            f"there is nothing to record: the database has no table {snapshot.storage.table}",
            "Run `analytics-migrate all`.",
        )
    if errors:
        raise HistoryError(
            f"the database is not what the migrations make; nothing was recorded. {len(errors)} differences, first: "
            f"{_words(errors[0])}",
            "A database made by the predecessor's migrations is adopted with `analytics-migrate baseline --adopt`. "
            "Otherwise repair the differences.",
        )


def _words(finding: Finding) -> str:
    return f"{finding.object}: expected {finding.expected}, found {finding.actual}"
