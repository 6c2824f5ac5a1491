"""What each command does with its parsed arguments: calls the library and says what is to be shown."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, cast

from rich.console import Console, RenderableType
from rich.table import Table

from adi_analytics.migrate.adopt import adopt as adoption
from adi_analytics.migrate.adopt import baseline as baselining
from adi_analytics.migrate.author import new as author
from adi_analytics.migrate.cli.progress_bar import _Bar
from adi_analytics.migrate.doctor import doctor
from adi_analytics.migrate.drift import drift as drifting
from adi_analytics.migrate.drift.findings import Finding
from adi_analytics.migrate.errors import EXIT_DRIFT, EXIT_ERROR, EXIT_OK, EXIT_PENDING, UsageError
from adi_analytics.migrate.options import DEFAULT_LOCK_WAIT, Options, Timeouts
from adi_analytics.migrate.run import apply as runner
from adi_analytics.migrate.run import plan as plans
from adi_analytics.migrate.run.preview import dry_run, dry_run_offline
from adi_analytics.migrate.upkeep import dead_letters
from adi_analytics.migrate.upkeep import maintain as upkeep


@dataclass(frozen=True, slots=True)
class Output:
    """What a command shows.

    Attributes:
        data: The result as JSON.
        shown: The result for a person: text to print as it is, or parts for rich.
    """

    data: Any
    shown: str | Sequence[RenderableType]
    exit_code: int = EXIT_OK


def run(arguments: argparse.Namespace, errors: Console) -> Output:
    """Run the command that *arguments* name.

    Raises:
        AnalyticsError: With what is wrong and what to do about it.
    """
    bar = _Bar(errors)
    with bar.running():
        return _COMMANDS[arguments.command](arguments, bar)


def _options(arguments: argparse.Namespace, bar: _Bar) -> Options:
    given = vars(arguments)
    timeouts = Timeouts(given.get("lock_timeout"), given.get("statement_timeout"))
    return Options(
        database_url=given.get("database_url"),
        migrations=arguments.migrations,
        backend=given.get("backend"),
        lock_wait=given.get("lock_wait", DEFAULT_LOCK_WAIT),
        timeouts=timeouts,
        retries=given.get("retries", 10),
        allow_destructive=given.get("allow_destructive", False),
        backfill=not given.get("no_backfill", False),
        grant_writer=given.get("grant_writer"),
        grant_reader=given.get("grant_reader"),
        progress=bar,
    )


def _apply(arguments: argparse.Namespace, bar: _Bar) -> Output:
    result = runner.apply(cast("plans.Wanted", arguments.command), _options(arguments, bar))
    if not result.applied:
        return Output(asdict(result), f"nothing to do: {result.already} migrations are applied ({result.backend})")
    table = Table("migration", "phase", "seconds", title=f"applied on {result.backend}", title_justify="left")
    for file in result.applied:
        table.add_row(file.name, file.phase, f"{file.seconds:.2f}")
    return Output(asdict(result), [table])


def _status(arguments: argparse.Namespace, bar: _Bar) -> Output:
    status = runner.status(_options(arguments, bar))
    rows = [
        {
            "number": row.number, "name": row.name, "phase": row.phase, "status": row.status, "at": row.finished_at,
            "by": row.applied_by, "version": row.library_version,
        }
        for row in status.applied
    ]  # fmt: skip
    known = {row.number for row in status.applied}
    rows += [
        {"number": file.number, "name": file.name, "phase": file.phase, "status": "pending"}
        for file in status.pending
        if file.number not in known
    ]
    table = Table("migration", "phase", "status", "at", "by", "version")
    for row in rows:
        table.add_row(*(str(row.get(key) or "") for key in ("name", "phase", "status", "at", "by", "version")))
    data = {
        "backend": status.backend, "schema": status.schema, "migrations": rows,
        "pending": {phase: sum(file.phase == phase for file in status.pending) for phase in ("pre", "post")},
        "backfills": list(status.waiting), "notes": list(status.notes),
    }  # fmt: skip
    shown: list[RenderableType] = [f"backend {status.backend}, schema {status.schema}", table]
    shown += [f"backfill not done: {name} (run `analytics-migrate backfill`)" for name in status.waiting]
    shown += [f"warning: {note}" for note in status.notes]
    shown.append(f"{len(status.applied)} applied, {len(status.pending)} pending")
    pending = arguments.check and bool(status.pending or status.waiting)
    return Output(data, shown, EXIT_PENDING if pending else EXIT_OK)


def _dry_run(arguments: argparse.Namespace, bar: _Bar) -> Output:
    options = _options(arguments, bar)
    if not arguments.offline:
        result = dry_run(arguments.phase, options)
    elif arguments.backend is None:
        raise UsageError("--offline needs a backend", "Add --backend postgres, timescaledb or timescaledb_apache.")
    else:
        where = {"backend": arguments.backend, "schema": arguments.schema}
        result = dry_run_offline(arguments.phase, options, **where)
    rows = [
        {
            "number": file.number, "name": file.name, "phase": file.phase, "transaction": file.header.transaction,
            "destructive": file.header.destructive, "checksum": file.checksum,
        }
        for file in result.files
    ]  # fmt: skip
    data = {"backend": result.backend, "migrations": rows, "sql": result.sql}
    if arguments.format == "sql":
        return Output(data, result.sql)
    table = Table("migration", "phase", "transaction", "destructive")
    for file in result.files:
        flags = ("yes" if flag else "no" for flag in (file.header.transaction, file.header.destructive))
        table.add_row(file.name, file.phase, *flags)
    return Output(data, [f"backend {result.backend}", table, f"{len(rows)} would run"])


def _name_files(arguments: argparse.Namespace, bar: _Bar) -> None:
    """Say which files are used: outside a project they are the package's, which may surprise."""
    folder, manifest = author.used(arguments.migrations, arguments.manifest)
    bar.step(f"manifest: {manifest}")
    bar.step(f"migrations: {folder}")


def _new_files(arguments: argparse.Namespace, bar: _Bar) -> Output:
    if arguments.lock:
        lines = author.lock(migrations=arguments.migrations)
        return Output(lines, [*(f"locked {line}" for line in lines)] or "every file has its line already")
    _name_files(arguments, bar)
    result = author.new(
        arguments.message,
        migrations=arguments.migrations,
        manifest=arguments.manifest,
        drop_retired=arguments.drop_retired,
    )
    if not result.written:
        return Output(asdict(result), "nothing to write: no migration is needed")
    shown = [*(f"wrote {name}" for name in result.written), *(f"  {line}" for line in result.changes)]
    return Output(asdict(result), [*shown, "Review the files, then commit them with the lock and the snapshot."])


def _check(arguments: argparse.Namespace, bar: _Bar) -> Output:
    _name_files(arguments, bar)
    count = author.check(migrations=arguments.migrations, manifest=arguments.manifest)
    return Output({"migrations": count}, f"ok: {count} migrations lead to the catalog")


def _refresh(arguments: argparse.Namespace, bar: _Bar) -> Output:
    result = upkeep.refresh(
        arguments.aggregate, since=arguments.since, until=arguments.until, options=_options(arguments, bar)
    )
    table = Table("aggregate", "computed since", "seconds")
    for entry in result.refreshed:
        table.add_row(
            entry.rollup, "nothing to do" if entry.since is None else str(entry.since), f"{entry.seconds:.2f}"
        )
    return Output(asdict(result), [table])


def _backfill(arguments: argparse.Namespace, bar: _Bar) -> Output:
    filled = upkeep.backfill(_options(arguments, bar))
    shown = [f"filled {entry.rollup}: {entry.buckets} buckets" for entry in filled] or ["nothing to fill"]
    return Output([asdict(entry) for entry in filled], shown)


def _maintain(arguments: argparse.Namespace, bar: _Bar) -> Output:
    options = _options(arguments, bar)
    if arguments.install_pg_cron:
        job = upkeep.install_pg_cron(arguments.install_pg_cron, options)
        return Output(
            {"job": job}, f"pg_cron job {job} calls analytics_meta.maintain() at {arguments.install_pg_cron!r}"
        )
    if arguments.loop:
        upkeep.maintain_loop(options, every=arguments.every, told=lambda told: bar.step(_told(told)))
        return Output(None, "")
    result = upkeep.maintain(options, forced=arguments.force)
    return Output(asdict(result), _told(result))


def _told(result: upkeep.MaintainResult | Exception) -> str:
    if isinstance(result, Exception):
        return f"failed: {result}"
    if not result.ran:
        return "another maintain is under way"
    lost = f" ({result.late_hours_lost} too old)" if result.late_hours_lost else ""
    return (
        f"partitions made {result.partitions}, expired {result.expired}; refreshed {len(result.refreshed)}, "
        f"filled {len(result.backfills)}; late hours {result.late_hours}{lost}"
    )


def _drift(arguments: argparse.Namespace, bar: _Bar) -> Output:
    result = drifting.drift(_options(arguments, bar))
    bad = any(finding.severity != "info" for finding in result.findings)
    return Output(asdict(result), [*_shown(result.findings), _summary(result)], EXIT_DRIFT if bad else EXIT_OK)


def _shown(findings: Sequence[Finding]) -> Iterator[str]:
    for finding in findings:
        yield f"{finding.severity}: {finding.object}"
        for name in ("expected", "actual", "fix"):
            first, *more = str(getattr(finding, name)).splitlines() or [""]
            yield f"  {name + ':':<10}{first}"
            yield from (f"            {line}" for line in more)


def _summary(result: drifting.DriftResult) -> str:
    count = len(result.findings)
    found = "1 finding" if count == 1 else f"{count or 'no'} findings"
    return f"{found} in {result.seconds:.2f} s ({result.backend})"


def _baseline_it(arguments: argparse.Namespace, bar: _Bar) -> Output:
    options = _options(arguments, bar)
    if arguments.adopt:
        adopted = adoption.adopt(options)
        shown = [f"renamed {old} to {new}" for old, new in adopted.renamed.items()]
        shown.append(f"copied {adopted.copied} rows; all {adopted.rows} rows of the old table are in the new one")
        return Output(asdict(adopted), shown)
    result = baselining.baseline(options, through=arguments.through, unchecked=arguments.unchecked)
    return Output(asdict(result), [f"recorded {name}" for name in result.recorded])


def _examine(arguments: argparse.Namespace, bar: _Bar) -> Output:
    found = doctor(_options(arguments, bar))
    shown: list[RenderableType] = []
    for entry in found:
        shown.append(f"{entry.state:<8}{entry.check}: {entry.found}")
        if entry.remedy:
            shown.append(f"        -> {entry.remedy}")
    bad = any(entry.state == "error" for entry in found)
    return Output([asdict(entry) for entry in found], shown, EXIT_ERROR if bad else EXIT_OK)


def _letters(arguments: argparse.Namespace, bar: _Bar) -> Output:
    options = _options(arguments, bar)
    if arguments.action == "replay":
        return _replayed(
            dead_letters.replay_dead_letters(options, ids=arguments.id, repair=arguments.repair, force=arguments.force)
        )
    if arguments.action == "import":
        result = dead_letters.import_dead_letters(options, file=arguments.file)
        return Output(
            {"imported": result.imported, "file": str(result.file)},
            [f"imported {result.imported} dead letters from {result.file}"],
        )
    found = dead_letters.dead_letters(options, limit=arguments.limit, replayed=arguments.replayed)
    table = Table("id", "at", "event", "reason", "message")
    for letter in found.letters:
        at = f"{letter.created_at:%Y-%m-%d %H:%M:%S}"
        table.add_row(str(letter.id), at, letter.event_type, letter.reason, letter.message)
    return Output(asdict(found), [table, f"{found.waiting} wait to be replayed"])


def _replayed(result: dead_letters.Replayed) -> Output:
    shown = [f"stored {result.replayed} events, of which {result.held} were there already"]
    shown += [f"letter {entry.id} ({entry.event_type}) was refused again: {entry.message}" for entry in result.refused]
    return Output(asdict(result), shown, EXIT_ERROR if result.refused else EXIT_OK)


_COMMANDS: Final[dict[str, Callable[[argparse.Namespace, _Bar], Output]]] = {
    "all": _apply,
    "pre": _apply,
    "post": _apply,
    "status": _status,
    "dry-run": _dry_run,
    "new": _new_files,
    "check": _check,
    "baseline": _baseline_it,
    "doctor": _examine,
    "dead-letters": _letters,
    "drift": _drift,
    "refresh": _refresh,
    "backfill": _backfill,
    "maintain": _maintain,
}
