"""Expressions: how the values of several buckets become one, and how the answer shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adi_analytics.query.model.text import SQL_TYPES, name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adi_analytics.query.model.describe import Measure
    from adi_analytics.query.resolve.measures import Chosen

_DOUBLE: Final = SQL_TYPES["float"]
_SMALLEST: Final = "1e-307"
_LARGEST: Final = "1e307"
"""The doubles that aggregates hold (docs/reference/aggregates.md): smaller is zero, larger is null."""


def type_of(measure: Measure) -> str:
    """Return the SQL type of a value of *measure* in a statement: a sum of whole numbers may need more than they do."""
    return "numeric" if measure.kind == "sum" else SQL_TYPES[measure.type]


def merged(chosen: Chosen) -> str:
    """Return the expression for a measure over the rows of a group."""
    measure = chosen.measure
    column = name(measure.name)
    if chosen.how == "stored":
        return f"(array_agg({column}))[1]"
    if measure.kind == "avg":
        total, count = name(measure.parts.sum or ""), name(measure.parts.count or "")
        return to_double(f"(sum({total}) / nullif(sum({count}), 0))")
    if measure.kind == "count":
        return f"sum({column})::bigint"
    return f"sum({column})" if measure.kind == "sum" else _extreme(measure, column)


def _extreme(measure: Measure, column: str) -> str:
    if measure.type == "bool":
        return f"{'bool_and' if measure.kind == 'min' else 'bool_or'}({column})"
    if measure.type == "uuid":  # servers before PostgreSQL 18 have no smallest UUID
        return f'({measure.kind}({column}::text collate "C"))::uuid'
    collated = f'{column} collate "C"' if measure.type == "string" else column
    return f"{measure.kind}({collated})"


def to_double(numeric: str) -> str:
    """Return the expression for *numeric* as a double."""
    size = f"abs({numeric})"
    return f"case when {size} < {_SMALLEST} then 0 when {size} <= {_LARGEST} then {numeric}::{_DOUBLE} end"


def shown(chosen: Chosen, values: Mapping[str, str], measures: Mapping[str, Measure], below: int | None) -> str:
    """Return the expression of the answer for a measure.

    Args:
        chosen: The measure.
        values: Measure to the expression for its value in a group, which is null for a group without rows.
        measures: The measures by name.
        below: Distinct counts from 1 up to this, exclusive, are not shown.
    """
    measure = chosen.measure
    if chosen.how != "ratio":
        value = _or_zero(measure, values)
        return _hidden([measure], values, below, value)
    sides = [[measures[one] for one in side] for side in (measure.parts.numerator, measure.parts.denominator)]
    above, under = (" + ".join(_side(one, values) for one in side) for side in sides)
    every = [one for side in sides for one in side]
    if all(type_of(one) == "bigint" for one in every):
        value = f"({above})::{_DOUBLE} / nullif({under}, 0)"
    else:
        value = to_double(f"(({above})::numeric / nullif({under}, 0))")
    return _hidden(every, values, below, value)


def _side(measure: Measure, values: Mapping[str, str]) -> str:
    return f"coalesce({values[measure.name]}, 0)"


def _or_zero(measure: Measure, values: Mapping[str, str]) -> str:
    """Return the value: where nothing happened, a number of things is zero; everything else is unknown."""
    value = values[measure.name]
    zero = measure.kind == "count" or (measure.kind == "distinct" and measure.trailing is None)
    return f"coalesce({value}, 0)" if zero else value


def _hidden(measures: list[Measure], values: Mapping[str, str], below: int | None, value: str) -> str:
    """Return *value*, null where a distinct count that it is made from is of few."""
    counts = [values[measure.name] for measure in measures if measure.kind == "distinct"]
    if below is None or not counts:
        return value
    few = " or ".join(f"({count} > 0 and {count} < {below})" for count in counts)
    return f"case when {few} then null else {value} end"
