"""Print what a run would do, without doing it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from adi_analytics.migrate.files import migration as migration_files
from adi_analytics.migrate.files.migration import MigrationFile
from adi_analytics.migrate.options import Options
from adi_analytics.migrate.run import plan as plans
from adi_analytics.migrate.run import record as records
from adi_analytics.migrate.server.backend import Database
from adi_analytics.migrate.server.session import _notes, session


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


def dry_run(wanted: plans.Wanted = "all", options: Options | None = None) -> DryRun:
    """Return what :func:`apply` would run. Changes nothing."""
    options = options or Options()
    with session(options, "dry-run") as (connection, database):
        files = migration_files.load(options.folder, database.backend)
        applied = records.read_applied(connection) if database.installed else []
        plan = plans.make(files, applied, wanted)
        plans.check_allowed(plan, destructive=options.allow_destructive)
        for note in _notes(connection, database, options):
            options.progress.step(f"warning: {note}")
        steps = {row.number: row.steps for row in applied if row.status == "running"}
        return DryRun(database.backend, plan.run, _script(plan, database, options, steps.get))


def dry_run_offline(wanted: plans.Wanted, options: Options, *, backend: str, schema: str) -> DryRun:
    """Return what would set up an empty database of *backend*, without connecting to any."""
    database = Database(backend, backend, schema, (schema,), installed=False, timescaledb=None, server_version=0)
    plan = plans.make(migration_files.load(options.folder, backend), [], wanted)
    plans.check_allowed(plan, destructive=options.allow_destructive)
    return DryRun(backend, plan.run, _script(plan, database, options, lambda _: None))


def _script(
    plan: plans.Plan, database: Database, options: Options, steps: Callable[[int], tuple[str, ...] | None]
) -> str:
    parts = ["-- Made by `analytics-migrate dry-run`, to be run by psql.\n\\set ON_ERROR_STOP on\n"]
    if plan.run and not database.installed:
        parts.append(f"begin;\n{records.bootstrap(database)}commit;\n")
    for file in plan.run:
        parts.append(f"\n-- ---- {file.label} ----\n")
        if file.header.backfill:
            parts.append("-- First run `analytics-migrate backfill`: until then, readers miss rows on TimescaleDB.\n")
        if file.header.transaction:
            head = records.settings(file, database, options.timeouts, local=True)
            record = records.record(file, database, status="applied")
            parts.append(f"begin;\n{head}{file.text}{record}commit;\n")
        else:
            parts.append(_stepped(file, database, options, steps(file.number) or ()))
    if not plan.run:
        parts.append("-- Nothing is pending.\n")
    return "".join(parts)


def _stepped(file: MigrationFile, database: Database, options: Options, done: tuple[str, ...]) -> str:
    parts = [records.record(file, database, status="running")]
    parts.append(records.settings(file, database, options.timeouts, local=False))
    parts += [
        f"-- step: {step.name}\n{step.sql}\n{records.record_step(file, step.name)}"
        for step in file.steps
        if step.name not in done
    ]
    parts.append(records.record(file, database, status="applied"))
    return "".join(parts)
