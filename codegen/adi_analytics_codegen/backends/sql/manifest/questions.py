"""What can be asked of an aggregate: the manifest's ``query``, which the query layer answers from.

For each dimension and measure it says the type, the unit and how much a value reveals; for a measure also from which
stored columns the values of several buckets are put together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from adi_analytics_codegen.backends.sql.ddl.comments import distribution_columns, fields_read, sketch_columns
from adi_analytics_codegen.backends.sql.relations.plan import subject
from adi_analytics_codegen.model.kinds import FieldType, MeasureKind, Sensitivity
from adi_analytics_codegen.model.questions.aggregates import COLUMN_REFERENCES, USER_ID

if TYPE_CHECKING:
    from adi_analytics_codegen.backends.sql.relations.plan import Plan
    from adi_analytics_codegen.model.catalog import Catalog
    from adi_analytics_codegen.model.fields import Field
    from adi_analytics_codegen.model.questions.aggregates import Aggregate, Dimension, Measure, Ratio

_TELLS_NOTHING: Final = frozenset({MeasureKind.COUNT, MeasureKind.DISTINCT})
"""Measures that are a number of rows or of values: they have no unit, and show no value as it was sent."""

_RESULTS: Final = {
    MeasureKind.COUNT: "int",
    MeasureKind.DISTINCT: "int",
    MeasureKind.AVG: "float",
    MeasureKind.PERCENTILE: "float",
}


def questions(catalog: Catalog, plan: Plan) -> dict[str, Any]:
    """Return what can be asked of the aggregate of *plan*."""
    aggregate = plan.aggregate
    measures = [_measure(catalog, plan, measure) for measure in aggregate.measures]
    return {
        "dimensions": [_dimension(catalog, aggregate, dimension) for dimension in aggregate.dimensions],
        "measures": [*measures, *(_ratio(ratio) for ratio in aggregate.derived)],
        "distribution": _distribution(plan),
        "sketch": _sketch(plan),
        **_coarser(catalog, plan),
    }


def _dimension(catalog: Catalog, aggregate: Aggregate, dimension: Dimension) -> dict[str, Any]:
    fields = fields_read(catalog, aggregate, dimension.of, aggregate.where)
    return {"name": dimension.name, "type": _plain(dimension.type), **_about(dimension.of, fields)}


def _measure(catalog: Catalog, plan: Plan, measure: Measure) -> dict[str, Any]:
    about: dict[str, Any] = {"unit": None, "sensitivity": str(Sensitivity.NONE)}
    if measure.of is not None and measure.kind not in _TELLS_NOTHING:
        where = (*plan.aggregate.where, *measure.where)
        read = [field for of in measure.fields for field in fields_read(catalog, plan.aggregate, of, where)]
        about = _about(measure.of, read)
        if not measure.has_unit:
            about["unit"] = None
    return {
        "name": measure.name,
        "kind": str(measure.kind),
        "type": _RESULTS.get(measure.kind) or _result(measure),
        **about,
        "quantile": measure.quantile,
        "trailing": None if measure.trailing is None else int(measure.trailing.total_seconds()),
        "parts": _parts(plan, measure),
    }


def _ratio(ratio: Ratio) -> dict[str, Any]:
    return {
        "name": ratio.name,
        "kind": "ratio",
        "type": "float",
        "unit": None,
        "sensitivity": str(Sensitivity.NONE),
        "quantile": None,
        "trailing": None,
        "parts": {"numerator": list(ratio.numerator), "denominator": list(ratio.denominator)},
    }


def _result(measure: Measure) -> str:
    assert measure.type is not None  # noqa: S101 - only a count has none
    types = {kind for part in measure.parts for _, kind in part.fields}
    whole = types == {FieldType.INT} and all("." not in part.factor for part in measure.parts)
    if measure.kind is MeasureKind.SUM and not whole:
        return str(FieldType.DECIMAL)
    return _plain(measure.type)


def _plain(kind: FieldType) -> str:
    return str(FieldType.STRING if kind is FieldType.ENUM else kind)


def _about(of: str, fields: list[Field]) -> dict[str, Any]:
    """Return the unit of what *of* names, if all events agree on one, and the most that it reveals."""
    units = {field.unit for field in fields}
    found = {Sensitivity.PSEUDONYMOUS if of == USER_ID else Sensitivity.NONE, *(f.sensitivity for f in fields)}
    order = list(Sensitivity)
    unit = next(iter(units)) if len(units) == 1 and of not in COLUMN_REFERENCES else None
    return {"unit": unit, "sensitivity": str(max(found, key=order.index))}


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
