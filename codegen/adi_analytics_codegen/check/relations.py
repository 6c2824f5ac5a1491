"""What the tables and views of a catalog want of a database: names of their own, and rows that PostgreSQL can store."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.model.findings import Finding, Severity
from adi_analytics_codegen.model.questions.people import section
from adi_analytics_codegen.model.readers import questions
from adi_analytics_codegen.model.tables import CLICKHOUSE_META, dead_letters_table, local_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adi_analytics_codegen.backends.sql.relations.plan import Relation
    from adi_analytics_codegen.model.catalog import Catalog
    from adi_analytics_codegen.model.questions.aggregates import Aggregate
    from adi_analytics_codegen.model.questions.people import Question

_SCHEMA: Final = "analytics_meta"
_MOST_COLUMNS: Final = 1600
_MOST_BYTES: Final = 8160
"""A row must fit into a page of 8 kB. Long texts and numerics move elsewhere and leave a pointer."""
_HEADER: Final = 24
_POINTER: Final = 18
_SURELY_SMALL: Final = 60
"""So many measures and dimensions always fit: each makes far fewer than seven columns, of at most 18 bytes."""
_NEVER_SHORTENED: Final = 36
"""Bytes of a name to which every ending can be added without a cut."""
_BYTES: Final = {
    "boolean": 1,
    "integer": 4,
    "bigint": 8,
    "double precision": 8,
    "timestamp with time zone": 8,
    "uuid": 16,
}


def relation_findings(catalog: Catalog) -> list[Finding]:
    """Return what PostgreSQL would refuse of *catalog*, which must have no other errors."""
    taken = _taken(catalog) if _may_be_taken(catalog) else ()
    return [*taken, *_too_large(catalog)]


def _may_be_taken(catalog: Catalog) -> bool:
    """Return whether two things could want one name: whether a name begins with another thing's.

    Everything that is made for a thing is called by its name and an ending. So most catalogs need no plan of all their
    tables, which takes longer than the other checks together.
    """
    things = [one.name for one in catalog.aggregates]
    things += [*(one.name for one in catalog.retention), *(one.name for one in catalog.funnels)]
    things += [one.list_name for one in catalog.members]
    names = {*things, _SCHEMA, catalog.storage.table, dead_letters_table(catalog)}
    if len(names) < len(things) + 3 or any(len(name.encode()) > _NEVER_SHORTENED for name in names):
        return True
    if any(name.startswith(CLICKHOUSE_META) for name in things):
        return True
    return any(name[:end] in names for name in names for end, letter in enumerate(name) if letter == "_")


def _taken(catalog: Catalog) -> Iterator[Finding]:
    from adi_analytics_codegen.backends.sql.objects import object_names

    owners: defaultdict[str, list[str]] = defaultdict(list, {_SCHEMA: ["the migrations"]})
    made: defaultdict[str, list[str]] = defaultdict(list)
    for name, owner in object_names(catalog):
        owners[name].append(owner)
        made[owner].append(name)
    if "clickhouse" in catalog.outputs:  # where all is in one schema
        owners[local_table(catalog.storage.table)].append("storage")
    things: list[tuple[str, Aggregate | Question]] = [(f"aggregates.{one.name}", one) for one in catalog.aggregates]
    things += [(section(question), question) for question in questions(catalog)]
    for subject, thing in things:
        named = [(thing.name, owner) for owner in owners[thing.name] if owner != subject]
        if "clickhouse" in catalog.outputs and thing.name.startswith(CLICKHOUSE_META):
            named.append((thing.name, "the migrations"))
        stored = [(name, "storage") for name in made[subject] if "storage" in owners[name]]
        for name, owner in [*named, *stored, *_of_family(catalog, thing.name)][:1]:
            message = f'"{name}" is a table, view or index of {owner}'
            fix = f"rename the {_WORDS[subject.partition('.')[0]]}"
            yield Finding(thing.at, Severity.ERROR, "name-taken", message, fix, subject)


_WORDS: Final = {"aggregates": "aggregate", "entities": "entity", "retention": "retention", "funnels": "funnel"}
"""What a section of the catalog holds."""


def _of_family(catalog: Catalog, name: str) -> Iterator[tuple[str, str]]:
    """Yield *name* and the part that makes it now, or in another version, or in time: partitions and indexes."""
    table, dead = re.escape(catalog.storage.table), re.escape(dead_letters_table(catalog))
    if re.fullmatch(rf"{table}_(p\d{{8}}(_\d{{6}})?|\w+_idx|pkey|id_seq)|{dead}_(pkey|id_seq)", name):
        yield name, "storage"
    owners = {one.name: f"aggregates.{one.name}" for one in catalog.aggregates}
    owners |= {question.name: section(question) for question in questions(catalog)}
    for other, owner in owners.items():
        if re.fullmatch(rf"{re.escape(other)}_v\d+(_\w+)?", name):
            yield name, owner


def _too_large(catalog: Catalog) -> Iterator[Finding]:
    large = [one for one in catalog.aggregates if len(one.measures) + len(one.dimensions) > _SURELY_SMALL]
    if not large:
        return
    from adi_analytics_codegen.backends.sql.relations.plan import plan

    for aggregate in large:
        made = plan(catalog, aggregate)
        columns = max(len(made.columns), len(made.main.columns))
        if columns > _MOST_COLUMNS:
            message = f"its table would have {columns} columns, and PostgreSQL allows {_MOST_COLUMNS}"
        elif _row_bytes(made.main) > _MOST_BYTES:
            message = f"a row could take {_row_bytes(made.main)} bytes, and PostgreSQL stores {_MOST_BYTES} at most"
        else:
            continue
        yield _error(aggregate, "too-many-columns", message, "make two aggregates of it")


def _row_bytes(relation: Relation) -> int:
    nulls = len(relation.columns) // 8
    return _HEADER + nulls + sum(_BYTES.get(column.type, _POINTER) for column in relation.columns)


def _error(aggregate: Aggregate, rule: str, message: str, fix: str) -> Finding:
    return Finding(aggregate.at, Severity.ERROR, rule, message, fix, f"aggregates.{aggregate.name}")
