"""The manifest: everything that the migrator and the worker need to know of a catalog, as one JSON document.

docs/reference/manifest.md describes it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from adi_analytics_codegen.backends.sql.dialects import DIALECTS, planned
from adi_analytics_codegen.backends.sql.manifest import people
from adi_analytics_codegen.backends.sql.manifest.fingerprints import (
    aggregate_fingerprint,
    measure_fingerprints,
    relation_fingerprint,
    rows_fingerprint,
)
from adi_analytics_codegen.backends.sql.manifest.questions import questions
from adi_analytics_codegen.backends.sql.people import kept
from adi_analytics_codegen.backends.sql.people.plans import PeoplePlan
from adi_analytics_codegen.backends.sql.relations.places import template
from adi_analytics_codegen.backends.sql.relations.plan import reach
from adi_analytics_codegen.backends.sql.text.names import seconds
from adi_analytics_codegen.model.fingerprint import fingerprint
from adi_analytics_codegen.model.kinds import FieldType
from adi_analytics_codegen.model.questions.people import Funnel
from adi_analytics_codegen.model.rows.items import in_rows
from adi_analytics_codegen.model.tables import dead_letters_table, late_after

if TYPE_CHECKING:
    from datetime import timedelta

    from adi_analytics_codegen.backends.sql.dialects import Parts, Planned, PlannedAggregate
    from adi_analytics_codegen.backends.sql.relations.plan import Counts, Plan, Relation
    from adi_analytics_codegen.backends.sql.text.statements import Statement
    from adi_analytics_codegen.model.catalog import Catalog
    from adi_analytics_codegen.model.questions.aggregates import Aggregate

FORMAT: Final = 2
"""Version of the manifest's format. The migrator refuses one that it does not know."""


def manifest(catalog: Catalog) -> dict[str, Any]:
    """Return the manifest of *catalog*."""
    return describe(catalog, planned(catalog))


def describe(catalog: Catalog, made: Planned) -> dict[str, Any]:
    """Return the manifest of *catalog*, whose statements are *made*."""
    storage, on_wire = catalog.storage, in_rows(catalog)
    return {
        "format": FORMAT,
        "catalog": catalog.name,
        "hash": fingerprint(catalog),
        "backends": list(DIALECTS),
        "storage": {
            "table": storage.table,
            "dead_letters_table": dead_letters_table(catalog),
            "chunk_interval": seconds(storage.chunk_interval),
            "compress_after": _seconds(storage.compress_after),
            "retention": _seconds(storage.retention),
            "index_data": storage.index_data,
            **({} if catalog.user_id is FieldType.UUID else {"user_id": str(catalog.user_id)}),
        },
        "late_after": late_after(catalog),
        "storage_ddl": {backend: _parts(parts) for backend, parts in made.storage.items()},
        "comments": [statement.described() for statement in made.comments],
        "aggregates": [_aggregate(on_wire, entry) for entry in made.aggregates],
    }


def to_json(document: dict[str, Any]) -> str:
    """Return *document* in its one canonical form."""
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=True) + "\n"


def _aggregate(catalog: Catalog, entry: PlannedAggregate) -> dict[str, Any]:
    made, aggregate = entry.plan, entry.plan.aggregate
    return {
        "name": aggregate.name,
        "version": aggregate.version,
        "description": aggregate.description,
        "owner": aggregate.owner,
        "sources": list(aggregate.sources),
        "all_events": aggregate.all_events,
        "bucket": _bucket(aggregate),
        "dimensions": list(made.dimensions),
        "columns": [_named(column, "role", "kind") for column in made.columns],
        "refresh": {key: seconds(getattr(aggregate.refresh, key)) for key in ("every", "window", "lag")},
        "trailing": max((seconds(reach(each.length, each.calendar)) for each in made.trailing), default=0),
        **_fingerprints(catalog, made),
        "views": _views(entry),
        "comments": [statement.described() for statement in entry.comments],
        "counts": [_counts(made, counts, statements) for counts, statements in entry.counts],
        **({"answers": _answers(made, entry.answers)} if isinstance(made, PeoplePlan) else {}),
        "relations": [_relation(catalog, made, relation) for relation in made.relations],
        "ddl": {backend: template(_parts(parts)) for backend, parts in entry.parts.items()},
    }


def _bucket(aggregate: Aggregate) -> dict[str, Any]:
    calendar = aggregate.calendar
    by_calendar = {} if calendar is None else {"unit": str(calendar.unit), "time_zone": calendar.zone}
    return {"column": aggregate.bucket_name, "width": seconds(aggregate.bucket_width), **by_calendar}


def _counts(made: Plan, counts: Counts, statements: list[Statement]) -> dict[str, Any]:
    return {
        "members": made.relations.index(counts.members),
        "member": counts.member,
        "span": seconds(counts.span),
        "columns": {trailing.column: seconds(trailing.length) for trailing in counts.trailing},
        "create": template([statement.described() for statement in statements]),
    }


def _answers(made: PeoplePlan, statements: list[Statement]) -> dict[str, Any]:
    return {
        "known": [{"column": column.name, "merge": column.merge} for column in kept.known(made.question, made.main)],
        "parts": [
            {
                "table": part.table,
                "function": part.function,
                "before": seconds(part.before),
                "after": seconds(part.after),
            }
            for part in kept.parts(made.question)
        ],
        "create": template([statement.described() for statement in statements]),
    }


def _fingerprints(catalog: Catalog, made: Plan) -> dict[str, Any]:
    if isinstance(made, PeoplePlan):
        return {
            "fingerprint": people.whole_print(catalog, made.question),
            "rows": people.rows_print(catalog, made.question),
            "measures": people.meanings(made.question),
            "people": people.asked(catalog, made),
        }
    return {
        "fingerprint": aggregate_fingerprint(catalog, made),
        "rows": rows_fingerprint(catalog, made),
        "measures": measure_fingerprints(catalog, made),
        "query": questions(catalog, made),
    }


def _relation(catalog: Catalog, made: Plan, relation: Relation) -> dict[str, Any]:
    columns = [_named(column, "role", "merge") for column in relation.columns]
    return {
        "name": relation.name,
        "kind": relation.kind,
        "live": relation.live,
        "rows_function": relation.rows_function,
        "index": relation.index,
        "columns": columns,
        "keys": [column.name for column in relation.columns[: relation.keys]],
        "keyed_by": _keyed_by(made, relation),
        "fingerprint": rows_print_of(catalog, made, relation),
    }


def rows_print_of(catalog: Catalog, made: Plan, relation: Relation) -> str:
    """Return what changes when the stored rows of *relation* may be others, or its columns."""
    if isinstance(made, PeoplePlan):
        return people.rows_print(catalog, made.question)
    return relation_fingerprint(catalog, made, relation)


def _keyed_by(made: Plan, relation: Relation) -> list[dict[str, str]]:
    """Return the columns that rows are grouped by, the bucket apart, with what of the events each holds.

    The array of a funnel's dimension is among them.
    """
    found = [{"column": dimension.name, "of": dimension.of} for dimension in made.aggregate.dimensions]
    for column in relation.columns[: relation.keys]:
        if column.role == "member":
            of = made.question.entity.of if isinstance(made, PeoplePlan) else str(relation.measures[0].of)
            found.append({"column": column.name, "of": of})
    if isinstance(made, PeoplePlan) and isinstance(made.question, Funnel) and made.question.dimension is not None:
        column = next(column for column in relation.columns if column.role == "dimensions")
        found.append({"column": column.name, "of": made.question.dimension.of})
    return found


def _views(entry: PlannedAggregate) -> list[dict[str, Any]]:
    made = entry.plan
    if isinstance(made, PeoplePlan):
        kinds = [view.kind for view in made.views]
    else:
        named = {made.distribution_view: "distribution", made.sketch_view: "sketch"}
        kinds = [named.get(view.object, "aggregate") for view in entry.views]
    return [
        {"name": view.object, "kind": kind, **view.parts, "select": template(view.parts["select"])}
        for kind, view in zip(kinds, entry.views, strict=True)
    ]


def _named(column: Any, *more: str) -> dict[str, Any]:
    return {key: getattr(column, key) for key in ("name", "type", *more)}


def _parts(parts: Parts) -> dict[str, list[dict[str, Any]]]:
    return {part: [statement.described() for statement in statements] for part, statements in parts.items()}


def _seconds(span: timedelta | None) -> int | None:
    return None if span is None else seconds(span)
