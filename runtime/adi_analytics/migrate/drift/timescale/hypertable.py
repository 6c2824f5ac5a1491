"""Checks what only TimescaleDB has of a table: chunks and compression."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final, LiteralString

from adi_analytics._shared.sql import interval, literal
from adi_analytics.migrate.drift.describe import Description
from adi_analytics.migrate.drift.findings import Finding
from adi_analytics.migrate.files.manifest import Manifest
from adi_analytics.migrate.files.statements import Compression
from adi_analytics.migrate.server.backend import Database
from adi_analytics.migrate.server.connection import Connection, fetch_value

# The user's SELECT is kept in the direct view; the public one unions stored and raw rows.
_DEFINITIONS: Final[LiteralString] = """
select c.user_view_name::text, pg_get_viewdef(v.oid)
from _timescaledb_catalog.continuous_agg c
join pg_catalog.pg_namespace n on n.nspname = c.direct_view_schema
join pg_catalog.pg_class v on v.relnamespace = n.oid and v.relname = c.direct_view_name
where c.user_view_schema = %s
"""


def use_definitions(connection: Connection, database: Database, live: Description) -> None:
    """Put the SELECT of each continuous aggregate in the place of the view that unions it with raw rows."""
    for name, definition in connection.execute(_DEFINITIONS, (database.schema,)):
        entry = live.objects.get(f"view {name}")
        if entry is not None:
            entry["definition"] = definition


def hypertable(connection: Connection, database: Database, snapshot: Manifest) -> Iterator[Finding]:
    """Yield a table that is no hypertable, or chunks of another length."""
    table = snapshot.storage.table
    found = fetch_value(
        connection,
        "select time_interval from timescaledb_information.dimensions"
        " where hypertable_schema = %s and hypertable_name = %s and column_name = 'timestamp'",
        database.schema,
        table,
    )
    expected = timedelta(seconds=snapshot.storage.chunk_interval)
    if found is None:
        yield Finding(
            "error", f"table {table}", "a hypertable over timestamp", "a plain table",
            f"select create_hypertable({literal(table)}, 'timestamp', migrate_data => true);",
        )  # fmt: skip
    elif found != expected:
        yield Finding(
            "warning", f"hypertable {table}", f"chunk interval: {expected}", f"chunk interval: {found}",
            f"select set_chunk_time_interval({literal(table)}, {interval(snapshot.storage.chunk_interval)});",
        )  # fmt: skip


def compression(connection: Connection, database: Database, snapshot: Manifest) -> Iterator[Finding]:
    """Yield other compression settings than the catalog's."""
    settings = [entry for entry in snapshot.storage_ddl["timescaledb"].policies if isinstance(entry, Compression)]
    for wanted in settings:  # without any, chunks that were compressed before stay so, and keep the settings
        yield from _compression(connection, database, wanted)


def _compression(connection: Connection, database: Database, wanted: Compression) -> Iterator[Finding]:
    expected = {
        "segmentby": [(column, True) for column in wanted.segment_by],
        "orderby": [(order.column, not order.descending) for order in wanted.order_by],
    }
    rows = connection.execute(
        "select attname::text, segmentby_column_index, orderby_column_index, orderby_asc"
        " from timescaledb_information.compression_settings where hypertable_schema = %s and hypertable_name = %s"
        " order by segmentby_column_index, orderby_column_index",
        (database.schema, wanted.object),
    ).fetchall()
    found = {
        "segmentby": [(row[0], True) for row in rows if row[1] is not None],
        "orderby": [(row[0], bool(row[3])) for row in rows if row[2] is not None],
    }
    for key, columns in expected.items():
        if columns != found[key]:
            yield Finding(
                "error", f"compression of {wanted.object}", f"{key}: {_listed(columns)}",
                f"{key}: {_listed(found[key])}", f"{wanted.sql};",
            )  # fmt: skip


def _listed(columns: list[tuple[str, bool]]) -> str:
    return ", ".join(name if ascending else f"{name} desc" for name, ascending in columns) or "none"
