"""What to do about a difference between the catalog and the database: statements, where one helps."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from adi_analytics._shared.sql import literal, quote
from adi_analytics.migrate.author import counts, history, versions
from adi_analytics.migrate.drift.describe import Description, Properties
from adi_analytics.migrate.drift.findings import Fix
from adi_analytics.migrate.files.manifest import Manifest, StoredStatement
from adi_analytics.migrate.files.statements import Call, ContinuousAggregate, Function, Index, Sql, Table, View

_NO_FIX: Final = Fix(advice="Restore it from a backup, or write a migration that repairs it.")
_REBUILD: Final = Fix(advice="Raise the aggregate's version in events.yaml and let `analytics-migrate new` rebuild it.")
_REFILL: Final = "Then restore its rows, or run `analytics-migrate refresh`."
_IDENTITIES: Final = {"a": "always", "d": "by default"}


def _default(value: str | None) -> str:
    return f"set default {value}" if value else "drop default"


def _identity(value: str) -> str:
    return f"set generated {_IDENTITIES[value]}" if value else "drop identity"


_COLUMN_CHANGES: Final[dict[str, Callable[[Any], str]]] = {
    "not null": lambda value: f"{'set' if value else 'drop'} not null",
    "default": _default,
    "identity": _identity,
    "storage": lambda value: f"set storage {value}",
}


def _number_again(table: str, column: str, numbers: str) -> Fix:
    """Return the statement that sets an identity's sequence right, whatever its name is."""
    sequence = f"pg_get_serial_sequence({literal(table)}, {literal(column)})"
    return Fix(f"do $do$ begin execute format('alter sequence %s {numbers}', {sequence}); end $do$;")


class Fixes:
    """Makes the fixes for the objects of one schema."""

    def __init__(self, snapshot: Manifest, backend: str, schema: str) -> None:
        self._schema = quote(schema)
        self._table = snapshot.storage.table
        self._objects = _objects(snapshot, backend)
        listed = [snapshot.comments, *(entry.comments for entry in snapshot.aggregates)]
        self._comments = [made for each in listed for made in each] if schema != "analytics_meta" else []

    def missing(self, key: str, properties: Properties, *, instead: str | None = None) -> Fix:
        """Return how to make an object again, after dropping what is there *instead*."""
        kind, name, part = _parts(key)
        relation = f"{self._schema}.{quote(name)}"
        if kind == "constraint":
            return Fix(f"alter table {relation} add constraint {quote(part)} {properties['definition']};")
        if kind == "column":
            return self._add_column(relation, part, properties)
        made = self._objects.get(f"{kind} {part or name}")
        if made is None:
            return _NO_FIX
        filled = kind == "table" or made.continuous
        drop = f"{self.drop(instead)} " if instead else ""
        made_again = " ".join([f"{made.sql};", *([] if part else self._comments_on(name))])
        return Fix(f"{drop}{made_again}", _REFILL if filled else "")

    def _add_column(self, relation: str, name: str, properties: Properties) -> Fix:
        words = [quote(name), properties["type"]]
        if properties["identity"]:
            words.append(f"generated {_IDENTITIES[properties['identity']]} as identity")
        if properties["default"]:
            words.append(f"default {properties['default']}")
        if properties["not null"] and len(words) > 2:  # noqa: PLR2004 - a name and a type alone give no value
            words.append("not null")
        return Fix(f"alter table {relation} add column {' '.join(words)};", "Then restore its values from a backup.")

    def changed(self, key: str, name: str, expected: Properties, live: Description) -> Fix:
        """Return how to give an object its property *name* again."""
        kind, relation, part = _parts(key)
        if name == "comment":
            return self._comment(relation, part or None)
        if kind == "column":
            return self._change_column(key, name, expected, live)
        if kind == "constraint":
            return self._again(key, expected)
        if kind == "index":
            return self._change_index(key, name, expected, live)
        if name in {"definition", "source", "body"} or kind == "function":
            return self._replace(key, relation, live)
        return self._change_relation(key, name, expected, live)

    def _again(self, key: str, properties: Properties) -> Fix:
        """Return how to drop an object and make it as it should be."""
        made = self.missing(key, properties)
        return made._replace(fix=f"{self.drop(key)} {made.fix}") if made.fix else made

    def _comments_on(self, relation: str) -> list[str]:
        name = f"{self._schema}.{quote(relation)}"
        return [f"{made.of(name)};" for made in self._comments if made.object == relation]

    def _comment(self, relation: str, column: str | None) -> Fix:
        made = next(made for made in self._comments if (made.object, made.column) == (relation, column))
        return Fix(f"{made.of(f'{self._schema}.{quote(relation)}')};")

    def _change_relation(self, key: str, name: str, expected: Properties, live: Description) -> Fix:
        kind, relation, _ = _parts(key)
        table = f"{self._schema}.{quote(relation)}"
        options = live.objects[key]["options"] or ""
        reset = ", ".join(option.split("=")[0] for option in options.split(", "))
        changes = {
            "row security": f"alter table {table} disable row level security, no force row level security;",
            "unlogged": f"alter table {table} set logged;",
            "options": f"alter {kind} {table} reset ({reset});",
        }
        if name == "partition" and expected["partition"]:
            parent = f"{self._schema}.{quote(self._table)}"
            return Fix(f"alter table {parent} attach partition {table} {expected['partition']};")
        return Fix(changes[name]) if name in changes else _NO_FIX

    def _change_column(self, key: str, name: str, expected: Properties, live: Description) -> Fix:
        _, relation, part = _parts(key)
        head = f"alter table {self._schema}.{quote(relation)} alter column {quote(part)}"
        if name == "numbers":
            return _number_again(f"{self._schema}.{quote(relation)}", part, expected[name])
        if name in {"type", "collation"}:
            collation = f" collate {expected['collation']}" if expected["collation"] else ""
            return Fix(f"{head} type {expected['type']}{collation} using {quote(part)}::{expected['type']};")
        if name == "identity" and not live.objects[key]["identity"]:
            return Fix(f"{head} add generated {_IDENTITIES[expected['identity']]} as identity;")
        change = _COLUMN_CHANGES.get(name)
        return Fix(f"{head} {change(expected[name])};") if change else _NO_FIX

    def _change_index(self, key: str, name: str, expected: Properties, live: Description) -> Fix:
        if name == "valid":
            return self._index_again(key)
        constraint = f"constraint {key.partition(' ')[2]}"
        if constraint in live.objects:
            return self._again(constraint, live.objects[constraint])
        return self._again(key, expected)

    def _index_again(self, key: str) -> Fix:
        """Return how to make an invalid index valid."""
        _, relation, index = _parts(key)
        made = self._objects.get(f"index {index}")
        if relation != self._table:
            return Fix(f"reindex index {self._schema}.{quote(index)};")
        # PostgreSQL does not make the index of a partitioned table valid, and TimescaleDB rebuilds whole tables only.
        again = f"{self.drop(key)} {made.sql};" if made else f"reindex table {self._schema}.{quote(relation)};"
        return Fix(again)

    def _replace(self, key: str, relation: str, live: Description) -> Fix:
        made = self._objects.get(f"{key.split(' ', 1)[0]} {relation}")
        if made is None:
            return _NO_FIX
        if made.continuous:
            return _REBUILD
        if _fits(made, relation, live):
            return Fix(f"{made.replacing or made.sql};")
        statements = [f"drop view {self._schema}.{quote(relation)};", f"{made.sql};", *self._comments_on(relation)]
        return Fix(" ".join(statements))

    def rename(self, key: str, other: str) -> Fix:
        """Return the statement that gives the object *other* the name of *key* again."""
        kind, name, part = _parts(key)
        relation, old, new = f"{self._schema}.{quote(name)}", _parts(other)[2], quote(part)
        match kind:
            case "table" | "view":
                made = self._objects.get(key)
                what = "materialized view" if made is not None and made.continuous else kind
                was = f"{self._schema}.{quote(_parts(other)[1])}"
                return Fix(f"alter {what} {was} rename to {quote(name)};")
            case "index":
                return Fix(f"alter index {self._schema}.{quote(old)} rename to {new};")
            case "trigger":
                return Fix(f"alter trigger {quote(old)} on {relation} rename to {new};")
            case _:
                return Fix(f"alter table {relation} rename {kind} {quote(old)} to {new};")

    def superfluous(self, key: str) -> Fix:
        """Return how to get rid of an object that the catalog does not know."""
        return Fix(self.drop(key), "Only if nobody needs it.")

    def drop(self, key: str) -> str:
        """Return the statement that drops an object."""
        kind, name, part = _parts(key)
        relation = f"{self._schema}.{quote(name)}"
        match kind:
            case "column" | "constraint":
                return f"alter table {relation} drop {kind} {quote(part)};"
            case "trigger" | "rule" | "policy":
                return f"drop {kind} {quote(part)} on {relation};"
            case "index":
                return f"drop index {self._schema}.{quote(part)};"
            case "function":
                arguments = key.partition("(")[2]
                return f"drop routine {self._schema}.{quote(name)}({arguments};"
            case _:
                return f"drop {kind} {relation};"


def _parts(key: str) -> tuple[str, str, str]:
    """Return the kind, the relation or function, and the part of it, of a key like ``column events.data``."""
    for kind in ("materialized view", "foreign table"):
        if key.startswith(f"{kind} "):
            return kind, key.removeprefix(f"{kind} "), ""
    kind, _, name = key.partition(" ")
    if kind == "function":
        return kind, name.partition("(")[0], ""
    relation, _, part = name.partition(".")
    return kind, relation, part


@dataclass(frozen=True, slots=True)
class _Object:
    """How an object is made.

    Attributes:
        replacing: The statement for one that is there already, where it is another.
        columns: Those of a view, which a replacement cannot take away.
        continuous: Whether it is a continuous aggregate: its rows cannot be made again by one statement.
    """

    sql: Sql
    replacing: Sql | None = None
    columns: list[str] | None = None
    continuous: bool = False


def _fits(made: _Object, relation: str, live: Description) -> bool:
    """Whether `create or replace view` can do it: it cannot take a column away."""
    prefix = f"column {relation}."
    has = [key.removeprefix(prefix) for key in live.objects if key.startswith(prefix)]
    return made.columns is None or set(has) <= set(made.columns)


def _objects(snapshot: Manifest, backend: str) -> dict[str, _Object]:
    """Return how each object is made, by kind and name."""
    found = {f"{_ROUTINES.get(m.kind, m.kind)} {m.object}": _Object(m.sql) for m in snapshot.machinery[backend]}
    found |= _made(made for made in snapshot.storage_ddl[backend].create if not isinstance(made, Call))
    for entry in [*snapshot.retired, *snapshot.aggregates]:
        found |= _made(history.members_ddl(entry))
        found |= _made(history.stored(entry, backend))
        found |= _made(counts.ddl(entry))
    for entry in snapshot.aggregates:
        if entry.history:
            found |= _made(history.history_ddl(view, entry) for view in entry.historic_views)
        found |= _made(versions.public_views(entry))
    return found


_ROUTINES: Final = {"procedure": "function"}


def _made(statements: Iterable[StoredStatement]) -> dict[str, _Object]:
    found = {}
    for made in statements:
        match made:
            case ContinuousAggregate():
                found[f"view {made.object}"] = _Object(made.sql, continuous=True)
            case View():
                found[f"view {made.object}"] = _Object(made.sql, columns=made.columns)
            case Function():
                found[f"function {made.object}"] = _Object(made.sql, made.replacing)
            case Index():
                found[f"index {made.object}"] = _Object(made.sql)
            case Table():
                found[f"table {made.object}"] = _Object(made.sql)
    return found
