"""Where something of a person may be stored beside the events: read off the manifest, in this module only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, LiteralString

from adi_analytics._shared.sql import literal, quote
from adi_analytics.migrate.author import history
from adi_analytics.migrate.files.manifest import Aggregate, Column, Manifest
from adi_analytics.migrate.people.person import Person
from adi_analytics.migrate.server.backend import Database
from adi_analytics.migrate.server.connection import Connection, fetch_value

# A row is a person's by its member or by a dimension; a text is that of one event of the bucket.
_KEYS: Final = frozenset({"member", "dimension"})
_TEXTS: Final = frozenset({"first", "last", "min", "max"})
_NAMED: Final = frozenset({"uuid", "text"})


@dataclass(frozen=True, slots=True)
class Place:
    """A stored relation of an aggregate, or what is kept of an earlier version of one.

    Attributes:
        name: Its name, for people.
        table: The table that holds the rows, as SQL names it.
        bucket: The column of its buckets.
        keys: The columns by which rows are a person's.
        texts: The columns that quote a text of one event.
    """

    name: str
    table: str
    bucket: str
    keys: tuple[Column, ...]
    texts: tuple[Column, ...]

    def owned(self, person: Person) -> str | None:
        """Return the condition for the person's rows, if there can be any."""
        values = ", ".join(map(literal, person.names))
        parts = [
            f"{quote(column.name)} = {literal(person.id)}::uuid"
            if column.type == "uuid"
            else f"{quote(column.name)} in ({values})"
            for column in self.keys
            if column.type == "text" or person.column_type == "uuid"
        ]
        return f"({' or '.join(parts)})" if parts else None

    def quoted(self, person: Person, column: Column) -> str:
        """Return the condition for rows whose *column* holds the person's id or its hash."""
        name = quote(column.name)
        same = f"{name} = {literal(person.id)}"
        return f"({same} or {person.in_text(name)})" if person.anywhere else f"({same})"


def places(connection: Connection, database: Database, snapshot: Manifest) -> Iterator[Place]:
    """Yield the relations that may hold something of a person."""
    for entry in [*snapshot.aggregates, *snapshot.retired]:
        for name, columns in _relations(entry):
            keys = tuple(column for column in columns if column.role in _KEYS and column.type in _NAMED)
            texts = tuple(column for column in columns if column.role in _TEXTS and column.type == "text")
            table = _table(connection, database, name) if keys or texts else None
            if table is not None:
                yield Place(name, table, entry.bucket.column, keys, texts)


def _relations(entry: Aggregate) -> Iterator[tuple[str, Sequence[Column]]]:
    for relation in entry.relations:
        yield relation.name, relation.columns
        if relation.name in entry.kept_members:
            yield history.members_table(relation), relation.columns
    for counts in entry.counts:
        relation = entry.relations[counts.members]
        columns = [column for column in relation.columns if column.role in {"bucket", "dimension", "member"}]
        yield str(relation.names.recent), columns
        for name in (relation.names.counts, relation.names.recency):
            yield str(name), [column for column in columns if column.role != "member"]
    if entry.history:
        for view in entry.views:
            shown = [column for column in entry.columns if column.name in view.columns]
            yield history.history_table(view, entry), shown


_CONTINUOUS: Final[LiteralString] = """
select format('%%I.%%I', h.schema_name, h.table_name)
from _timescaledb_catalog.continuous_agg c
join _timescaledb_catalog.hypertable h on h.id = c.mat_hypertable_id
where c.user_view_schema = %s and c.user_view_name = %s
"""


def _table(connection: Connection, database: Database, name: str) -> str | None:
    if database.backend == "timescaledb":
        found: str | None = fetch_value(connection, _CONTINUOUS, database.schema, name)
        if found is not None:
            return found
    table = f"{quote(database.schema)}.{quote(name)}"
    return table if fetch_value(connection, "select to_regclass(%s)", table) is not None else None
