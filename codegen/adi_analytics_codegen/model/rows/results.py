"""What the columns of an aggregate hold: the type, the unit, and how much a value reveals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from adi_analytics_codegen.model.kinds import FieldType, MeasureKind, Sensitivity
from adi_analytics_codegen.model.questions.aggregates import COLUMN_REFERENCES, USER_ID
from adi_analytics_codegen.model.rows.items import fields_read

if TYPE_CHECKING:
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
REVEALING: Final = frozenset({Sensitivity.PERSONAL, Sensitivity.SECRET})
"""Of what reveals so much no answer shows a value."""


def of_dimension(catalog: Catalog, aggregate: Aggregate, dimension: Dimension) -> dict[str, Any]:
    """Return ``name``, ``type``, ``unit`` and ``sensitivity`` of *dimension*."""
    fields = fields_read(catalog, aggregate, dimension.of, aggregate.where)
    return {"name": dimension.name, "type": _plain(dimension.type), **_about(dimension.of, fields)}


def of_measure(catalog: Catalog, aggregate: Aggregate, measure: Measure) -> dict[str, Any]:
    """Return the same of *measure*, its ``kind``, ``quantile``, and ``trailing`` in seconds."""
    about: dict[str, Any] = {"unit": None, "sensitivity": str(Sensitivity.NONE)}
    if measure.of is not None and measure.kind not in _TELLS_NOTHING:
        where = (*aggregate.where, *measure.where)
        read = [field for of in measure.fields for field in fields_read(catalog, aggregate, of, where)]
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
    }


def of_ratio(ratio: Ratio) -> dict[str, Any]:
    """Return the same of *ratio*, and as ``parts`` the measures that it divides."""
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
