"""Looks for a person in the database: the events, the dead letters and the relations of the aggregates."""

from __future__ import annotations

from collections import defaultdict
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
from adi_analytics.migrate.people.person import Person, path_of_keys, person
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
            "select part::text from analytics_meta.raw_ranges() where has_rows and part is not null"
            " group by part order by min(from_time)"  # one for many ranges: the default partition
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
        raise HistoryError(f"there is no table {snapshot.storage.table}", missing_object(installed=database.installed))
    who, files, notes = sought(options, identity, column_type, given, catalog=snapshot.catalog)
    where = tuple(places(connection, database, snapshot))
    return Search(connection, database, snapshot, who, files, where, notes)


def sought(
    options: Options, identity: str, column_type: str, given: Mapping[str, str], *, catalog: str
) -> tuple[Person, LocalFiles, tuple[str, ...]]:
    """Return the person *identity*, the files of this machine, and what can't be looked for.

    Args:
        options: Where the catalog is.
        identity: The id.
        column_type: The type of the column ``user_id``: ``uuid`` or ``text``.
        given: Values of other fields that are the person's, by name.
        catalog: The name of the catalog, which the files carry.

    Raises:
        UsageError: If the id can't be one.
    """
    files = local_files(catalog)
    known, notes = _known(options)
    keys = {path: value for name, value in given.items() for path in known.keys_of(name)}
    found = person(identity, column_type, key=files.hash_key, sensitive=known.sensitive, given=keys)
    if not files.hash_key:
        notes.append("ADI_ANALYTICS_HASH_KEY is not set, so nothing was looked for in hashed fields")
    if files.spool is None:
        notes.append("no spool was looked at: ADI_ANALYTICS_SPOOL_DIR names none on this machine")
    return found, files, tuple(notes)


@dataclass(frozen=True, slots=True)
class _Known:
    """The fields of a catalog.

    Attributes:
        keys: The paths of keys in JSON, by the path of names in the catalog.
        sensitive: The paths of keys of the personal and the pseudonymous ones.
    """

    keys: Mapping[str, set[str]]
    sensitive: tuple[str, ...]

    def keys_of(self, name: str) -> set[str]:
        """Return the paths of keys that *name*, in the words of the catalog or of JSON, may mean."""
        return {name, *self.keys.get(name, ())}


def _known(options: Options) -> tuple[_Known, list[str]]:
    """Return the fields of the catalog, if its generated package tells them."""
    try:
        catalog = source_for(options.catalog, options.project).catalog()
        info = import_module(catalog.package).field_info
    except (CatalogError, ImportError, AttributeError):
        note = "the catalog has no generated Python package, so of its fields only user_id was looked at"
        return _Known({}, ()), [note]
    keys: defaultdict[str, set[str]] = defaultdict(set)
    sensitive: set[str] = set()
    for event in catalog.events.values():
        fields = info(event)
        for path, field in fields.items():
            in_json = path_of_keys(path, fields)
            keys[path].add(in_json)
            if field.sensitivity in _SENSITIVE:
                sensitive.add(in_json)
    return _Known(keys, tuple(sorted(sensitive))), []
