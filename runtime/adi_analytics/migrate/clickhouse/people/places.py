"""Where something of a person may be stored beside the events: read off the migrations and the server's columns."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from adi_analytics._shared.clickhouse.text import literal, quoted
from adi_analytics._shared.sql import shorten
from adi_analytics.migrate.clickhouse.files.objects import Made, body, created
from adi_analytics.migrate.files.manifest import Column
from adi_analytics.migrate.people.places import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adi_analytics.migrate.clickhouse.server.session import Server

_WRAPPED: Final = re.compile(r"(?:Nullable|LowCardinality)\((\w+)\)")
_TYPES: Final = {"UUID": "uuid", "String": "text", "Array(UUID)": "uuid[]", "Array(String)": "text[]"}
_VALUE: Final = re.compile(r"`(?P<of>(?:[^`\\]|\\.)+): (?:uuid|string|enum)`")
"""A value that a view of rows reads of an event: the path of its keys, and its type."""


def places(server: Server) -> tuple[Place, ...]:
    """Return the stored relations that may hold something of a person, those of former versions too."""
    made = {one.name: one for file in server.files for one in created(file)}  # what is to be dropped may be there yet
    stored = [one.name for one in made.values() if one.fingerprint]
    if not stored:
        return ()
    rows = server.session.rows(
        "select table, name, type, is_in_sorting_key from system.columns where database = currentDatabase()"
        f" and table in ({', '.join(map(literal, stored))}) order by table, position"
    )
    columns: dict[str, list[tuple[Column, bool]]] = {}
    for table, name, kind, is_key in rows:
        columns.setdefault(table, []).append((Column(name, _type(kind), "key" if is_key else "value"), bool(is_key)))
    return tuple(one for name, found in columns.items() if (one := _place(made, name, found)) is not None)


def _type(kind: str) -> str:
    """Return PostgreSQL's name of a type that can name a person, else the server's own."""
    return _TYPES.get(_WRAPPED.sub(r"\1", _WRAPPED.sub(r"\1", kind)), kind)


def _place(made: dict[str, Made], name: str, columns: list[tuple[Column, bool]]) -> Place | None:
    named = [(column, is_key) for column, is_key in columns if column.type in _TYPES.values()]
    keys = tuple(column for column, is_key in named if is_key)
    texts = tuple(column for column, is_key in named if not is_key)
    if not named:
        return None
    rows = made.get(shorten(f"{name}_rows"))
    of = dict(_held(body(rows), [column.name for column, _ in named])) if rows is not None else {}
    return Place(name, quoted(name), columns[0][0].name, keys, texts, of)


def _held(select: str, columns: list[str]) -> Iterator[tuple[str, str]]:
    """Yield what of the events each of *columns* holds, where the *select* that computes it says that."""
    lines = select.splitlines()
    for column in columns:
        end = f" as {quoted(column)}"
        line = next((one for one in lines if one.removesuffix(",").endswith(end)), "")
        if found := _VALUE.search(line):
            yield column, re.sub(r"\\(.)", r"\1", found["of"])
