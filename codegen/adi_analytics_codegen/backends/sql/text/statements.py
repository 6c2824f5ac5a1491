"""Statements by kind: what each makes or changes, and its parts. docs/reference/manifest.md describes the parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from adi_analytics_codegen.backends.sql.text.names import identifier, literal

if TYPE_CHECKING:
    from collections.abc import Callable

_Parts = dict[str, Any]

_CONTINUOUS: Final = (
    "with (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.create_group_indexes = false) as"
)


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL statement.

    Attributes:
        kind: What it makes or changes: a key of the table below.
        step: What it is about, for people: unique in its list.
        object: The name of what it makes or changes, without quotes.
        parts: What else the kind has.
    """

    kind: str
    step: str
    object: str
    parts: _Parts

    @property
    def sql(self) -> str:
        """The text, without a semicolon."""
        return _TEXTS[self.kind](identifier(self.object), self.parts)

    def fields(self) -> dict[str, Any]:
        """Return the attributes by name."""
        return {"kind": self.kind, "step": self.step, "object": self.object, "parts": self.parts}

    def described(self) -> dict[str, Any]:
        """Return it as the manifest describes it."""
        return {"kind": self.kind, "step": self.step, "object": self.object, **self.parts}


def _index(name: str, parts: _Parts) -> str:
    where = f"\n    where {parts['where']}" if parts["where"] else ""
    return f"create index {name}{parts['definition']}{where}"


def _comment(name: str, parts: _Parts) -> str:
    column = parts["column"]
    target = f"{parts['on']} {name}" if column is None else f"column {name}.{identifier(column)}"
    return f"comment on {target} is {literal(parts['text'])}"


_TEXTS: Final[dict[str, Callable[[str, _Parts], str]]] = {
    "table": lambda name, parts: f"create table {name}{parts['definition']}",
    "index": _index,
    "view": lambda name, parts: f"create or replace view {name} as\n{parts['select']}",
    "function": lambda name, parts: f"create function {name}{parts['definition']}",
    "continuous_aggregate": lambda name, parts: (
        f"create materialized view {name}\n{_CONTINUOUS}\n{parts['select']}\nwith no data"
    ),
    "policy": lambda _, parts: parts["sql"],
    "compression": lambda _, parts: parts["sql"],
    "call": lambda _, parts: parts["sql"],
    "comment": _comment,
}
"""The text of each kind. The migrator makes the same one from the parts."""


def table(step: str, name: str, definition: str) -> Statement:
    """Return the statement that makes a table; *definition* is what follows its name."""
    return Statement("table", step, name, {"definition": definition})


def index(step: str, name: str, table_name: str, definition: str, where: str | None = None) -> Statement:
    """Return the statement that makes an index; *definition* is what stands between its name and *where*."""
    return Statement("index", step, name, {"table": table_name, "definition": definition, "where": where})


def view(name: str, columns: list[str], select: str) -> Statement:
    """Return the statement that makes a view or replaces it."""
    return Statement("view", f"view {name}", name, {"columns": columns, "select": select})


def function(name: str, definition: str) -> Statement:
    """Return the statement that makes a function; *definition* is what follows its name."""
    return Statement("function", f"function {name}", name, {"definition": definition})


def continuous_aggregate(name: str, select: str) -> Statement:
    """Return the statement that makes a continuous aggregate without rows."""
    return Statement("continuous_aggregate", f"continuous aggregate {name}", name, {"select": select})


def policy(step: str, kind: str, target: str, spans: dict[str, int], sql: str) -> Statement:
    """Return the statement that lets TimescaleDB do *kind* on *target*; *spans* are its settings in seconds."""
    return Statement("policy", step, target, {"policy": kind, "spans": spans, "sql": sql})


def comment(on: str, name: str, column: str | None, text: str) -> Statement:
    """Return the statement that gives *name*, which is a *on*, or its *column*, the comment *text*."""
    target = f"{on} {name}" if column is None else f"column {name}.{column}"
    return Statement("comment", f"comment on {target}", name, {"on": on, "column": column, "text": text})
