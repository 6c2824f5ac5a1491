"""Compares two descriptions; definitions are compared as the server understands them, not as they are spelled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from adi_analytics.migrate.drift import settle
from adi_analytics.migrate.drift.describe import Description, Properties
from adi_analytics.migrate.drift.findings import Finding, Severity, difference, show
from adi_analytics.migrate.drift.fixes import Fixes
from adi_analytics.migrate.drift.renames import renames
from adi_analytics.migrate.files.manifest import Manifest
from adi_analytics.migrate.server.backend import Database
from adi_analytics.migrate.server.connection import Connection

# Properties whose loss costs speed or order, not data.
_WARNINGS: Final = frozenset({"index", "trigger", "rule", "policy"})


def _severity(key: str, name: str) -> Severity:
    kind = key.split(" ", 1)[0]
    if name == "comment":
        return "warning"
    if name == "storage" or (kind == "table" and name == "options"):
        return "info"  # how the server keeps rows is for whoever runs it to tune
    return "warning" if kind in _WARNINGS and name != "valid" else "error"


def _words(expected: Any, actual: Any) -> tuple[str, str]:
    """Return two values in words; of texts of several lines only the lines that differ."""
    if isinstance(expected, str) and isinstance(actual, str) and "\n" in expected.strip():
        return difference(expected, actual)
    return show(expected), show(actual)


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


def _differing(key: str, here: Description, there: Description) -> dict[str, tuple[Any, Any]]:
    """Return the properties of *key* that differ, but for comments, which partitions have none of."""
    mine, other = here.objects.get(key, {}), there.objects.get(key, {})
    if not mine or not other:
        return {"present": (bool(mine), bool(other))}
    pairs = {name: (value, other.get(name)) for name, value in mine.items() if name != "comment"}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


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

    def findings(self, expected: Description, live: Description, moved: Mapping[str, str]) -> Iterator[Finding]:
        """Yield what is missing, what differs and what should not be there; *moved* relations have another name."""
        gone = {other.partition(" ")[2] for other in moved.values()}  # relations whose parts need no words of their own
        renamed = {**renames(expected, live), **moved}
        columns = any(key.startswith(("column ", "table ", "view ")) for key in renamed)
        for key, properties in expected.objects.items():
            kind, _, name = key.partition(" ")
            if name.split(".")[0] in gone or self._told(key, expected, live):
                continue
            if key in renamed:
                yield self._renamed(key, renamed[key])
            elif key not in live.objects:
                yield self._missing(key, properties, live)
            elif not columns or kind in {"table", "column"}:  # definitions follow a column that is renamed back
                yield from self._differences(key, properties, live)
            if kind in {"table", "view"} and _is_gone(key, properties, live):
                gone.add(name)
        for key, properties in live.objects.items():
            if key in expected.objects or key in renamed.values() or self._told(key, live, expected):
                continue
            if key.split(" ", 1)[1].split(".")[0] not in gone:
                yield from self._extra(key, properties, expected)

    def _told(self, key: str, here: Description, there: Description) -> bool:
        """Whether another finding tells of *key*, whose fix reaches it, too."""
        return _told(key, here, there) or self._is_of_all(key, here, there)

    def _is_of_all(self, key: str, here: Description, there: Description) -> bool:
        """Whether *key* is a column of a partition that differs as the partitioned table's own does."""
        kind, _, name = key.partition(" ")
        relation, _, column = name.partition(".")
        table = here.objects.get(f"table {relation}")
        if kind != "column" or table is None or table["partition"] is None:
            return False
        parent = f"column {self._snapshot.storage.table}.{column}"
        mine = _differing(key, here, there)
        return bool(mine) and mine == _differing(parent, here, there)

    def _renamed(self, key: str, other: str) -> Finding:
        severity: Severity = "warning" if key.partition(" ")[0] in _WARNINGS else "error"
        name = other.partition(" ")[2].rpartition(".")[2]
        return Finding(severity, self._named(key), "present", f"renamed to {name}", *self._fixes.rename(key, other))

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
            should, there = (value, found) if found == value else self._settled(name, value, found, expected)
            if should == there:
                continue
            words = _words(should, there)
            yield Finding(
                _severity(key, name),
                self._named(key),
                f"{name}: {words[0]}",
                f"{name}: {words[1]}",
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

    def _settled(self, name: str, expected: Any, live: Any, properties: Properties) -> tuple[Any, Any]:
        """Return two values so that they are the same when they mean the same."""
        if isinstance(expected, str) and isinstance(live, str):
            if name == "definition":
                return settle.views(self._connection, expected, live)
            if name == "body":
                return settle.bodies(self._connection, expected, live, properties)
        return expected, live
