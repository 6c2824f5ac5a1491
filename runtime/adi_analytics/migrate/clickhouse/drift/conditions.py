"""What a database of ClickHouse is like beside its tables: what is stored, expired, detached, hidden or stuck."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adi_analytics._shared.clickhouse.errors import RefusedByServerError
from adi_analytics._shared.clickhouse.text import literal, quoted
from adi_analytics._shared.moments import moment_of
from adi_analytics.migrate.clickhouse.files.objects import BUCKETS
from adi_analytics.migrate.clickhouse.upkeep import rollups
from adi_analytics.migrate.clickhouse.upkeep.rollups import EXPIRED, at
from adi_analytics.migrate.drift.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adi_analytics.migrate.clickhouse.server.session import Server
    from adi_analytics.migrate.clickhouse.upkeep.rollups import Rollup

_NO_RIGHT: Final = 497


def findings(server: Server) -> list[Finding]:
    """Return what is wrong with what is stored, and with what the server does to our tables."""
    found = [one for rollup in rollups.read(server) for one in _stored(server, rollup)]
    for check in (_strangers, _expired, _detached, _mutations, _policies):
        found += check(server)
    return found


def _stored(server: Server, rollup: Rollup) -> Iterator[Finding]:
    stored = rollups.stored(server, rollup.rollup)
    if stored.until is None:
        return
    now = rollups.now(server)
    name = f"stored buckets of {rollup.aggregate}"
    repair = f"Run `analytics-migrate refresh {rollup.aggregate} --rebuild`."
    if stored.until > now:
        actual = f"stored until {moment_of(stored.until)}: events of the time to come are in no view"
        yield Finding("error", name, "stored until now at most", actual, advice=repair)
    if stored.at > now:
        actual = f"the last refresh began at {moment_of(stored.at)}: a clock was ahead"
        yield Finding("error", name, "a last refresh that is over", actual, advice=repair)
    if not stored.last:
        yield Finding("error", name, "a row says when the last refresh was", "it is missing", advice=repair)
    named, bucket = literal(rollup.rollup), quoted(rollup.bucket)
    rows = quoted(rollup.rollup)
    # What a refresh wrote that was killed is newer than the last one that was not, or is named by it.
    unmarked = server.session.value(
        f"select uniqExact({bucket}) from {rows} where {bucket} < {at(stored.until)} and _version <= {stored.last}"
        f" and {bucket} not in (select bucket from {BUCKETS} where rollup = {named})"
    )
    if unmarked:
        actual = f"{unmarked} buckets have rows, and none of their versions counts"
        yield Finding("error", name, "a version counts for each bucket with rows", actual, advice=repair)


def _strangers(server: Server) -> Iterator[Finding]:
    known = ", ".join(literal(one.rollup) for one in rollups.read(server)) or "''"
    rows = server.session.rows(f"select distinct rollup from {BUCKETS} where rollup not in ({known}) order by 1")
    tables = {
        name for (name,) in server.session.rows("select name from system.tables where database = currentDatabase()")
    }
    for (name,) in rows:
        if name not in tables:
            yield Finding(
                "info", f"stored buckets of {name}", "a table", "is gone",
                fix=f"delete from {BUCKETS} where rollup = {literal(name)};",
            )  # fmt: skip


def _expired(server: Server) -> Iterator[Finding]:
    before, now = rollups.expired(server), rollups.now(server)
    if before > now:
        actual = f"everything before {moment_of(before)} counts as dropped: no bucket is computed again"
        fix = f"delete from {EXPIRED} where before > now64(6);"
        yield Finding("error", EXPIRED, "no moment that is to come", actual, fix=fix)
    if not before:
        return
    late = server.session.value(f"select count() from {quoted(server.table)} where timestamp < {at(before)}")
    if late:
        actual = f"{late} events are older than what was dropped"
        advice = "They came too late to be counted; `analytics-migrate maintain` drops them."
        yield Finding("info", server.table, f"no events before {moment_of(before)}", actual, advice=advice)


def _detached(server: Server) -> Iterator[Finding]:
    names = _ours(server)
    for table, parts in server.session.rows(
        "select `table`, count() from system.detached_parts where database = currentDatabase()"
        " and not startsWith(reason, 'ignored') and reason != 'clone' group by `table`"
    ):
        if table in names:
            actual = f"{parts} parts are detached: nobody reads their rows"
            advice = f"See system.detached_parts, then `alter table {quoted(table)} attach part '...'`, or drop them."
            yield Finding("error", f"table {table}", "all of its parts are attached", actual, advice=advice)


def _mutations(server: Server) -> Iterator[Finding]:
    names = _ours(server)
    for table, mutation in server.session.rows(
        "select `table`, mutation_id from system.mutations"
        " where database = currentDatabase() and not is_done and latest_fail_reason != ''"
    ):
        if table in names:
            advice = (
                f"See system.mutations, and mend the cause or end it: `kill mutation where mutation_id = '{mutation}'`."
            )
            yield Finding(
                "warning", f"table {table}", "its changes are carried out", f"{mutation} fails", advice=advice
            )


def _policies(server: Server) -> Iterator[Finding]:
    try:
        rows = server.session.rows(
            "select short_name, `table` from system.row_policies where database = currentDatabase()"
        )
    except RefusedByServerError as error:
        if error.code == _NO_RIGHT:  # a user who may not see them
            return
        raise
    for name, table in rows:
        if table in _ours(server):
            yield Finding(
                "warning", f"row policy {name} on {table}", "no policy hides rows", "some users don't see all rows",
                fix=f"drop row policy {quoted(name)} on {quoted(table)};",
                advice="A refresh by such a user stores too little. Drop it, or refresh as a user who sees all.",
            )  # fmt: skip


def _ours(server: Server) -> set[str]:
    tables = {server.table, server.stored, server.letters, BUCKETS, EXPIRED, rollups.TOUCHED}
    return tables.union(*(one.relations for one in rollups.read(server)))
