"""The objects of the schema ``analytics_meta``, from the files in ``migrate/sql``: the only place that defines them.

A file is cut at its ``-- step: KIND NAME`` lines. Each step begins as its kind does, with the name behind it. A table
that a migration has made stays as it is: what comes later is a step ``column``, with the name of the table.
"""

from __future__ import annotations

from importlib import resources
from typing import Final, Literal, cast

import msgspec

from adi_analytics.migrate.files.statements import Sql

Kind = Literal["schema", "table", "column", "function", "procedure"]

SCHEMA: Final = "analytics_meta"

_STEP: Final = "-- step: "
_HEADS: Final[dict[str, str]] = {
    "schema": "create schema if not exists ",
    "table": "create table if not exists ",
    "column": "alter table ",
    "function": "create or replace function ",
    "procedure": "create or replace procedure ",
}

# What is there beside the migrator's own record, per backend, in the order in which it is created.
_FILES: Final = {
    "postgres": (
        "late_marks",
        "watermarks",
        "ensure_partitions",
        "common",
        "counts",
        "answers",
        "kept",
        "retention",
        "partitions",
        "rollups",
    ),
    "timescaledb_apache": (
        "late_marks",
        "watermarks",
        "common",
        "counts",
        "answers",
        "kept",
        "retention",
        "chunks",
        "rollups",
    ),
    "timescaledb": (
        "late_marks",
        "common",
        "counts",
        "answers",
        "kept",
        "retention",
        "chunks",
        "policies",
        "continuous",
    ),
}


class MetaObject(msgspec.Struct, frozen=True):
    """An object of ``analytics_meta``, or the schema itself; the definition is what follows its name."""

    kind: Kind
    object: str
    definition: Sql

    @property
    def step(self) -> str:
        """What the statement is about."""
        return f"{self.kind} {self.object}"

    @property
    def arguments(self) -> str:
        """What a function or a procedure takes; nothing for others."""
        return self.definition.up_to(")") if self.kind in {"function", "procedure"} else ""

    @property
    def sql(self) -> Sql:
        """The statement that makes it, or that leaves a table as it is."""
        return Sql(f"{_head(self.kind, self.object)}{self.definition}")

    @property
    def unqualified(self) -> Sql:
        """The same for the first schema of the search path."""
        return Sql(f"{_HEADS[self.kind]}{self.object}{self.definition}")


def machinery(backend: str) -> list[MetaObject]:
    """Return the schema, the tables and the procedures that the migrator works with on *backend*."""
    return [entry for name in _FILES[backend] for entry in _read(f"machinery_{name}.sql")]


def own_record() -> list[MetaObject]:
    """Return the schema and the tables in which the migrator records what it did."""
    return _read("bootstrap.sql")


def _read(name: str) -> list[MetaObject]:
    text = (resources.files("adi_analytics.migrate") / "sql" / name).read_text(encoding="utf-8")
    return [_step(block) for block in text.split(_STEP)[1:]]


def _step(block: str) -> MetaObject:
    title, _, text = block.partition("\n")
    kind, _, name = title.strip().partition(" ")
    head = _head(kind, name)
    if not text.startswith(head):
        raise ValueError(f"the step {title!r} does not begin with {head!r}")
    return MetaObject(cast("Kind", kind), name, Sql(text.strip().removesuffix(";").removeprefix(head)))


def _head(kind: str, name: str) -> str:
    return f"{_HEADS[kind]}{name}" if kind == "schema" else f"{_HEADS[kind]}{SCHEMA}.{name}"
