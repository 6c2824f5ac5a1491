"""Print what a run would do, without doing it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from adi_analytics.migrate.files.manifest import catalog_name
from adi_analytics.migrate.files.migration import MigrationFile, load_migrations
from adi_analytics.migrate.options import Options, Wanted
from adi_analytics.migrate.run.plan import Plan, check_allowed, make_plan
from adi_analytics.migrate.run.record import bootstrap, read_applied, record_file, record_step, settings_for
from adi_analytics.migrate.server.backend import Database
from adi_analytics.migrate.server.session import session, setup_notes


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


def dry_run(wanted: Wanted = "all", options: Options | None = None) -> DryRun:
    """Return what :func:`apply` would run. Changes nothing."""
    options = options or Options()
    with session(options, "dry-run") as (connection, database):
        files = load_migrations(options.folder, database.backend)
        applied = read_applied(connection) if database.installed else []
        plan = make_plan(files, applied, wanted)
        check_allowed(plan, destructive=options.allow_destructive)
        for note in setup_notes(connection, database, options):
            options.progress.step(f"warning: {note}")
        steps = {row.number: row.steps for row in applied if row.status == "running"}
        return DryRun(database.backend, plan.run, _script(plan, database, options, steps.get))


def dry_run_offline(wanted: Wanted, options: Options, *, backend: str, schema: str) -> DryRun:
    """Return what would set up an empty database of *backend*, without connecting to any."""
    database = Database(
        backend=backend,
        offered=backend,
        schema=schema,
        search_path=(schema,),
        installed=False,
        timescaledb=None,
        server_version=0,
        catalog=catalog_name(options.folder),
    )
    plan = make_plan(load_migrations(options.folder, backend), [], wanted)
    check_allowed(plan, destructive=options.allow_destructive)
    return DryRun(backend, plan.run, _script(plan, database, options, lambda _: None))


def _script(plan: Plan, database: Database, options: Options, steps: Callable[[int], tuple[str, ...] | None]) -> str:
    parts = ["-- Made by `analytics-migrate dry-run`, to be run by psql.\n\\set ON_ERROR_STOP on\n"]
    if plan.run and not database.installed:
        parts.append(f"begin;\n{bootstrap(database)}commit;\n")
    for file in plan.run:
        parts.append(f"\n-- ---- {file.label} ----\n")
        if file.header.backfill:
            parts.append("-- First run `analytics-migrate backfill`: until then, readers miss rows on TimescaleDB.\n")
        if file.header.transaction:
            head = settings_for(file, database, options.timeouts, local=True)
            record = record_file(file, database, status="applied")
            parts.append(f"begin;\n{head}{file.text}{record}commit;\n")
        else:
            parts.append(_stepped(file, database, options, steps(file.number) or ()))
    if not plan.run:
        parts.append("-- Nothing is pending.\n")
    return "".join(parts)


def _stepped(file: MigrationFile, database: Database, options: Options, done: tuple[str, ...]) -> str:
    parts = [record_file(file, database, status="running")]
    parts.append(settings_for(file, database, options.timeouts, local=False))
    parts += [
        f"-- step: {step.name}\n{step.sql}\n{record_step(file, step.name)}"
        for step in file.steps
        if step.name not in done
    ]
    parts.append(record_file(file, database, status="applied"))
    return "".join(parts)
