"""Applying migrations on ClickHouse, and `status` and `dry-run`.

ClickHouse has no transactions over statements. So each statement of a file may run twice, and the record says after
each one that it is done: a run that was killed goes on where it stopped.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from adi_analytics._shared.clickhouse.errors import RefusedByServerError, UnreachableServerError, said
from adi_analytics.migrate.clickhouse.files.objects import AGGREGATES, FOLDERS, body, created, load
from adi_analytics.migrate.clickhouse.run.grants import give
from adi_analytics.migrate.clickhouse.server import lock
from adi_analytics.migrate.clickhouse.server.record import bootstrap, read_applied, record
from adi_analytics.migrate.clickhouse.server.session import Server, opened
from adi_analytics.migrate.clickhouse.upkeep import refresh
from adi_analytics.migrate.errors import (
    DatabaseUnreachableError,
    HistoryError,
    MigrationFailedError,
    UsageError,
)
from adi_analytics.migrate.run.apply import AppliedFile, ApplyResult, Status
from adi_analytics.migrate.run.plan import check_allowed, check_not_stopped, make_plan
from adi_analytics.migrate.run.preview import DryRun

if TYPE_CHECKING:
    from adi_analytics.migrate.files.migration import MigrationFile
    from adi_analytics.migrate.options import Options, Wanted
    from adi_analytics.migrate.run.record import Applied
    from adi_analytics.migrate.upkeep.backfill import BackfillResult


def apply(wanted: Wanted, options: Options) -> ApplyResult:
    """Apply the pending migrations, as `adi_analytics.migrate.apply` says."""
    with (
        opened(options, wanted) as server,
        lock.hold(server, wait=options.lock_wait, waiting=options.progress.waiting) as held,
    ):
        applied = read_applied(server)  # another run may have applied while we waited
        plan = make_plan(server.files, applied, wanted)
        check_allowed(plan, destructive=options.allow_destructive)
        if plan.run:
            server.session.ask(bootstrap(server.backend))
        done: list[AppliedFile] = []
        filled: list[BackfillResult] = []
        running = {row.number: row for row in applied if row.status == "running"}
        for file in plan.run:
            if file.header.backfill:
                filled += _fill_first(server, file, options)
            done.append(_run(file, running.get(file.number), held, options))
        if options.backfill and server.has(AGGREGATES):
            filled += refresh.fill(server, options.progress, held)
        granted = give(server, options.grant_writer, options.grant_reader)
        check_not_stopped(plan, wanted, fresh=not applied)
        already = len(server.files) - len(plan.pending)
        return ApplyResult(server.backend, tuple(done), already, tuple(filled), tuple(granted))


def _fill_first(server: Server, file: MigrationFile, options: Options) -> list[BackfillResult]:
    """Fill the tables that the views of *file* will read, which the view of the aggregates does not name yet."""
    view = next((one for one in created(file) if one.name == AGGREGATES), None)
    if view is None:
        return []
    return refresh.fill(server, options.progress, None, only=file.header.backfill, source=body(view))


def _run(file: MigrationFile, before: Applied | None, held: lock.Held, options: Options) -> AppliedFile:
    started = time.monotonic()
    server = held.server
    done = list(before.steps) if before is not None else []
    begun = before.started_at if before is not None else datetime.now(UTC)
    if before is None:
        _check_new(server, file)
        server.session.ask(record(file, "running", done, begun))
    for step in file.steps:
        if step.name in done:
            continue
        options.progress.step(f"{file.name}: {step.name}")
        held.check()
        _ask(server, file, step.sql)
        done.append(step.name)
        server.session.ask(record(file, "running", done, begun))
    held.check()
    server.session.ask(record(file, "applied", done, begun))
    return AppliedFile(file.name, file.phase, time.monotonic() - started)


def _check_new(server: Server, file: MigrationFile) -> None:
    """Refuse to take a table that somebody else has made for one of ours."""
    for one in created(file):
        if one.kind == "table" and server.has(one.name):
            raise HistoryError(
                f"the table {one.name}, which {file.label} makes, is there already",
                "If the migrations made it, and their record was lost, `analytics-migrate baseline` writes it again. "
                "Else rename or drop the table.",
                path=file.path,
                number=file.number,
            )


def _ask(server: Server, file: MigrationFile, sql: str) -> None:
    try:
        server.session.ask(sql.rstrip().removesuffix(";"))
    except UnreachableServerError as error:
        raise DatabaseUnreachableError(reason=str(error), file=file.label) from error
    except RefusedByServerError as error:
        code = error.code or 0
        raise MigrationFailedError(
            file=file.label,
            reason=f"{said(code, error.text)} (code {code})",
            remedy="Mend the cause and run the same command again: it goes on with this statement.",
            line=_line(file, sql),
        ) from error


def _line(file: MigrationFile, sql: str) -> int | None:
    start = file.text.find(sql.split("\n", 1)[0])
    return file.text[:start].count("\n") + 1 if start >= 0 else None


def status(options: Options) -> Status:
    """Tell which migrations are applied and which are pending, as `adi_analytics.migrate.status` says."""
    with opened(options, "status") as server:
        applied = read_applied(server)
        plan = make_plan(server.files, applied, "all")
        waiting = refresh.waiting(server) if server.has(AGGREGATES) else ()
        return Status(server.backend, server.database, tuple(applied), plan.pending, waiting)


_HEAD: Final = "-- Made by `analytics-migrate dry-run`, to be run by clickhouse-client.\n"


def dry_run(wanted: Wanted, options: Options) -> DryRun:
    """Return what `apply` would run."""
    with opened(options, "dry-run") as server:
        applied = read_applied(server)
        plan = make_plan(server.files, applied, wanted)
        check_allowed(plan, destructive=options.allow_destructive)
        steps = {row.number: row.steps for row in applied}
        return _script(server, plan.run, steps)


def dry_run_offline(wanted: Wanted, options: Options) -> DryRun:
    """Return what would set up an empty database, without connecting to any."""
    backend = options.backend
    if backend not in FOLDERS:
        raise UsageError("--offline needs a backend", f"Add --backend {' or '.join(FOLDERS)}.", setting="backend")
    plan = make_plan(load(options.folder, backend), [], wanted)
    check_allowed(plan, destructive=options.allow_destructive)
    return _script(backend, plan.run, {})


def _script(server: Server | str, files: tuple[MigrationFile, ...], steps: dict[int, tuple[str, ...]]) -> DryRun:
    backend = server if isinstance(server, str) else server.backend
    parts = [_HEAD]
    if files:
        parts.append(f"{bootstrap(backend)};\n")
    for file in files:
        parts.append(f"\n-- ---- {file.label} ----\n")
        known = steps.get(file.number, ())
        parts += [f"-- step: {step.name}\n{_ended(step.sql)}\n" for step in file.steps if step.name not in known]
        names = [step.name for step in file.steps]
        parts.append(_ended(record(file, "applied", names, datetime.now(UTC))))
    return DryRun(backend, files, "".join(parts))


def _ended(sql: str) -> str:
    return sql.rstrip().removesuffix(";") + ";\n"
