"""Expressions: how the values of several buckets become one, and how the answer shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adi_analytics.query.model.describe import Measure
    from adi_analytics.query.resolve.measures import Chosen
    from adi_analytics.query.sql.dialect import Dialect


def merged(chosen: Chosen, columns: Mapping[str, str], dialect: Dialect, types: Mapping[str, str]) -> str:
    """Return the expression for a measure over the rows of a group.

    Args:
        chosen: The measure.
        columns: What the stored columns are called in the rows.
        dialect: The database's SQL.
        types: The types of the stored columns, where it depends on them.
    """
    measure = chosen.measure
    if chosen.how == "stored":
        return dialect.any(columns[measure.name])
    if measure.kind == "avg":
        total, count = measure.parts.sum or "", measure.parts.count or ""
        return dialect.average(columns[total], columns[count], types.get(total, ""))
    column = columns[measure.name]
    if measure.kind == "count":
        return dialect.counted(column)
    return (
        dialect.summed(column, types.get(measure.name, ""))
        if measure.kind == "sum"
        else dialect.extreme(measure, column)
    )


def shown(  # noqa: PLR0913, PLR0917 - what an expression is made from
    chosen: Chosen,
    values: Mapping[str, str],
    measures: Mapping[str, Measure],
    below: int | None,
    dialect: Dialect,
    types: Mapping[str, str],
) -> str:
    """Return the expression of the answer for a measure.

    Args:
        chosen: The measure.
        values: Measure to the expression for its value in a group, which is null for a group without rows.
        measures: The measures by name.
        below: Distinct counts from 1 up to this, exclusive, are not shown.
        dialect: The database's SQL.
        types: The types of the stored columns, where it depends on them.
    """
    measure = chosen.measure
    if chosen.how != "ratio":
        value = _or_zero(measure, values)
        return _hidden([measure], values, below, value)
    above, under = ([measures[one] for one in side] for side in (measure.parts.numerator, measure.parts.denominator))
    every = [*above, *under]
    value = dialect.ratio(
        [_side(one, values) for one in above],
        [_side(one, values) for one in under],
        [types.get(one.name, "") for one in every],
        whole=all(one.type == "int" and one.kind != "sum" for one in every),
    )
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
