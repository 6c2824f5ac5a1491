"""Fingerprints: whether an edit of the catalog changes rows, and of which relation.

They are made from the catalog's terms, not from SQL, so that writing the same computation differently changes none.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from adi_analytics_codegen.backends.sql.expressions.conditions import FieldTypes
from adi_analytics_codegen.backends.sql.relations.plan import BUCKET_RATIO
from adi_analytics_codegen.model.fingerprint import canonical
from adi_analytics_codegen.model.kinds import FieldType
from adi_analytics_codegen.model.questions.aggregates import EVENT, Choice

if TYPE_CHECKING:
    from adi_analytics_codegen.backends.sql.relations.plan import Plan, Relation
    from adi_analytics_codegen.model.catalog import Catalog
    from adi_analytics_codegen.model.questions.aggregates import Aggregate, Condition, Measure, Test
    from adi_analytics_codegen.model.questions.calendars import Bucketed

SEMANTICS: Final = 1
"""Raised when this backend computes other rows from the same catalog: every fingerprint changes then."""


def aggregate_fingerprint(catalog: Catalog, plan: Plan) -> str:
    """Return what changes when a reader of the public views may see other rows or columns."""
    aggregate = plan.aggregate
    types = FieldTypes.of(catalog, aggregate)
    measures = [_measure(measure, types) for measure in aggregate.measures]
    derived = [[ratio.name, ratio.numerator, ratio.denominator] for ratio in aggregate.derived]
    sketches = [[measure.name for measure in aggregate.measures if measure.mergeable]] if plan.sketches else []
    return digest([_rows(catalog, aggregate, types), measures, derived, BUCKET_RATIO, *sketches])


def relation_fingerprint(catalog: Catalog, plan: Plan, relation: Relation) -> str:
    """Return what changes when the stored rows of *relation* may be others, or its columns."""
    types = FieldTypes.of(catalog, plan.aggregate)
    measures: list[Any] = [_measure(measure, types) for measure in relation.measures]
    if relation.kind != "rollup":  # a companion serves every measure of its subject, whatever their names
        measures = [[m.of, stored_type(m.type), conditions(m.where, types)] for m in relation.measures]
    ratio = BUCKET_RATIO if relation.kind == "distribution" else None
    columns = [column.name for column in relation.columns]
    return digest([_rows(catalog, plan.aggregate, types), relation.kind, columns, measures, ratio])


def rows_fingerprint(catalog: Catalog, plan: Plan) -> str:
    """Return what changes when other events are read, or when they are grouped otherwise."""
    return digest([_rows(catalog, plan.aggregate, FieldTypes.of(catalog, plan.aggregate)), BUCKET_RATIO])


def measure_fingerprints(catalog: Catalog, plan: Plan) -> dict[str, str]:
    """Return what changes when a measure means something else, for each measure."""
    types = FieldTypes.of(catalog, plan.aggregate)
    return {measure.name: digest(_measure(measure, types)) for measure in plan.aggregate.measures}


def _rows(catalog: Catalog, aggregate: Aggregate, types: FieldTypes) -> list[Any]:
    """Which rows are read, and how they are grouped."""
    return [
        SEMANTICS,
        catalog.storage.table,
        None if aggregate.all_events else aggregate.sources,
        conditions(aggregate.where, types),
        cut_up(aggregate.bucket_name, aggregate),
        [[dimension.name, dimension.of, stored_type(dimension.type)] for dimension in aggregate.dimensions],
        *([aggregate.each] if aggregate.each else []),
    ]


def cut_up(name: str, thing: Bucketed) -> list[Any]:
    """Return how time is cut up for *thing*, whose column of the bucket's start is called *name*."""
    return [name, thing.bucket_width, *([] if thing.calendar is None else [thing.calendar])]


def _measure(measure: Measure, types: FieldTypes) -> list[Any]:
    m = measure
    stated = [m.name, m.kind, m.of, stored_type(m.type), m.quantile, m.trailing, conditions(m.where, types)]
    terms = [[term.factor, [[of, stored_type(kind)] for of, kind in term.fields]] for term in m.terms]
    times = [[of, stored_type(kind)] for of, kind in m.times]
    return [*stated, *([times] if times else []), *([terms] if terms else [])]


def conditions(where: tuple[Test, ...], types: FieldTypes, given: tuple[Test, ...] = ()) -> list[Any]:
    """Return the terms of *where*, whose rows have passed *given*."""
    tests = (*given, *where)
    return [
        [test.negated, [conditions(branch, types, tests) for branch in test.branches]]
        if isinstance(test, Choice)
        else [test.field, _tested_type(test, types, tests), test.op, test.value]
        for test in where
    ]


def _tested_type(test: Condition, types: FieldTypes, tests: tuple[Test, ...]) -> FieldType | None:
    return None if test.field == EVENT else stored_type(types.type(test.field, tests))


def stored_type(kind: FieldType | None) -> FieldType | None:
    """Return the type as the rows have it: an enum that becomes a string changes none."""
    return FieldType.STRING if kind is FieldType.ENUM else kind


def digest(value: Any) -> str:
    """Return the fingerprint of *value*, which are terms of the catalog."""
    text = json.dumps(canonical(value), default=str, ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()
