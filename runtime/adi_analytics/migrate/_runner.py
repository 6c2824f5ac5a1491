"""The commands that apply migrations and tell about them. Options in, results out; nothing is printed."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psycopg

from adi_analytics import _resources
from adi_analytics.migrate import _apply, _config, _database, _files, _grants, _lock, _plan, _record
from adi_analytics.migrate._backfill import BackfillResult, run_pending
from adi_analytics.migrate._database import Connection, Database
from adi_analytics.migrate._errors import DatabaseUnreachableError, UsageError
from adi_analytics.migrate._files import MigrationFile
from adi_analytics.migrate._progress import Progress, silent
from adi_analytics.migrate._record import Applied, Timeouts
from adi_analytics.migrate._retry import retry

DEFAULT_LOCK_WAIT: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What every command of the migrator takes.

    Attributes:
        database_url: Where to connect to. Defaults to DATABASE_URL, then PLATFORM_DATABASE_URL, then ``.env``.
        migrations: The folder of the migrations. Defaults to the one that ships with the package.
        backend: The backend to set a new database up for. Defaults to the most that the server offers.
        lock_wait: Seconds to wait for another run of the migrator. Defaults to 60.
        timeouts: Limits for each statement of a migration. Defaults to what its file says, else 5 s for a table lock.
        retries: How often a file is tried again after a lock timeout or a deadlock. Defaults to 10.
        allow_destructive: Whether files that destroy data may run. Defaults to false.
        backfill: Whether new aggregates are filled after the files. Defaults to true.
        grant_writer: A role that may insert events from now on.
        grant_reader: A role that may read the aggregates from now on.
        progress: Told about what happens, for a person who waits.
    """

    database_url: str | None = None
    migrations: Path | None = None
    backend: str | None = None
    lock_wait: float = DEFAULT_LOCK_WAIT
    timeouts: Timeouts = field(default_factory=Timeouts)
    retries: int = 10
    allow_destructive: bool = False
    backfill: bool = True
    grant_writer: str | None = None
    grant_reader: str | None = None
    progress: Progress = silent

    def __post_init__(self) -> None:
        if self.backend is not None and self.backend not in _files.BACKENDS:
            raise UsageError(f"unknown backend {self.backend!r}", f"Expected one of {', '.join(_files.BACKENDS)}.")
        if self.retries < 0:
            raise UsageError(f"retries: {self.retries} is less than 0", "Give how often a file is tried again.")

    @property
    def folder(self) -> Path:
        """The folder of the migrations."""
        return self.migrations if self.migrations is not None else _resources.data_dir("migrations")


@dataclass(frozen=True, slots=True)
class AppliedFile:
    """A migration that a run applied, and the seconds that it took."""

    name: str
    phase: str
    seconds: float


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """What a run did.

    Attributes:
        applied: The migrations that were applied now.
        already: How many were applied before.
        backfills: The aggregates that were filled.
    """

    backend: str
    applied: tuple[AppliedFile, ...]
    already: int
    backfills: tuple[BackfillResult, ...] = ()


@dataclass(frozen=True, slots=True)
class Status:
    """Where a database stands.

    Attributes:
        pending: The files that are not applied; half-applied ones are also in ``applied`` with status ``running``.
        waiting: Aggregates whose backfill is not done.
        notes: What to know before the first migration settles it, such as the backend.
    """

    backend: str
    schema: str
    applied: tuple[Applied, ...]
    pending: tuple[MigrationFile, ...]
    waiting: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DryRun:
    """What :func:`apply` would run.

    Attributes:
        files: The migrations, in order.
        sql: All of it as a script for psql.
    """

    backend: str
    files: tuple[MigrationFile, ...]
    sql: str


@contextlib.contextmanager
def session(options: Options, command: str) -> Iterator[tuple[Connection, Database]]:
    """Connect for *command* and look at the database; a connection lost inside is told as such."""
    url = _config.database_url(options.database_url)
    with _database.connect(url, command=command) as connection:
        try:
            yield connection, _database.inspect(connection, wanted=options.backend)
        except psycopg.OperationalError as error:
            if connection.broken or connection.closed:
                raise DatabaseUnreachableError(
                    f"the connection to {_config.describe(url)} was lost: {' '.join(str(error).split())}",
                    "Run the same command again: what was done is recorded.",
                ) from error
            raise


def apply(wanted: _plan.Wanted = "all", options: Options | None = None) -> ApplyResult:
    """Apply the pending migrations, oldest first.

    Each file runs in its own transaction together with its record, so a failure leaves every earlier file applied
    and recorded. Two runs at once are safe: the second waits, then finds nothing to do.

    Args:
        wanted: ``pre`` before the new code is deployed, ``post`` after it, ``all`` for both.
        options: Where and how. Defaults to the packaged migrations and the database of the environment.

    Raises:
        MigrateError: One of its subclasses; what it says was not done was rolled back.
    """
    options = options or Options()
    with session(options, wanted) as (connection, database):
        files = _files.load(options.folder, database.backend)
        with _lock.hold(connection, wait=options.lock_wait, waiting=options.progress.waiting) as held:
            # Another run may have installed or applied while we waited.
            current = _database.inspect(connection, wanted=options.backend)
            applied = _record.read_applied(connection) if current.installed else []
            plan = _plan.make(files, applied, wanted)
            for note in _notes(connection, current, options):
                options.progress.step(f"warning: {note}")
            result = _apply_plan(connection, current, plan, options, held)
            if result.applied:
                _apply.execute(connection, _record.audit(wanted, ", ".join(file.name for file in result.applied)))
            _plan.check_not_stopped(plan, wanted)
            return dataclasses.replace(result, already=len(files) - len(plan.pending))


def _apply_plan(
    connection: Connection, database: Database, plan: _plan.Plan, options: Options, held: _lock.Held
) -> ApplyResult:
    _plan.check_allowed(plan, destructive=options.allow_destructive)
    if plan.run and not database.installed:
        _apply.install(connection, database)
    done: list[AppliedFile] = []
    filled: list[BackfillResult] = []
    progress = options.progress
    settings = _apply.Settings(held=held, timeouts=options.timeouts, retries=options.retries, before=progress.step)
    for file in plan.run:
        if file.header.backfill:
            wanted = file.header.backfill
            filled += retry(lambda only=wanted: run_pending(connection, database, progress, only=only))  # type: ignore[misc]
        seconds = _apply.run_file(connection, file, database, settings)
        done.append(AppliedFile(file.name, file.phase, seconds))
    if options.backfill and (database.installed or done):
        # A policy may refresh the same aggregate at the same time.
        filled += retry(lambda: run_pending(connection, database, progress))
    roles: dict[_grants.Kind, str | None] = {"writer": options.grant_writer, "reader": options.grant_reader}
    _grants.give_all(connection, database, options.folder, roles)
    return ApplyResult(database.backend, tuple(done), 0, tuple(filled))


def status(options: Options | None = None) -> Status:
    """Tell which migrations are applied and which are pending. Changes nothing and takes no lock.

    Raises:
        HistoryError: If files and record disagree.
    """
    options = options or Options()
    with session(options, "status") as (connection, database):
        files = _files.load(options.folder, database.backend)
        applied = _record.read_applied(connection) if database.installed else []
        plan = _plan.make(files, applied, "all")
        waiting: tuple[str, ...] = ()
        if database.installed:
            rows = connection.execute(
                "select relation from analytics_meta.backfills where status <> 'done' order by relation"
            ).fetchall()
            waiting = tuple(row[0] for row in rows)
        notes = tuple(_notes(connection, database, options))
        return Status(database.backend, database.schema, tuple(applied), plan.pending, waiting, notes)


def _notes(connection: Connection, database: Database, options: Options) -> Iterator[str]:
    if database.installed or options.backend is not None or database.offered != "postgres":
        return
    version = _database.available_timescaledb(connection)
    if version is not None:
        yield f"TimescaleDB {version} is on the server, but not in this database. {_database.CHOOSE}"


def dry_run(wanted: _plan.Wanted = "all", options: Options | None = None) -> DryRun:
    """Return what :func:`apply` would run. Changes nothing."""
    options = options or Options()
    with session(options, "dry-run") as (connection, database):
        files = _files.load(options.folder, database.backend)
        applied = _record.read_applied(connection) if database.installed else []
        plan = _plan.make(files, applied, wanted)
        _plan.check_allowed(plan, destructive=options.allow_destructive)
        for note in _notes(connection, database, options):
            options.progress.step(f"warning: {note}")
        steps = {row.number: row.steps for row in applied if row.status == "running"}
        return DryRun(database.backend, plan.run, _script(plan, database, options, steps.get))


def dry_run_offline(wanted: _plan.Wanted, options: Options, *, backend: str, schema: str) -> DryRun:
    """Return what would set up an empty database of *backend*, without connecting to any."""
    database = Database(backend, backend, schema, (schema,), installed=False, timescaledb=None, server_version=0)
    plan = _plan.make(_files.load(options.folder, backend), [], wanted)
    _plan.check_allowed(plan, destructive=options.allow_destructive)
    return DryRun(backend, plan.run, _script(plan, database, options, lambda _: None))


def _script(
    plan: _plan.Plan, database: Database, options: Options, steps: Callable[[int], tuple[str, ...] | None]
) -> str:
    parts = ["-- Made by `analytics-migrate dry-run`, to be run by psql.\n\\set ON_ERROR_STOP on\n"]
    if plan.run and not database.installed:
        parts.append(f"begin;\n{_record.bootstrap(database)}commit;\n")
    for file in plan.run:
        parts.append(f"\n-- ---- {file.label} ----\n")
        if file.header.backfill:
            parts.append("-- First run `analytics-migrate backfill`: until then, readers miss rows on TimescaleDB.\n")
        if file.header.transaction:
            head = _record.settings(file, database, options.timeouts, local=True)
            record = _record.record(file, database, status="applied")
            parts.append(f"begin;\n{head}{file.text}{record}commit;\n")
        else:
            parts.append(_stepped(file, database, options, steps(file.number) or ()))
    if not plan.run:
        parts.append("-- Nothing is pending.\n")
    return "".join(parts)


def _stepped(file: MigrationFile, database: Database, options: Options, done: tuple[str, ...]) -> str:
    parts = [_record.record(file, database, status="running")]
    parts.append(_record.settings(file, database, options.timeouts, local=False))
    parts += [
        f"-- step: {step.name}\n{step.sql}\n{_record.record_step(file, step.name)}"
        for step in file.steps
        if step.name not in done
    ]
    parts.append(_record.record(file, database, status="applied"))
    return "".join(parts)
