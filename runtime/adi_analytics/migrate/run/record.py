"""The SQL around a migration: settings, bookkeeping and audit rows, as text.

The runner executes these texts and ``dry-run`` prints the same ones, so the two cannot differ.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from typing import Any, Final

from adi_analytics._shared.sql import literal
from adi_analytics._shared.version import __version__
from adi_analytics.migrate.files.migration import MigrationFile
from adi_analytics.migrate.options import Timeouts
from adi_analytics.migrate.server.backend import FORMAT, Database
from adi_analytics.migrate.server.connection import Connection, host
from adi_analytics.migrate.server.pins import MEANING, TABLESPACE


@dataclass(frozen=True, slots=True)
class Applied:
    """A row of ``analytics_meta.migrations``."""

    number: int
    name: str
    phase: str
    variant: str
    checksum: str
    status: str
    steps: tuple[str, ...]
    started_at: datetime
    finished_at: datetime | None
    applied_by: str
    host: str
    library_version: str

    @property
    def at(self) -> str:
        """When it was applied, or begun, for people."""
        return f"{(self.finished_at or self.started_at).astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def bootstrap(database: Database) -> str:
    """Return the statements that create the migrator's own tables in a new database."""
    text = (resources.files("adi_analytics.migrate") / "sql" / "bootstrap.sql").read_text(encoding="utf-8")
    values = f"{FORMAT}, {literal(database.backend)}, {literal(database.schema)}, {literal(database.catalog)}"
    return (
        # A database of before has the table without the column.
        f"{text}\nalter table analytics_meta.installation add column if not exists catalog text;\n"
        f"insert into analytics_meta.installation (format, backend, events_schema, catalog) values ({values})\n"
        "on conflict on constraint installation_pkey do update set catalog = excluded.catalog\n"
        "where installation.catalog is null;\n"
    )


def read_applied(connection: Connection) -> list[Applied]:
    """Return what the database says was applied, in order."""
    rows = connection.execute(
        "select number, name, phase, variant, checksum, status, steps, started_at, finished_at, applied_by,"
        " host, library_version from analytics_meta.migrations order by number"
    ).fetchall()
    found: list[dict[str, Any]] = [dict(zip(_KEYS, row, strict=True)) for row in rows]
    for row in found:
        row["steps"] = tuple(row["steps"])
    return [Applied(**row) for row in found]


_KEYS: Final = tuple(field.name for field in dataclasses.fields(Applied))


def settings_for(file: MigrationFile, database: Database, timeouts: Timeouts, *, local: bool) -> str:
    """Return the SET statements that a file runs under, for its transaction or for the session."""
    scope = "set local" if local else "set"
    lines = [
        f"{scope} search_path = {database.search_path_sql};",
        f"{scope} lock_timeout = {literal(timeouts.lock or file.header.lock_timeout or '5s')};",
        f"{scope} statement_timeout = {literal(timeouts.statement or file.header.statement_timeout or '0')};",
        # The runner's session has them; a script for psql may run in any.
        *(f"{scope} {name} = {literal(value)};" for name, value in MEANING.items()),
        f"{TABLESPACE.format(local=str(local).lower())};",
    ]
    return "\n".join(lines) + "\n"


def record_file(file: MigrationFile, database: Database, *, status: str) -> str:
    """Return the statement that records *file* with *status*; the steps already recorded stay."""
    values = ", ".join(
        literal(value) for value in (file.name, file.phase, file.variant, file.checksum, status, host(), __version__)
    )
    finished = "clock_timestamp()" if status != "running" else "null"
    return (
        "insert into analytics_meta.migrations\n"
        "    (number, name, phase, variant, checksum, status, host, library_version,\n"
        "     timescaledb_version, catalog_hash, started_at, finished_at)\n"
        f"values ({file.number}, {values},\n"
        f"        {literal(database.timescaledb)}, {literal(file.header.catalog)}, now(), {finished})\n"
        "on conflict on constraint migrations_pkey do update\n"
        "    set status = excluded.status, finished_at = excluded.finished_at;\n"
    )


def record_step(file: MigrationFile, step: str) -> str:
    """Return the statement that records one step of a file as done."""
    return (
        f"update analytics_meta.migrations set steps = array_append(steps, {literal(step)})"  # noqa: S608 - names and literals are quoted
        f" where number = {file.number};\n"
    )


def audit(action: str, detail: str) -> str:
    """Return the statement that adds a line to the audit."""
    return (
        "insert into analytics_meta.audit (action, detail, host, library_version)\n"
        f"values ({literal(action)}, {literal(detail)}, {literal(host())}, {literal(__version__)});\n"
    )
