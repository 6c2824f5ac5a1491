"""The events table when no migration made it: the predecessor's, or one of ours whose record is lost."""

from __future__ import annotations

from typing import Final

from adi_analytics._shared.sql import quote
from adi_analytics.migrate.server.backend import Database
from adi_analytics.migrate.server.connection import Connection

SUFFIX: Final = "_original"
"""What an adoption puts behind the name of the predecessor's table."""

PRESENT: Final = "event_id"
"""A column that every table of ours has, and no table of the predecessor."""


def columns_of(connection: Connection, database: Database, table: str) -> set[str]:
    """Return the columns of *table*, in the schema of the events; none if there is no such table."""
    rows = connection.execute(
        "select attname::text from pg_catalog.pg_attribute where attrelid = to_regclass(%s) and attnum > 0"
        " and not attisdropped",
        (f"{quote(database.schema)}.{quote(table)}",),
    ).fetchall()
    return {row[0] for row in rows}


def how_to_take(connection: Connection, database: Database, table: str) -> str | None:
    """Return how to take over what is there in a database without a record; ``None`` if there is nothing."""
    columns = columns_of(connection, database, table)
    if PRESENT in columns:
        return f"The table {table} is there without a record: write one with `analytics-migrate baseline`."
    if columns or columns_of(connection, database, table + SUFFIX):
        return f"The predecessor's table {table} is there: take its rows with `analytics-migrate baseline --adopt`."
    return None
