"""Compares the settings that the procedures of ``analytics_meta`` work by with the catalog."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final, LiteralString

from psycopg.rows import dict_row

from adi_analytics._shared.sql import interval, literal, quote
from adi_analytics.migrate.author import counts, history, statements, versions
from adi_analytics.migrate.drift import check_answers
from adi_analytics.migrate.drift.findings import Finding, show
from adi_analytics.migrate.files.manifest import Aggregate, Manifest
from adi_analytics.migrate.server.backend import Database
from adi_analytics.migrate.server.connection import Connection


def check(connection: Connection, database: Database, snapshot: Manifest) -> Iterator[Finding]:
    """Yield what differs in the rows of ``analytics_meta``."""
    yield from _storage(connection, snapshot)
    yield from _aggregates(connection, snapshot)
    yield from _counts(connection, snapshot)
    yield from check_answers.rows(connection, snapshot)
    yield from _histories(connection, database, snapshot)
    if database.backend != "timescaledb":
        yield from _rollups(connection, snapshot)


def _storage(connection: Connection, snapshot: Manifest) -> Iterator[Finding]:
    row = connection.execute("select table_name, chunk_interval, retention from analytics_meta.storage").fetchone()
    wanted = snapshot.storage
    if row is None:
        fix = f"{statements.settings(wanted).sql};"
        yield Finding("error", "row of analytics_meta.storage", "present", "missing", fix)
        return
    expected = (wanted.table, timedelta(seconds=wanted.chunk_interval), _span(wanted.retention))
    for name, should, found in zip(("table_name", "chunk_interval", "retention"), expected, row, strict=True):
        if should != found:
            yield Finding(
                "error",
                "row of analytics_meta.storage",
                f"{name}: {show(should)}",
                f"{name}: {show(found)}",
                f"update analytics_meta.storage set {name} = {_sql(should)};",  # noqa: S608 - names and literals are quoted
            )


def _span(seconds: int | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


def _sql(value: str | timedelta | None) -> str:
    if isinstance(value, timedelta):
        return interval(int(value.total_seconds()))
    return "null" if value is None else literal(value)


_COLUMNS = (
    "aggregate", "version", "relations", "bucket_column", "width", "refresh_every", "refresh_window", "refresh_lag",
    "active", "time_zone",
)  # fmt: skip


def _aggregates(connection: Connection, snapshot: Manifest) -> Iterator[Finding]:
    rows: dict[str, dict[str, Any]] = {
        row[0]: dict(zip(_COLUMNS, row[1:], strict=True))
        for row in connection.execute(
            "select rollup, aggregate, version, relations, bucket_column, width, refresh_every, refresh_window,"
            # The column is missing before the migration that brings it.
            " refresh_lag, active, to_jsonb(a) ->> 'time_zone' from analytics_meta.aggregates a"
        )
    }
    entries = {entry.rollup: entry for entry in [*snapshot.aggregates, *snapshot.retired]}
    expected = {rollup: _row(entry, active=entry in snapshot.aggregates) for rollup, entry in entries.items()}
    for rollup, values in expected.items():
        found = rows.pop(rollup, None)
        place = f"row {rollup} of analytics_meta.aggregates"
        if found is None:
            yield Finding("error", place, "present", "missing", f"{versions.register(entries[rollup]).sql};")
            continue
        for name, should in values.items():
            if found[name] != should:
                change = literal(json.dumps(should)) if isinstance(should, list) else _value(should)
                yield Finding(
                    "error", place, f"{name}: {show(should)}", f"{name}: {show(found[name])}",
                    f"update analytics_meta.aggregates set {name} = {change} where rollup = {literal(rollup)};",  # noqa: S608 - names and literals are quoted
                )  # fmt: skip
    for rollup in rows:
        yield Finding(
            "warning", f"row {rollup} of analytics_meta.aggregates", "absent", "present",
            f"delete from analytics_meta.aggregates where rollup = {literal(rollup)};",  # noqa: S608 - names and literals are quoted
        )  # fmt: skip


def _counts(connection: Connection, snapshot: Manifest) -> Iterator[Finding]:
    """Yield what differs in the rows by which trailing counts are kept."""
    entries = [*snapshot.aggregates, *snapshot.retired]
    expected = {counts.row(e, c)["members"]: (e, c) for e in entries for c in e.counts}
    query: LiteralString = (
        "select members, rollup, keys, extract(epoch from span)::integer as span, counts, counted, recent,"
        " recent_rows, recency from analytics_meta.counts"
    )
    with connection.cursor(row_factory=dict_row) as cursor:
        found = {values["members"]: values for values in cursor.execute(query)}
    for members, (entry, kept) in expected.items():
        place, values = f"row {members} of analytics_meta.counts", counts.row(entry, kept)
        if found.get(members) != values:
            yield Finding(
                "error", place, show(values), show(found.get(members, "missing")),
                f"delete from analytics_meta.counts where members = {literal(members)};"  # noqa: S608 - quoted
                f" {counts.register(entry, kept).sql};",
            )  # fmt: skip
    for members in sorted(found.keys() - expected.keys()):
        yield Finding(
            "warning", f"row {members} of analytics_meta.counts", "absent", "present",
            f"delete from analytics_meta.counts where members = {literal(members)};",  # noqa: S608 - quoted
        )  # fmt: skip


def _histories(connection: Connection, database: Database, snapshot: Manifest) -> Iterator[Finding]:
    """Yield aggregates that forgot up to where their history reaches: its rows are not seen then."""
    rows = connection.execute("select rollup from analytics_meta.aggregates where history_before is null")
    forgotten = {row[0] for row in rows}
    for entry in snapshot.aggregates:
        if (entry.history or entry.kept_members) and entry.rollup in forgotten:
            kept = (
                history.history_table(entry.views[0], entry)
                if entry.history
                else history.members_table(entry.relations[0])
            )
            table = f"{quote(database.schema)}.{quote(kept)}"
            newest, zone = f"max({quote(entry.bucket.column)})", entry.bucket.zone
            after = f"analytics_meta.next_bucket(width, {newest}{zone})" if zone else f"{newest} + width"
            yield Finding(
                "error", f"row {entry.rollup} of analytics_meta.aggregates",
                "history_before: a time", "history_before: none",
                "update analytics_meta.aggregates set history_before = "  # noqa: S608 - names and literals are quoted
                f"coalesce((select {after} from {table}),"
                f" analytics_meta.refresh_floor(width{zone}), analytics_meta.bucket_start(width, now(){zone}))"
                f" where rollup = {literal(entry.rollup)};",
            )  # fmt: skip


def _value(value: Any) -> str:
    return _sql(value) if isinstance(value, timedelta) else literal(value)


def _row(entry: Aggregate, *, active: bool) -> dict[str, Any]:
    refresh = entry.refresh
    return {
        "aggregate": entry.name,
        "version": entry.version,
        "relations": [{"name": r.name, "rows": r.rows_function} for r in entry.relations],
        "bucket_column": entry.bucket.column,
        "width": timedelta(days=30) if entry.bucket.unit == "month" else timedelta(seconds=entry.bucket.width),
        "refresh_every": timedelta(seconds=refresh.every),
        "refresh_window": timedelta(seconds=refresh.window),
        "refresh_lag": timedelta(seconds=refresh.lag),
        "active": active,
        "time_zone": entry.bucket.time_zone,
    }


# Below a watermark only stored rows are read, so from one in the future nothing new is seen until then.
_AHEAD: Final[LiteralString] = (
    "select rollup, watermark::text from analytics_meta.rollups where watermark > now() order by rollup"
)
_BACK: Final = (
    "update analytics_meta.rollups r set watermark = coalesce((select analytics_meta.refresh_floor(a.width{})"
    " from analytics_meta.aggregates a where a.rollup = r.rollup), '-infinity')"
)


def _rollups(connection: Connection, snapshot: Manifest) -> Iterator[Finding]:
    found = {row[0] for row in connection.execute("select rollup from analytics_meta.rollups")}
    expected = {entry.rollup for entry in [*snapshot.aggregates, *snapshot.retired]}
    for rollup in sorted(expected - found):
        yield Finding(
            "error", f"row {rollup} of analytics_meta.rollups", "present", "missing",
            f"insert into analytics_meta.rollups (rollup) values ({literal(rollup)});",  # noqa: S608 - names and literals are quoted
            advice="Then run `analytics-migrate refresh`.",
        )  # fmt: skip
    zones = {entry.rollup: entry.bucket.zone for entry in [*snapshot.aggregates, *snapshot.retired]}
    for rollup, at in connection.execute(_AHEAD):
        yield Finding(
            "error", f"row {rollup} of analytics_meta.rollups", "watermark: not in the future", f"watermark: {at}",
            f"{_BACK.format(zones.get(rollup, ''))} where rollup = {literal(rollup)};",
        )  # fmt: skip
    for rollup in sorted(found - expected):
        yield Finding(
            "warning", f"row {rollup} of analytics_meta.rollups", "absent", "present",
            f"delete from analytics_meta.rollups where rollup = {literal(rollup)};",  # noqa: S608 - names and literals are quoted
        )  # fmt: skip
