"""Print what a run would do, without doing it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from adi_analytics._shared.sql import literal
from adi_analytics.migrate.files.manifest import catalog_name, require_snapshot
from adi_analytics.migrate.files.migration import MigrationFile, load_migrations
from adi_analytics.migrate.options import Options, Wanted
from adi_analytics.migrate.run.plan import Plan, check_allowed, make_plan
from adi_analytics.migrate.run.record import audit, bootstrap, read_applied, record_file, record_step, settings_for
from adi_analytics.migrate.server.backend import Database
from adi_analytics.migrate.server.connection import Connection
from adi_analytics.migrate.server.roles import Kind, grants_script, known_roles
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
        script = _script(plan, database, options, steps.get)
        return DryRun(database.backend, plan.run, script + _after(plan, wanted, database, options, connection))


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
    script = _script(plan, database, options, lambda _: None)
    return DryRun(backend, plan.run, script + _after(plan, wanted, database, options))


def _script(plan: Plan, database: Database, options: Options, steps: Callable[[int], tuple[str, ...] | None]) -> str:
    parts = ["-- Made by `analytics-migrate dry-run`, to be run by psql.\n\\set ON_ERROR_STOP on\n"]
    unnamed = database.installed and database.catalog is not None and not database.named
    if unnamed or (plan.run and not database.installed):
        parts.append(f"begin;\n{bootstrap(database)}commit;\n")
    for file in plan.run:
        parts.append(f"\n-- ---- {file.label} ----\n")
        if file.header.backfill:
            parts.append(_GUARD.format(", ".join(map(literal, file.header.backfill)), literal(file.label)))
        if file.header.transaction:
            head = settings_for(file, database, options.timeouts, local=True)
            record = record_file(file, database, status="applied")
            parts.append(f"begin;\n{head}{file.text}{record}commit;\n")
        else:
            parts.append(_stepped(file, database, options, steps(file.number) or ()))
    if not plan.run:
        parts.append("-- Nothing is pending.\n")
    return "".join(parts)


# The runner fills them itself. Readers miss rows of an aggregate that is not filled; with no raw rows, none is missed.
_GUARD: Final = """\
do $guard$
begin
    if exists (select from analytics_meta.backfills where relation in ({}) and status <> 'done')
            and analytics_meta.raw_floor() is not null then
        raise exception '% waits for aggregates that are not filled yet', {}
            using hint = 'Run `analytics-migrate backfill`, then make this script again: what came before is applied.';
    end if;
end
$guard$;
"""
_WAITING: Final = """\

do $waiting$
begin
    if exists (select from analytics_meta.backfills where status <> 'done') then
        raise notice 'now run `analytics-migrate backfill`: it fills the new aggregates';
    end if;
end
$waiting$;
"""


def _after(
    plan: Plan, wanted: Wanted, database: Database, options: Options, connection: Connection | None = None
) -> str:
    """Return what the runner does after the files: rights, a line in the audit, and word of what is to be filled."""
    asked: list[tuple[Kind, str | None]] = [("writer", options.grant_writer), ("reader", options.grant_reader)]
    new: list[tuple[Kind, str]] = [(kind, role) for kind, role in asked if role]
    known = known_roles(connection) if connection is not None else []
    parts = []
    if new or known:
        parts.append(grants_script(new, require_snapshot(options.folder), database))
    if plan.run:
        parts += ["\n", audit(wanted, ", ".join(file.name for file in plan.run)), _WAITING]
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
