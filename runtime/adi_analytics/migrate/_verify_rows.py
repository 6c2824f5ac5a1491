"""Compares the settings that the procedures of ``analytics_meta`` work by with the catalog."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from adi_analytics.migrate import _history
from adi_analytics.migrate._database import Connection, Database, literal
from adi_analytics.migrate._findings import Finding, show
from adi_analytics.migrate._manifest import Aggregate, Manifest


def check(connection: Connection, database: Database, snapshot: Manifest) -> Iterator[Finding]:
    """Yield what differs in the rows of ``analytics_meta``."""
    yield from _storage(connection, snapshot)
    yield from _aggregates(connection, snapshot)
    if database.backend != "timescaledb":
        yield from _rollups(connection, snapshot)


def _storage(connection: Connection, snapshot: Manifest) -> Iterator[Finding]:
    row = connection.execute("select table_name, chunk_interval, retention from analytics_meta.storage").fetchone()
    wanted = snapshot.storage
    expected = (wanted.table, timedelta(seconds=wanted.chunk_interval), _span(wanted.retention))
    for name, should, found in zip(
        ("table_name", "chunk_interval", "retention"), expected, row or (None, None, None), strict=True
    ):
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
        return _history.interval(int(value.total_seconds()))
    return "null" if value is None else literal(value)


_COLUMNS = (
    "aggregate", "version", "relations", "bucket_column", "width", "refresh_every", "refresh_window", "refresh_lag",
    "active",
)  # fmt: skip


def _aggregates(connection: Connection, snapshot: Manifest) -> Iterator[Finding]:
    rows: dict[str, dict[str, Any]] = {
        row[0]: dict(zip(_COLUMNS, row[1:], strict=True))
        for row in connection.execute(
            "select rollup, aggregate, version, relations, bucket_column, width, refresh_every, refresh_window,"
            " refresh_lag, active from analytics_meta.aggregates"
        )
    }
    expected = {entry.rollup: _row(entry, active=True) for entry in snapshot.aggregates}
    expected |= {entry.rollup: _row(entry, active=False) for entry in snapshot.retired}
    for rollup, values in expected.items():
        found = rows.pop(rollup, None)
        place = f"row {rollup} of analytics_meta.aggregates"
        if found is None:
            yield Finding("error", place, "present", "missing", "Restore the row: without it nothing is refreshed.")
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


def _value(value: Any) -> str:
    return _sql(value) if isinstance(value, timedelta) else literal(value)


def _row(entry: Aggregate, *, active: bool) -> dict[str, Any]:
    refresh = entry.refresh
    return {
        "aggregate": entry.name,
        "version": entry.version,
        "relations": [{"name": r.name, "rows": r.rows_function} for r in entry.relations],
        "bucket_column": entry.bucket.column,
        "width": timedelta(seconds=entry.bucket.width),
        "refresh_every": timedelta(seconds=refresh.every),
        "refresh_window": timedelta(seconds=refresh.window),
        "refresh_lag": timedelta(seconds=refresh.lag),
        "active": active,
    }


def _rollups(connection: Connection, snapshot: Manifest) -> Iterator[Finding]:
    found = {row[0] for row in connection.execute("select rollup from analytics_meta.rollups")}
    expected = {entry.rollup for entry in [*snapshot.aggregates, *snapshot.retired]}
    for rollup in sorted(expected - found):
        yield Finding(
            "error", f"row {rollup} of analytics_meta.rollups", "present", "missing",
            f"insert into analytics_meta.rollups (rollup) values ({literal(rollup)}); then `analytics-migrate refresh`",  # noqa: S608 - names and literals are quoted
        )  # fmt: skip
    for rollup in sorted(found - expected):
        yield Finding(
            "warning", f"row {rollup} of analytics_meta.rollups", "absent", "present",
            f"delete from analytics_meta.rollups where rollup = {literal(rollup)};",  # noqa: S608 - names and literals are quoted
        )  # fmt: skip
