"""``drift`` on ClickHouse: the live database beside its twin, and what no statement says of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from adi_analytics._shared.clickhouse.errors import RefusedByServerError
from adi_analytics.migrate.clickhouse.drift import conditions, recount
from adi_analytics.migrate.clickhouse.drift.twin import Described, described, is_ours, twin
from adi_analytics.migrate.clickhouse.files.objects import AGGREGATES, Made, written
from adi_analytics.migrate.clickhouse.server.record import read_applied
from adi_analytics.migrate.clickhouse.server.session import Server, opened
from adi_analytics.migrate.drift.drift import DriftResult
from adi_analytics.migrate.drift.findings import LATER, Finding, Fix, difference, ordered
from adi_analytics.migrate.options import check_times
from adi_analytics.migrate.run.plan import make_plan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from adi_analytics.migrate.files.migration import MigrationFile
    from adi_analytics.migrate.options import Options

_EVENTS_LOST = "Events or letters may be refused or lost until it is mended."


def drift(options: Options, *, recount_rows: bool, since: datetime | None, until: datetime | None) -> DriftResult:
    """Compare the live database with what its migrations add up to, as `adi_analytics.migrate.drift` says."""
    check_times(since=since, until=until)
    started = time.monotonic()
    with opened(options, "drift") as server:
        applied = read_applied(server)
        plan = make_plan(server.files, applied, "all")
        done = [file for file in server.files if file not in plan.pending]
        findings = [_pending(plan.pending)] if plan.pending else []
        findings += structure(server, done) if done else []
        counted: int | None = None
        if done and server.has(AGGREGATES):
            findings += _conditions(server, findings)
            if recount_rows and not any(one.severity == "error" for one in findings):
                counted, more = recount.compare(server, options.progress, since, until)
                findings += more
        return DriftResult(server.backend, ordered(findings), time.monotonic() - started, counted)


def _conditions(server: Server, known: Sequence[Finding]) -> list[Finding]:
    """Return what is wrong beside the tables; when one of those is missing that say it, that it can't be known yet."""
    try:
        return conditions.findings(server)
    except RefusedByServerError:
        if not known:
            raise
        return [Finding("info", "stored buckets", "compared", "not compared", advice=LATER)]


def _pending(files: Sequence[MigrationFile]) -> Finding:
    names = ", ".join(file.name for file in files)
    return Finding("info", "migrations", "all applied", f"pending: {names}", advice="Run `analytics-migrate all`.")


def structure(server: Server, files: Sequence[MigrationFile]) -> list[Finding]:
    """Return what differs between the tables and views of the database and those that *files* make."""
    made = written(files)
    with twin(server, files) as expected:
        live = described(server.session, server.database)
    return list(_compared(server, made, expected, live))


def _compared(
    server: Server, made: Mapping[str, Made], expected: Mapping[str, Described], live: Mapping[str, Described]
) -> Iterator[Finding]:
    for name, wanted in expected.items():
        one, found = made.get(name), live.get(name)
        kind = _kind(wanted)
        if found is None:
            fix = Fix(f"{one.repeatable};" if one else "", "" if one is None or one.kind != "table" else _refill(one))
            yield Finding("error", f"{kind} {name}", "is there", "is missing", *fix)
        elif found != wanted:
            ours, theirs = difference(_lines(wanted), _lines(found))
            is_view = one is not None and one.kind == "view"
            fix = Fix(f"{one.repeatable};") if one is not None and is_view else Fix("", _ALTER.format(kind, name))
            yield Finding("error", f"{kind} {name}", ours, theirs, *fix)
    for name, found in live.items():
        if name not in expected and not is_ours(name):
            yield from _stranger(server, name, found)


_ALTER = (
    "Bring the {0} {1} back by ALTER. If its rows can be computed again, drop it, run the statement of the migration "
    "and `analytics-migrate refresh --rebuild`."
)


def _refill(one: Made) -> str:
    return "Then run `analytics-migrate refresh --rebuild`." if one.fingerprint else _EVENTS_LOST


def _stranger(server: Server, name: str, found: Described) -> Iterator[Finding]:
    """Yield a finding for a table or view that no migration makes, if it has to do with ours."""
    reads_events = found.engine == "MaterializedView" and server.stored in found.statement
    if reads_events:
        yield Finding(
            "warning", f"materialized view {name}", "no view of somebody else's in the way of inserts",
            "it runs with each insert of events", advice="If it fails, events are refused. Drop it, or watch it.",
        )  # fmt: skip
    elif name.startswith("analytics_meta_"):
        yield Finding("info", f"{_kind(found)} {name}", "no migration makes it", "is there", advice="Drop it.")


def _kind(one: Described) -> str:
    if one.engine == "MaterializedView":
        return "materialized view"
    return "view" if one.engine == "View" else "table"


_MARKS = (" ENGINE = ", " PARTITION BY ", " ORDER BY ", " TTL ", " SETTINGS ", " AS SELECT ", " FROM ", " WHERE ")


def _lines(one: Described) -> str:
    """Return the statement in lines, so that only what differs is shown."""
    text = one.statement.replace(", `", ",\n`")
    for mark in (
        " ENGINE = ",
        " PARTITION BY ",
        " ORDER BY ",
        " TTL ",
        " SETTINGS ",
        " AS SELECT ",
        " FROM ",
        " WHERE ",
    ):
        text = text.replace(mark, f"\n{mark.lstrip()}")
    return text
