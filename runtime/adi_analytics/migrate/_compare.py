"""Compares two descriptions; definitions are compared as the server understands them, not as they are spelled."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import psycopg

from adi_analytics.migrate import _apply, _swap
from adi_analytics.migrate._database import Connection, Database
from adi_analytics.migrate._describe import Description, Properties
from adi_analytics.migrate._findings import Finding, Severity, show
from adi_analytics.migrate._manifest import Manifest

_ROUNDS: Final = 2
"""A dump and a restore change how a definition is spelled; read and written twice, both spellings come out alike."""

# Properties whose loss costs speed or order, not data.
_WARNINGS: Final = frozenset({"index", "trigger", "rule"})


def _no_fix(_: str = "", __: Any = None) -> str:
    return "Restore it from a backup, or write a migration that mends it."


def _default_fix(column: str, value: Any) -> str:
    return f"{column} set default {value};" if value else f"{column} drop default;"


_COLUMN_FIXES: Final[dict[str, Callable[[str, Any], str]]] = {
    "type": lambda column, value: f"{column} type {value};",
    "not null": lambda column, value: f"{column} {'set' if value else 'drop'} not null;",
    "default": _default_fix,
}
_FIXES: Final = {
    ("index", "valid"): "reindex index {};",
    ("table", "row security"): "alter table {} disable row level security;",
    ("table", "unlogged"): "alter table {} set logged;",
}


class Comparison:
    """Compares what should be in one schema with what is there."""

    def __init__(self, connection: Connection, database: Database, snapshot: Manifest, schema: str) -> None:
        self._connection = connection
        self._database = database
        self._snapshot = snapshot
        self._schema = schema
        self._prefix = "analytics_meta." if schema == "analytics_meta" else ""
        self._statements = _statements(snapshot, database.backend)

    def findings(self, expected: Description, live: Description) -> Iterator[Finding]:
        """Yield what is missing, what differs and what should not be there."""
        gone: set[str] = set()
        for key, properties in expected.objects.items():
            kind, _, name = key.partition(" ")
            if key not in live.objects:
                if name.split(".")[0] not in gone:
                    yield self._missing(key, properties, live)
                if kind in {"table", "view"}:
                    gone.add(name)
                continue
            yield from self._differences(key, properties, live.objects[key])
        for key, properties in live.objects.items():
            if key not in expected.objects and key.split(" ", 1)[1].split(".")[0] not in gone:
                yield from self._extra(key, properties, expected)

    def _missing(self, key: str, properties: Properties, live: Description) -> Finding:
        kind, _, name = key.partition(" ")
        other = next((entry for entry in live.objects if entry.endswith(f" {name}") and entry != key), None)
        severity: Severity = "warning" if kind in _WARNINGS else "error"
        return Finding(
            severity,
            self._named(key),
            show(properties.get("definition") or properties.get("type") or "present"),
            f"a {other.split(' ', 1)[0]}" if other else "missing",
            self._fix(key),
        )

    def _differences(self, key: str, expected: Properties, live: Properties) -> Iterator[Finding]:
        for name, value in expected.items():
            if live.get(name) == value or self._same(name, value, live.get(name), expected):
                continue
            kind = key.split(" ", 1)[0]
            severity: Severity = "warning" if kind in _WARNINGS and name != "valid" else "error"
            yield Finding(
                severity,
                self._named(key),
                f"{name}: {show(value)}",
                f"{name}: {show(live.get(name))}",
                self._fix(key, name, value),
            )

    def _extra(self, key: str, properties: Properties, expected: Description) -> Iterator[Finding]:
        kind, _, name = key.partition(" ")
        if properties.get("partition") is not None:
            return  # _verify_storage looks at partitions
        # A column of a relation that should be something else is told with the relation.
        if kind in {"column", "constraint", "index", "trigger", "rule"} and name.split(".")[0] not in expected.oids:
            return
        # A history keeps the columns that the catalog no longer has.
        if kind == "column" and name.split(".")[0].endswith("_history") and not properties.get("not null"):
            return
        if any(entry.endswith(f" {name}") for entry in expected.objects if kind in {"table", "view"}):
            return
        breaks = kind in {"trigger", "rule", "constraint"} or (kind == "column" and properties.get("not null"))
        yield Finding(
            "error" if breaks else "warning",
            self._named(key),
            "absent",
            show(properties.get("definition") or properties.get("type") or "present"),
            f"If nobody needs it: {self._drop(kind, name)}",
        )

    def _named(self, key: str) -> str:
        kind, _, name = key.partition(" ")
        return f"{kind} analytics_meta.{name}" if self._schema == "analytics_meta" else key

    def _drop(self, kind: str, name: str) -> str:
        prefix = self._prefix
        relation, _, part = name.partition(".")
        match kind:
            case "column" | "constraint":
                return f"alter table {prefix}{relation} drop {kind} {part};"
            case "trigger" | "rule":
                return f"drop {kind} {part} on {prefix}{relation};"
            case "index":
                return f"drop index {prefix}{part};"
            case _:
                return f"drop {kind} {prefix}{name};"

    def _fix(self, key: str, changed: str | None = None, value: Any = None) -> str:
        kind, _, name = key.partition(" ")
        relation, _, part = name.partition(".")
        statement = self._statements.get(f"{kind} {_bare(name)}", "")
        if changed is not None and kind == "column":
            table = f"{self._prefix}{relation}"
            fix: Callable[[str, Any], str] = _COLUMN_FIXES.get(changed, _no_fix)
            return fix(f"alter table {table} alter column {part}", value)
        if changed is not None and (kind, changed) in _FIXES:
            return _FIXES[kind, changed].format(f"{self._prefix}{part or name}")
        if changed is not None and kind in {"trigger", "rule", "index", "constraint"}:
            return f"{self._drop(kind, name)} {statement};" if statement else self._drop(kind, name)
        return f"{statement};" if statement else _no_fix()

    def _same(self, name: str, expected: Any, live: Any, properties: Properties) -> bool:
        """Whether two spellings of a definition mean the same: both are read and written until they settle."""
        if not isinstance(expected, str) or not isinstance(live, str):
            return False
        settle = {"definition": self._settle_view, "body": self._settle_body, "default": None}.get(name)
        if settle is None:
            return False
        try:
            with self._connection.transaction(force_rollback=True):
                return settle(expected, properties) == settle(live, properties)
        except psycopg.Error:
            return False

    def _settle_view(self, text: str, _: Properties) -> str:
        for _round in range(_ROUNDS):
            _apply.execute(self._connection, f"create or replace temporary view settled as {text}")
            text = self._read("select pg_get_viewdef('pg_temp.settled'::regclass)")
        _apply.execute(self._connection, "drop view pg_temp.settled")
        return text

    def _settle_body(self, text: str, properties: Properties) -> str:
        head = f"({properties['arguments']}) returns {properties['result']} language {properties['language']}"
        for _round in range(_ROUNDS):
            _apply.execute(self._connection, f"create or replace function pg_temp.settled{head} {text}")
            text = self._read(
                "select pg_get_function_sqlbody(p.oid) from pg_catalog.pg_proc p"
                " where p.proname = 'settled' and p.pronamespace = pg_my_temp_schema()"
            )
        return text

    def _read(self, query: str) -> str:
        row = self._connection.execute(query.encode()).fetchone()
        return str(row[0]) if row else ""


_HEAD: Final = re.compile(
    r"create (?:or replace )?(?P<kind>table|view|function|procedure|index|materialized view)(?: if not exists)? "
    r'(?:analytics_meta\.)?"?(?P<name>[^"\s(]+)"?'
)


def _bare(name: str) -> str:
    """Return the name under which a statement is found: without arguments, and without the table of an index."""
    return name.split("(", maxsplit=1)[0].rsplit(".", maxsplit=1)[-1]


def _statements(snapshot: Manifest, backend: str) -> dict[str, str]:
    """Return the statement that makes each object."""
    texts = [
        *(s.sql for part in ("meta", "create") for s in snapshot.storage_ddl[backend][part]),
        *(s.sql for s in snapshot.machinery[backend]),
    ]
    for entry in snapshot.aggregates:
        texts += [s.sql for s in entry.ddl[backend]["create"]]
        texts += [s.sql for s in _swap.publish(entry, None, backend)]
    found: dict[str, str] = {}
    for text in texts:
        if match := _HEAD.match(text):
            kind = {"procedure": "function", "materialized view": "view"}.get(match["kind"], match["kind"])
            found[f"{kind} {match['name']}"] = text
    return found
