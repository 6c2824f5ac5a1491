"""Looks for a person in the database: the events, the dead letters and the relations of the aggregates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

import psycopg

from adi_analytics._shared.catalog import CatalogError
from adi_analytics._shared.sql import quote
from adi_analytics.migrate.errors import HistoryError
from adi_analytics.migrate.files.manifest import Manifest, require_snapshot
from adi_analytics.migrate.options import Options, source_for
from adi_analytics.migrate.people.files import LocalFiles, local_files, payload_is_of
from adi_analytics.migrate.people.person import Person, person
from adi_analytics.migrate.people.places import Place, places
from adi_analytics.migrate.server.backend import Database
from adi_analytics.migrate.server.connection import Connection, fetch_value
from adi_analytics.migrate.server.session import missing_object

_LETTERS: Final = 1000  # read at once
_SENSITIVE: Final = frozenset({"personal", "pseudonymous"})


@dataclass(frozen=True, slots=True)
class Search:
    """A person, and where to look.

    Attributes:
        notes: What can't be looked for, and why.
    """

    connection: Connection
    database: Database
    snapshot: Manifest
    person: Person
    files: LocalFiles
    places: tuple[Place, ...]
    notes: tuple[str, ...]

    @property
    def events(self) -> str:
        """The events table, as SQL names it."""
        return f"{quote(self.database.schema)}.{quote(self.snapshot.storage.table)}"

    @property
    def letters(self) -> str:
        """The table of dead letters, as SQL names it."""
        return f"{quote(self.database.schema)}.{quote(self.snapshot.storage.dead_letters_table)}"

    def parts(self) -> list[str]:
        """Return the partitions or chunks with rows, as SQL names them, oldest first."""
        rows = self.connection.execute(
            "select part::text from analytics_meta.raw_ranges() where has_rows and part is not null order by from_time"
        )
        return [row[0] for row in rows]

    def rows_in(self, part: str, columns: str) -> Iterator[tuple[Any, ...]]:
        """Yield *columns* of the person's events in *part*; nothing if retention drops it meanwhile."""
        query = f'select {columns} from {part} as e where {self.person.in_row()} order by "timestamp"'  # noqa: S608 - quoted
        try:
            yield from self.connection.execute(query.encode()).fetchall()
        except psycopg.errors.UndefinedTable:
            return

    def letters_of(self, columns: str) -> Iterator[tuple[Any, ...]]:
        """Yield the number, and *columns*, of the person's dead letters."""
        last = 0
        while True:
            where = f"where id > {last} order by id limit {_LETTERS}"
            query = f"select id, payload, message, {columns} from {self.letters} as t {where}"  # noqa: S608 - quoted
            rows = self.connection.execute(query.encode()).fetchall()
            for number, payload, message, *more in rows:
                if payload_is_of(self.person, payload) or self.person.owns(None, message, None):
                    yield (number, *more)
            if len(rows) < _LETTERS:
                return
            last = rows[-1][0]


def search(
    connection: Connection, database: Database, options: Options, identity: str, given: Mapping[str, str]
) -> Search:
    """Return where to look for the person *identity*, who also has the values *given* in some fields.

    Raises:
        HistoryError: If the tables are not there.
        UsageError: If the id can't be one.
    """
    snapshot = require_snapshot(options.folder)
    table = f"{quote(database.schema)}.{quote(snapshot.storage.table)}"
    column_type = fetch_value(
        connection,
        "select atttypid::regtype::text from pg_catalog.pg_attribute"
        " where attrelid = to_regclass(%s) and attname = 'user_id'",
        table,
    )
    if not database.installed or column_type is None:
        raise HistoryError(f"there is no table {snapshot.storage.table}", missing_object(database))
    files = local_files(snapshot.catalog)
    sensitive, notes = _sensitive(options)
    found = person(identity, column_type, key=files.hash_key, sensitive=sensitive, given=given)
    if not files.hash_key:
        notes.append("ADI_ANALYTICS_HASH_KEY is not set, so nothing was looked for in hashed fields")
    if files.spool is None:
        notes.append("no spool was looked at: ADI_ANALYTICS_SPOOL_DIR names none on this machine")
    where = tuple(places(connection, database, snapshot))
    return Search(connection, database, snapshot, found, files, where, tuple(notes))


def _sensitive(options: Options) -> tuple[tuple[str, ...], list[str]]:
    """Return the fields that the catalog calls personal or pseudonymous, if its generated package says so."""
    try:
        catalog = source_for(options.catalog, options.project).catalog()
        info = import_module(catalog.package).field_info
    except (CatalogError, ImportError, AttributeError):
        return (), ["the catalog has no generated Python package, so of its fields only user_id was looked at"]
    named = {
        path for event in catalog.events.values() for path, field in info(event).items()
        if field.sensitivity in _SENSITIVE
    }  # fmt: skip
    return tuple(sorted(named)), []
