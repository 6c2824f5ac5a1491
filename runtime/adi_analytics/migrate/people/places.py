"""Where something of a person may be stored beside the events: read off the manifest, in this module only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
_USER: Final = "$user_id"


@dataclass(frozen=True, slots=True)
class Place:
    """A stored relation of an aggregate, or what is kept of an earlier version of one.

    Attributes:
        name: Its name, for people.
        table: The table that holds the rows, as SQL names it.
        bucket: The column of its buckets; of what has none, another one that divides the rows.
        keys: The columns by which rows are a person's.
        texts: The columns that quote a text of one event.
        of: What of the events a key holds, where that is known: `$user_id`, or a path of keys.
    """

    name: str
    table: str
    bucket: str
    keys: tuple[Column, ...]
    texts: tuple[Column, ...]
    of: Mapping[str, str]

    def owned(self, person: Person) -> str | None:
        """Return the condition for the person's rows, if there can be any."""
        parts = []
        for column in self.keys:
            values = self.values(person, column)
            if column.type == "uuid" and person.column_type == "uuid":
                parts.append(f"{quote(column.name)} = {literal(person.id)}::uuid")
            elif column.type == "text" and values:
                parts.append(f"{quote(column.name)} in ({', '.join(map(literal, values))})")
                parts += [person.in_text(quote(column.name))] if person.anywhere else []
        return f"({' or '.join(parts)})" if parts else None

    def values(self, person: Person, column: Column) -> tuple[str, ...]:
        """Return the texts by which *column* is the person. An id that is a text may be another thing's name there."""
        given = (one for name, values in person.given if name == self.of.get(column.name) for one in values)
        return tuple(dict.fromkeys([*(person.names if self._is_of(person, column) else person.anywhere), *given]))

    def _is_of(self, person: Person, column: Column) -> bool:
        """Whether the id of *person* in *column* is that of a person."""
        of = self.of.get(column.name)
        return person.column_type == "uuid" or of is None or of == _USER or of in person.fields

    def quoted(self, person: Person, column: Column) -> str:
        """Return the condition for rows whose *column* holds the person's id or its hash."""
        name = quote(column.name)
        if column.type.endswith("[]"):
            told = column.type == "text[]" or person.column_type == "uuid"
            return f"({_element(person, column)} = any({name}))" if told and self._is_of(person, column) else "false"
        if column.type == "uuid":
            return f"({name} = {literal(person.id)}::uuid)" if person.column_type == "uuid" else "false"
        same = f"{name} = {literal(person.id)}"
        return f"({same} or {person.in_text(name)})" if person.anywhere else f"({same})"

    def without(self, person: Person, column: Column) -> str:
        """Return what *column* is without the person, as SQL."""
        if column.type.endswith("[]"):
            return f"array_replace({quote(column.name)}, {_element(person, column)}, null)"
        return "null"


def _element(person: Person, column: Column) -> str:
    return f"{literal(person.id)}::{column.type.removesuffix('[]')}"


def places(connection: Connection, database: Database, snapshot: Manifest) -> Iterator[Place]:
    """Yield the relations that may hold something of a person."""
    for entry in [*snapshot.aggregates, *snapshot.retired]:
        for name, columns, of in _relations(entry):
            keys = tuple(column for column in columns if column.role in _KEYS and column.type in _NAMED)
            texts = tuple(column for column in columns if _tells(column))
            table = _table(connection, database, name) if keys or texts else None
            if table is not None:
                buckets = [column.name for column in columns if column.role == "bucket"]
                yield Place(name, table, buckets[0] if buckets else keys[0].name, keys, texts, of)


def _tells(column: Column) -> bool:
    if column.role == "dimensions":
        return column.type in {"uuid[]", "text[]"}
    return column.role in _TEXTS and column.type in _NAMED


def _relations(entry: Aggregate) -> Iterator[tuple[str, Sequence[Column], dict[str, str]]]:
    """Yield the names of relations, their columns, and what of the events these hold."""
    for relation in entry.relations:
        of = {key.column: key.of for key in relation.keyed_by}
        yield relation.name, relation.columns, of
        if relation.name in entry.kept_members:
            yield history.members_table(relation), relation.columns, of
    for counts in entry.counts:
        relation = entry.relations[counts.members]
        of = {key.column: key.of for key in relation.keyed_by}
        columns = [column for column in relation.columns if column.role in {"bucket", "dimension", "member"}]
        yield str(relation.names.recent), columns, of
        for name in (relation.names.counts, relation.names.recency):
            yield str(name), [column for column in columns if column.role != "member"], of
    yield from _of_answers(entry)
    if entry.history:
        of = {key.column: key.of for key in entry.relations[0].keyed_by}
        for view in entry.views:
            shown = [column for column in entry.columns if column.name in view.columns]
            yield history.history_table(view, entry), shown, of


def _of_answers(entry: Aggregate) -> Iterator[tuple[str, Sequence[Column], dict[str, str]]]:
    """Yield what is kept of a question about people: what is known of members, and answers by a dimension."""
    if entry.answers is None:
        return
    relation = entry.relations[0]
    if entry.answers.known:
        yield (
            str(relation.names.known),
            [Column("member", relation.columns[1].type, "member")],
            {"member": relation.keyed_by[0].of} if relation.keyed_by else {},
        )
    for column in relation.columns:
        if column.role == "dimensions":
            columns = [Column("bucket", "timestamptz", "bucket"), Column("dimension", column.type[:-2], "dimension")]
            of = {"dimension": key.of for key in relation.keyed_by if key.column == column.name}  # noqa: B035 - one at most
            yield str(relation.names.answers), columns, of


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
