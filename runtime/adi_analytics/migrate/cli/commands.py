"""What each command does with its parsed arguments: calls the library and returns what to show."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final, cast

from adi_analytics.migrate.cli.output import Output, Table, minute
from adi_analytics.migrate.cli.progress_bar import Bar
from adi_analytics.migrate.errors import EXIT_DRIFT, EXIT_ERROR, EXIT_OK, EXIT_PENDING, UsageError
from adi_analytics.migrate.options import DEFAULT_LOCK_WAIT, EVERY_BACKEND, Options, Timeouts, Wanted

if TYPE_CHECKING:
    from adi_analytics.migrate.drift.drift import DriftResult
    from adi_analytics.migrate.drift.findings import Finding
    from adi_analytics.migrate.upkeep.maintain import MaintainResult
    from adi_analytics.migrate.upkeep.replay import Replayed


def run(arguments: argparse.Namespace) -> Output:
    """Run the command that *arguments* name.

    Raises:
        AnalyticsError: With what is wrong and what to do about it.
    """
    name: str = arguments.command
    with Bar(name, quiet=name == "maintain").running() as bar:
        return _COMMANDS[arguments.command](arguments, bar)


def _options(arguments: argparse.Namespace, bar: Bar) -> Options:
    given = vars(arguments)
    timeouts = Timeouts(given.get("lock_timeout"), given.get("statement_timeout"))
    return Options(
        database_url=given.get("database_url"),
        catalog=arguments.catalog,
        project=arguments.project,
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


def _apply(arguments: argparse.Namespace, bar: Bar) -> Output:
    from adi_analytics.migrate.anywhere import apply

    result = apply(cast("Wanted", arguments.command), _options(arguments, bar))
    granted = [f"{role} may {_RIGHTS[kind]}" for kind, role in result.granted]
    if not result.applied:
        nothing = f"nothing to do: {result.already} migrations are applied ({result.backend})"
        return Output(asdict(result), granted or nothing)
    lines = [(file.name, file.phase, f"{file.seconds:.2f}") for file in result.applied]
    table = Table(("migration", "phase", "seconds"), lines, f"applied on {result.backend}")
    return Output(asdict(result), [table, *granted])


_RIGHTS: Final = {
    "writer": "now insert events and dead letters, and mark late hours",
    "reader": "now read the aggregates",
}


def _status(arguments: argparse.Namespace, bar: Bar) -> Output:
    from adi_analytics.migrate.anywhere import status as read_status

    status = read_status(_options(arguments, bar))
    rows: list[dict[str, Any]] = [
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
    lines = [(row["name"], row["status"], minute(row.get("at")), row.get("by", "")) for row in rows]
    table = Table(("migration", "status", "at (UTC)", "by"), lines)
    data = {
        "backend": status.backend, "schema": status.schema, "migrations": rows,
        "pending": {phase: sum(file.phase == phase for file in status.pending) for phase in ("pre", "post")},
        "backfills": list(status.waiting), "notes": list(status.notes),
    }  # fmt: skip
    shown: list[str | Table] = [f"backend {status.backend}, schema {status.schema}", table]
    shown += [f"backfill not done: {name} (run `analytics-migrate backfill`)" for name in status.waiting]
    shown += [f"warning: {note}" for note in status.notes]
    shown.append(f"{len(status.applied)} applied, {len(status.pending)} pending")
    pending = arguments.check and bool(status.pending or status.waiting)
    return Output(data, shown, EXIT_PENDING if pending else EXIT_OK)


def _dry_run(arguments: argparse.Namespace, bar: Bar) -> Output:
    from adi_analytics.migrate.anywhere import dry_run, dry_run_offline

    options = _options(arguments, bar)
    if not arguments.offline:
        result = dry_run(arguments.phase, options)
    elif arguments.backend is None:
        raise UsageError(
            "--offline needs a backend",
            f"Add --backend {', '.join(EVERY_BACKEND[:-1])} or {EVERY_BACKEND[-1]}.",
            setting="backend",
        )
    else:
        result = dry_run_offline(arguments.phase, options, schema=arguments.schema)
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
    lines = [
        (file.name, file.phase, _yes_or_no(file.header.transaction), _yes_or_no(file.header.destructive))
        for file in result.files
    ]
    table = Table(("migration", "phase", "transaction", "destructive"), lines)
    return Output(data, [f"backend {result.backend}", table, f"{len(rows)} would run"])


def _yes_or_no(value: bool) -> str:  # noqa: FBT001 - a value, not a switch
    return "yes" if value else "no"


def _name_files(arguments: argparse.Namespace, bar: Bar) -> None:
    """Say which files are used, and why: outside a project they are a package's, which may surprise."""
    from adi_analytics.migrate.author.new import used

    files = used(**_files(arguments))
    bar.step(f"catalog: {files.why}")
    bar.step(f"manifest: {files.manifest}")
    bar.step(f"migrations: {files.migrations}")


def _files(arguments: argparse.Namespace) -> dict[str, Any]:
    names = ("migrations", "manifest", "catalog", "project")
    return {name: getattr(arguments, name) for name in names}


def _new_files(arguments: argparse.Namespace, bar: Bar) -> Output:
    from adi_analytics.migrate.anywhere import lock, new

    if arguments.lock:
        files = _files(arguments)
        del files["manifest"]
        lines = lock(**files)
        return Output(lines, [*(f"locked {line}" for line in lines)] or "every file has its line already")
    _name_files(arguments, bar)
    result = new(arguments.message, **_files(arguments), drop_retired=arguments.drop_retired)
    if not result.written:
        return Output(asdict(result), "nothing to write: no migration is needed")
    shown = [*(f"wrote {name}" for name in result.written), *(f"  {line}" for line in result.changes)]
    return Output(asdict(result), [*shown, "Review the files, then commit them with the lock and the snapshot."])


def _check(arguments: argparse.Namespace, bar: Bar) -> Output:
    from adi_analytics.migrate.anywhere import check

    _name_files(arguments, bar)
    count = check(**_files(arguments))
    return Output({"migrations": count}, f"ok: {count} migrations lead to the catalog")


def _refresh(arguments: argparse.Namespace, bar: Bar) -> Output:
    from adi_analytics.migrate.anywhere import refresh

    result = refresh(
        arguments.aggregate,
        since=arguments.since,
        until=arguments.until,
        rebuild=arguments.rebuild,
        options=_options(arguments, bar),
    )
    lines = [
        (entry.rollup, minute(entry.since) or "nothing to do", f"{entry.seconds:.2f}") for entry in result.refreshed
    ]
    return Output(asdict(result), [Table(("aggregate", "computed since (UTC)", "seconds"), lines)])


def _backfill(arguments: argparse.Namespace, bar: Bar) -> Output:
    from adi_analytics.migrate.anywhere import backfill

    filled = backfill(_options(arguments, bar))
    shown = [f"filled {entry.rollup}: {entry.buckets} buckets" for entry in filled] or ["nothing to fill"]
    return Output([asdict(entry) for entry in filled], shown)


def _maintain(arguments: argparse.Namespace, bar: Bar) -> Output:
    from adi_analytics.migrate.anywhere import maintain, maintain_loop, refuse_clickhouse

    options = _options(arguments, bar)
    if arguments.install_pg_cron:
        from adi_analytics.migrate.upkeep.maintain import install_pg_cron

        refuse_clickhouse(options, "--install-pg-cron")
        job = install_pg_cron(arguments.install_pg_cron, options)
        return Output(
            {"job": job}, f"pg_cron job {job} calls analytics_meta.maintain() at {arguments.install_pg_cron!r}"
        )
    if arguments.loop:
        maintain_loop(options, every=arguments.every, report=lambda outcome: bar.rest(_outcome(outcome)))
        return Output(None, "")
    result = maintain(options, forced=arguments.force)
    return Output(asdict(result), _outcome(result))


def _outcome(result: MaintainResult | Exception) -> str:
    if isinstance(result, Exception):
        return f"failed: {result}"
    if not result.ran:
        return "another maintain is running"
    lost = f" ({result.late_hours_lost} too old)" if result.late_hours_lost else ""
    uncounted = f" ({result.rows_uncounted} rows uncounted)" if result.rows_uncounted else ""
    notes = "".join(f"; {note}" for note in result.notes)
    return (
        f"partitions made {result.partitions}, expired {result.expired}{uncounted}; "
        f"refreshed {len(result.refreshed)}, filled {len(result.backfills)}; late hours {result.late_hours}{lost}"
        f"{notes}"
    )


def _drift(arguments: argparse.Namespace, bar: Bar) -> Output:
    from adi_analytics.migrate.anywhere import drift

    result = drift(_options(arguments, bar), recount=arguments.recount, since=arguments.since, until=arguments.until)
    bad = any(finding.severity != "info" for finding in result.findings)
    return Output(asdict(result), [*_shown(result.findings), _summary(result)], EXIT_DRIFT if bad else EXIT_OK)


def _shown(findings: Sequence[Finding]) -> Iterator[str]:
    for finding in findings:
        yield f"{finding.severity}: {finding.object}"
        for name in ("expected", "actual", "fix", "advice"):
            if name in {"fix", "advice"} and not getattr(finding, name):
                continue
            first, *more = str(getattr(finding, name)).splitlines() or [""]
            yield f"  {name + ':':<10}{first}"
            yield from (f"            {line}" for line in more)


def _summary(result: DriftResult) -> str:
    count = len(result.findings)
    found = "1 finding" if count == 1 else f"{count or 'no'} findings"
    recounted = "" if result.recounted is None else f"; {result.recounted} stored rows compared with the events"
    return f"{found} in {result.seconds:.2f} s ({result.backend}){recounted}"


def _baseline_it(arguments: argparse.Namespace, bar: Bar) -> Output:
    from adi_analytics.migrate.anywhere import baseline, refuse_clickhouse

    options = _options(arguments, bar)
    if arguments.adopt:
        from adi_analytics.migrate.adopt.adopt import adopt

        refuse_clickhouse(options, "adopt")
        adopted = adopt(options)
        shown = [f"renamed {old} to {new}" for old, new in adopted.renamed.items()]
        shown.append(f"copied {adopted.copied} rows; all {adopted.rows} rows of the old table are in the new one")
        return Output(asdict(adopted), shown)
    result = baseline(options, through=arguments.through, unchecked=arguments.unchecked)
    return Output(asdict(result), [f"recorded {name}" for name in result.recorded])


def _examine(arguments: argparse.Namespace, bar: Bar) -> Output:
    from adi_analytics.migrate.anywhere import doctor

    found = doctor(_options(arguments, bar))
    shown: list[str] = []
    for entry in found:
        shown.append(f"{entry.state:<8}{entry.check}: {entry.found}")
        if entry.remedy:
            shown.append(f"        -> {entry.remedy}")
    bad = any(entry.state == "error" for entry in found)
    return Output([asdict(entry) for entry in found], shown, EXIT_ERROR if bad else EXIT_OK)


def _letters(arguments: argparse.Namespace, bar: Bar) -> Output:
    from adi_analytics.migrate.anywhere import dead_letters, import_dead_letters, replay_dead_letters

    options = _options(arguments, bar)
    if arguments.file is not None and arguments.action != "import":
        raise UsageError(
            f"dead-letters {arguments.action} takes no file",
            "Bring the letters of a file into the table with `analytics-migrate dead-letters import FILE`.",
            setting="file",
            value=arguments.file,
        )
    if arguments.action == "replay":
        return _replayed(replay_dead_letters(options, ids=arguments.id, repair=arguments.repair, force=arguments.force))
    if arguments.action == "import":
        result = import_dead_letters(options, file=arguments.file)
        return Output(
            {"imported": result.imported, "file": str(result.file)},
            f"imported {result.imported} dead letters from {result.file}"
            if result.imported
            else f"nothing to import: there are no dead letters in {result.file}",
        )
    found = dead_letters(options, limit=arguments.limit, replayed=arguments.replayed, payload=arguments.payload)
    more = ("payload",) if arguments.payload else ()
    lines = [
        (
            str(entry.id), minute(entry.created_at), entry.event_type, str(entry.event_id), entry.reason,
            entry.message, *(json.dumps(entry.payload) for _ in more),
        )
        for entry in found.letters
    ]  # fmt: skip
    table = Table(("id", "at (UTC)", "event", "event id", "reason", "message", *more), lines)
    return Output(asdict(found), [table, f"{found.waiting} wait to be replayed"])


def _replayed(result: Replayed) -> Output:
    shown = [f"stored {result.replayed} events, of which {result.held} were there already"]
    shown += [f"letter {entry.id} ({entry.event_type}) was refused again: {entry.message}" for entry in result.refused]
    shown += [
        f"not checked: {', '.join(fields)} of {event_type}, which the catalog does not store as it was"
        for event_type, fields in result.unchecked.items()
    ]
    return Output(asdict(result), shown, EXIT_ERROR if result.refused else EXIT_OK)


def _audit(arguments: argparse.Namespace, bar: Bar) -> Output:
    from adi_analytics.migrate.cli.audit import show_audit

    return show_audit(arguments, _options(arguments, bar))


def _plan(arguments: argparse.Namespace, _: Bar) -> Output:
    from adi_analytics.migrate.cli.capacity import show_plan

    return show_plan(arguments)


def _copy(arguments: argparse.Namespace, bar: Bar) -> Output:
    from adi_analytics.migrate.cli.copying import copy_events

    return copy_events(arguments, _options(arguments, bar))


def _people(arguments: argparse.Namespace, bar: Bar) -> Output:
    from adi_analytics.migrate.cli import people

    return people.COMMANDS[arguments.command](arguments, _options(arguments, bar))


_COMMANDS: Final[dict[str, Callable[[argparse.Namespace, Bar], Output]]] = {
    "all": _apply,
    "pre": _apply,
    "post": _apply,
    "status": _status,
    "dry-run": _dry_run,
    "new": _new_files,
    "check": _check,
    "baseline": _baseline_it,
    "doctor": _examine,
    "audit": _audit,
    "plan": _plan,
    "dead-letters": _letters,
    "drift": _drift,
    "refresh": _refresh,
    "backfill": _backfill,
    "maintain": _maintain,
    "copy": _copy,
    "export-user": _people,
    "erase-user": _people,
}
