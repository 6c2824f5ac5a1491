"""What can be asked of an aggregate: the manifest's ``query``, which the query layer answers from.

For each dimension and measure it says the type, the unit and how much a value reveals; for a measure also from which
stored columns the values of several buckets are put together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adi_analytics_codegen.backends.sql.ddl.comments import distribution_columns, sketch_columns
from adi_analytics_codegen.backends.sql.relations.plan import subject
from adi_analytics_codegen.model.kinds import MeasureKind
from adi_analytics_codegen.model.rows.results import of_dimension, of_measure, of_ratio

if TYPE_CHECKING:
    from adi_analytics_codegen.backends.sql.relations.plan import Plan
    from adi_analytics_codegen.model.catalog import Catalog
    from adi_analytics_codegen.model.questions.aggregates import Measure


def questions(catalog: Catalog, plan: Plan) -> dict[str, Any]:
    """Return what can be asked of the aggregate of *plan*."""
    aggregate = plan.aggregate
    measures = [of_measure(catalog, aggregate, one) | {"parts": _parts(plan, one)} for one in aggregate.measures]
    return {
        "dimensions": [of_dimension(catalog, aggregate, dimension) for dimension in aggregate.dimensions],
        "measures": [*measures, *map(of_ratio, aggregate.derived)],
        "distribution": _distribution(plan),
        "sketch": _sketch(plan),
        **_coarser(catalog, plan),
    }


def _parts(plan: Plan, measure: Measure) -> dict[str, Any]:
    """Return where the values of several buckets are put together from, if they can be."""
    if measure.kind is MeasureKind.AVG:
        total, count = plan.stored[measure.name]
        return {"sum": total, "count": count}
    if measure.kind is not MeasureKind.DISTINCT or measure.trailing is not None:
        return {}
    shared = (
        trailing.members for trailing in plan.trailing if subject(trailing.members.measures[0]) == subject(measure)
    )
    members = next(shared, None)
    if members is None:
        return {}
    column = next(column.name for column in members.columns if column.role == "member")
    return {"relation": plan.relations.index(members), "member": column}


def _distribution(plan: Plan) -> dict[str, Any] | None:
    if not plan.distributions:
        return None
    return {
        "view": plan.distribution_view,
        "columns": distribution_columns(plan),
        "shared": [list(distribution.measures) for distribution in plan.distributions],
    }


def _sketch(plan: Plan) -> dict[str, Any] | None:
    if not plan.sketches:
        return None
    return {
        "view": plan.sketch_view,
        "columns": sketch_columns(plan),
        "shared": [list(sketch.measures) for sketch in plan.sketches],
    }


def _coarser(catalog: Catalog, plan: Plan) -> dict[str, Any]:
    """Return which aggregate has the percentiles of longer buckets; nothing where none has."""
    found = next((one for one in catalog.aggregates if one.coarser_than == plan.aggregate.name), None)
    if found is None:
        return {}
    return {"coarser": {"aggregate": found.name, "dimensions": [one.name for one in found.dimensions]}}
