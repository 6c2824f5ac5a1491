"""The commands that apply migrations, and `status`. Options in, results out; nothing is printed."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from adi_analytics.migrate.files.migration import MigrationFile, load_migrations
from adi_analytics.migrate.options import Options, Wanted
from adi_analytics.migrate.run.execute import RunSettings, install, run_file
from adi_analytics.migrate.run.plan import Plan, check_allowed, check_not_stopped, make_plan
from adi_analytics.migrate.run.record import Applied, audit, read_applied
from adi_analytics.migrate.server import lock
from adi_analytics.migrate.server.backend import Database, inspect
from adi_analytics.migrate.server.connection import Connection, execute
from adi_analytics.migrate.server.retry import retry
from adi_analytics.migrate.server.roles import Kind, give_all
from adi_analytics.migrate.server.session import session, setup_notes
from adi_analytics.migrate.upkeep.backfill import BackfillResult, run_pending


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
        granted: The roles that were given rights now, each as kind (``writer`` or ``reader``) and name.
    """

    backend: str
    applied: tuple[AppliedFile, ...]
    already: int
    backfills: tuple[BackfillResult, ...] = ()
    granted: tuple[tuple[Kind, str], ...] = ()


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


def apply(wanted: Wanted = "all", options: Options | None = None) -> ApplyResult:
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
        files = load_migrations(options.folder, database.backend)
        with lock.hold(connection, wait=options.lock_wait, waiting=options.progress.waiting) as held:
            # Another run may have installed or applied while we waited.
            current = inspect(connection, wanted=options.backend, catalog=database.catalog)
            applied = read_applied(connection) if current.installed else []
            plan = make_plan(files, applied, wanted)
            for note in setup_notes(connection, current, options):
                options.progress.step(f"warning: {note}")
            result = _apply_plan(connection, current, plan, options, held)
            if result.applied:
                execute(connection, audit(wanted, ", ".join(file.name for file in result.applied)))
            check_not_stopped(plan, wanted, fresh=not applied)
            return dataclasses.replace(result, already=len(files) - len(plan.pending))


def _apply_plan(
    connection: Connection, database: Database, plan: Plan, options: Options, held: lock.Held
) -> ApplyResult:
    check_allowed(plan, destructive=options.allow_destructive)
    unnamed = database.installed and database.catalog is not None and not database.named
    if unnamed or (plan.run and not database.installed):
        install(connection, database)
    done: list[AppliedFile] = []
    filled: list[BackfillResult] = []
    progress = options.progress
    settings = RunSettings(held=held, timeouts=options.timeouts, retries=options.retries, before=progress.step)
    for file in plan.run:
        if file.header.backfill:
            filled += retry(run_pending, connection, database, progress, only=file.header.backfill)
        seconds = run_file(connection, file, database, settings)
        done.append(AppliedFile(file.name, file.phase, seconds))
    if options.backfill and (database.installed or done):
        # A policy may refresh the same aggregate at the same time.
        filled += retry(run_pending, connection, database, progress)
    roles: dict[Kind, str | None] = {"writer": options.grant_writer, "reader": options.grant_reader}
    give_all(connection, database, options.folder, roles)
    granted: list[tuple[Kind, str]] = [(kind, role) for kind, role in roles.items() if role]
    return ApplyResult(database.backend, tuple(done), 0, tuple(filled), tuple(granted))


def status(options: Options | None = None) -> Status:
    """Tell which migrations are applied and which are pending. Changes nothing and takes no lock.

    Raises:
        HistoryError: If files and record disagree.
    """
    options = options or Options()
    with session(options, "status") as (connection, database):
        files = load_migrations(options.folder, database.backend)
        applied = read_applied(connection) if database.installed else []
        plan = make_plan(files, applied, "all")
        waiting: tuple[str, ...] = ()
        if database.installed:
            rows = connection.execute(
                "select relation from analytics_meta.backfills where status <> 'done' order by relation"
            ).fetchall()
            waiting = tuple(row[0] for row in rows)
        notes = tuple(setup_notes(connection, database, options))
        return Status(database.backend, database.schema, tuple(applied), plan.pending, waiting, notes)
