"""Compares two descriptions; definitions are compared as the server understands them, not as they are spelled."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import psycopg

from adi_analytics.migrate.drift.describe import Description, Properties
from adi_analytics.migrate.drift.findings import Finding, Severity, show
from adi_analytics.migrate.drift.fixes import Fixes
from adi_analytics.migrate.files.manifest import Manifest
from adi_analytics.migrate.server.backend import Database
from adi_analytics.migrate.server.connection import Connection, execute

_ROUNDS: Final = 2
"""A dump and a restore change how a definition is spelled; read and written twice, both spellings come out alike."""

# Properties whose loss costs speed or order, not data.
_WARNINGS: Final = frozenset({"index", "trigger", "rule", "policy"})


def _severity(key: str, name: str) -> Severity:
    kind = key.split(" ", 1)[0]
    if name == "comment":
        return "warning"
    if name == "storage" or (kind == "table" and name == "options"):
        return "info"  # how the server keeps rows is for whoever runs it to tune
    return "warning" if kind in _WARNINGS and name != "valid" else "error"


def _told(key: str, here: Description, there: Description) -> bool:
    """Whether *key* is only here, and so is what it comes with: a constraint's index, a column of another view."""
    kind, _, name = key.partition(" ")
    if key in there.objects:
        return False
    if kind == "index":
        constraint = f"constraint {name}"
        return constraint in here.objects and constraint not in there.objects
    view = f"view {name.split('.')[0]}"
    return kind == "column" and view in here.objects and view in there.objects


def _is_gone(key: str, expected: Properties, live: Description) -> bool:
    """Whether a relation is missing, or detached from the table that gives it its parts."""
    return key not in live.objects or live.objects[key]["partition"] != expected["partition"]


class Comparison:
    """Compares what should be in one schema with what is there."""

    def __init__(self, connection: Connection, database: Database, snapshot: Manifest, schema: str) -> None:
        self._connection = connection
        self._database = database
        self._snapshot = snapshot
        self._schema = schema
        self._fixes = Fixes(snapshot, database.backend, schema)

    def findings(self, expected: Description, live: Description) -> Iterator[Finding]:
        """Yield what is missing, what differs and what should not be there."""
        gone: set[str] = set()  # relations whose parts need no words of their own
        for key, properties in expected.objects.items():
            kind, _, name = key.partition(" ")
            if name.split(".")[0] in gone or _told(key, expected, live):
                continue
            if key not in live.objects:
                yield self._missing(key, properties, live)
            else:
                yield from self._differences(key, properties, live)
            if kind in {"table", "view"} and _is_gone(key, properties, live):
                gone.add(name)
        for key, properties in live.objects.items():
            if key in expected.objects or _told(key, live, expected):
                continue
            if key.split(" ", 1)[1].split(".")[0] not in gone:
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
            *self._fixes.missing(key, properties, instead=other),
        )

    def _differences(self, key: str, expected: Properties, live: Description) -> Iterator[Finding]:
        for name, value in expected.items():
            found = live.objects[key].get(name)
            if name == "numbers" and not (value and found):
                continue  # there is an identity on one side only, which is a finding of its own
            if name == "comment" and value is None:
                continue  # on what the catalog describes no further, a comment is somebody's own
            if found == value or self._same(name, value, found, expected):
                continue
            yield Finding(
                _severity(key, name),
                self._named(key),
                f"{name}: {show(value)}",
                f"{name}: {show(found)}",
                *self._fixes.changed(key, name, expected, live),
            )

    def _extra(self, key: str, properties: Properties, expected: Description) -> Iterator[Finding]:
        kind, _, name = key.partition(" ")
        if properties.get("partition") is not None:
            return  # _verify_storage looks at partitions
        # A column of a relation that should be something else is part of the relation's finding.
        if (
            kind in {"column", "constraint", "index", "trigger", "rule", "policy"}
            and name.split(".")[0] not in expected.oids
        ):
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
            *self._fixes.superfluous(key),
        )

    def _named(self, key: str) -> str:
        kind, _, name = key.partition(" ")
        return f"{kind} analytics_meta.{name}" if self._schema == "analytics_meta" else key

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
            execute(self._connection, f"create or replace temporary view settled as {text}")
            text = self._read("select pg_get_viewdef('pg_temp.settled'::regclass)")
        execute(self._connection, "drop view pg_temp.settled")
        return text

    def _settle_body(self, text: str, properties: Properties) -> str:
        head = f"({properties['arguments']}) returns {properties['result']} language {properties['language']}"
        for _round in range(_ROUNDS):
            execute(self._connection, f"create or replace function pg_temp.settled{head} {text}")
            text = self._read(
                "select pg_get_function_sqlbody(p.oid) from pg_catalog.pg_proc p"
                " where p.proname = 'settled' and p.pronamespace = pg_my_temp_schema()"
            )
        return text

    def _read(self, query: str) -> str:
        row = self._connection.execute(query.encode()).fetchone()
        return str(row[0]) if row else ""
