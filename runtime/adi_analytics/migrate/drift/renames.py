"""Finds what somebody renamed: a relation or a part of a table is missing, and one like it has another name."""

from __future__ import annotations

import re
from typing import Any, Final

from adi_analytics.migrate.drift.describe import Description, Properties, describe
from adi_analytics.migrate.server.connection import Connection

_KINDS: Final = frozenset({"column", "index", "constraint", "trigger"})
_NAME: Final = {"index": re.compile(r" INDEX \S+ ON "), "trigger": re.compile(r" TRIGGER \S+ ")}


def renames(expected: Description, live: Description) -> dict[str, str]:
    """Return the keys of *expected* that are missing, each with the only key of *live* that can be the same thing."""
    found: dict[str, str] = {}
    extras = [key for key in live.objects if key not in expected.objects and _relation(key) in expected.oids]
    for key, properties in expected.objects.items():
        if key in live.objects or _kind(key) not in _KINDS or f"table {_relation(key)}" not in live.objects:
            continue
        like = [
            other
            for other in extras
            if (_kind(other), _relation(other)) == (_kind(key), _relation(key))
            and _nameless(key, properties) == _nameless(other, live.objects[other])
        ]
        # A history keeps columns of versions before, which mean something else.
        if len(like) == 1 and not _relation(key).endswith("_history"):
            found[key] = like[0]
    taken = list(found.values())
    return {key: other for key, other in found.items() if taken.count(other) == 1}


def renamed_relations(connection: Connection, schema: str, expected: Description, live: Description) -> dict[str, str]:
    """Return the keys of relations that are missing, each with the only one in *schema* that looks the same."""
    missing = [
        key
        for key in expected.objects
        if _kind(key) in {"table", "view"} and expected.objects[key]["partition"] is None and _is_missing(key, live)
    ]
    if not missing:
        return {}
    there = describe(connection, schema)
    free = {key: _columns(key, there) for key in there.objects if key not in expected.objects}
    found = {}
    for key in missing:
        like = [
            other for other, has in free.items() if has and (_kind(other), has) == (_kind(key), _columns(key, expected))
        ]
        if len(like) == 1:
            found[key] = like[0]
    taken = list(found.values())
    return {key: other for key, other in found.items() if taken.count(other) == 1}


def _is_missing(key: str, live: Description) -> bool:
    return key.partition(" ")[2] not in live.oids


def _columns(key: str, described: Description) -> dict[str, tuple[Any, ...]]:
    """Return the columns of the relation *key*, with what tells them from others of the same name.

    A partition has those of its table, but is not partitioned itself, and has bounds.
    """
    own = described.objects[key]
    if own.get("partition") is not None:
        return {}
    prefix = f"column {key.partition(' ')[2]}."
    columns = {
        name.removeprefix(prefix): (properties["type"], properties["not null"], properties["identity"])
        for name, properties in described.objects.items()
        if name.startswith(prefix)
    }
    return columns and {**columns, "": (own.get("partitioned by"),)}


def _kind(key: str) -> str:
    return key.partition(" ")[0]


def _relation(key: str) -> str:
    return key.partition(" ")[2].partition(".")[0]


def _nameless(key: str, properties: Properties) -> dict[str, Any]:
    pattern = _NAME.get(_kind(key))
    if pattern is None:
        return properties
    return {**properties, "definition": pattern.sub(" ", str(properties["definition"]), count=1)}
