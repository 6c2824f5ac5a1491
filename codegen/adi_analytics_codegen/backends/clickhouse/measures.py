"""Measures: the columns that a relation stores for each, and how the public view reads them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.backends.clickhouse.expressions.conditions import predicates
from adi_analytics_codegen.backends.clickhouse.expressions.names import identifier
from adi_analytics_codegen.backends.clickhouse.expressions.sums import quotient, reduced, sum_of
from adi_analytics_codegen.backends.clickhouse.expressions.values import TYPES, to_double, typed
from adi_analytics_codegen.model.kinds import FieldType, MeasureKind
from adi_analytics_codegen.model.rows.items import inside_item

if TYPE_CHECKING:
    from adi_analytics_codegen.backends.sql.expressions.conditions import FieldTypes
    from adi_analytics_codegen.model.questions.aggregates import Measure, Ratio

COUNT: Final = "UInt64"
_ORDER: Final = ("_time", "toString(_id)")
"""What picks the first and the last row. UUIDs sort by their second half here, so their text does."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a stored relation, and the expression that computes it from rows of the events table."""

    name: str
    type: str
    expression: str


@dataclass(frozen=True, slots=True)
class Read:
    """How the public view reads a measure.

    Attributes:
        expression: The value, from the columns of the live view ``_m``.
        double: The same as a double, for what divides it.
    """

    expression: str
    double: str


@dataclass(frozen=True, slots=True)
class Stored:
    """The columns that a measure stores, and how the public view reads them."""

    columns: tuple[Column, ...]
    read: Read


def store(measure: Measure, types: FieldTypes, names: tuple[str, ...]) -> Stored:
    """Return how *measure* is stored in columns called *names*."""
    condition = condition_of(measure, types)
    if measure.kind in (MeasureKind.SUM, MeasureKind.AVG):
        return _added(measure, condition, names)
    sql_type, expression = _BUILDERS[measure.kind](measure, condition)
    value = f"_m.{identifier(names[0])}"
    kind = measure.type if measure.type is FieldType.DECIMAL else FieldType.INT
    return Stored((Column(names[0], sql_type, expression),), Read(value, to_double(value, kind)))


def condition_of(measure: Measure, types: FieldTypes) -> str | None:
    """Return the condition of *measure* alone, or ``None``."""
    return " and ".join(f"({one})" for one in predicates(measure.where, types)) or None


def read(measure: Measure) -> str:
    """Return an expression for the value that *measure* reduces, NULL where it does not fit."""
    assert measure.of is not None  # noqa: S101 - the loader gives every measure but count its field
    return typed(measure.of, kind_of(measure))


def kind_of(measure: Measure) -> FieldType:
    """Return the type of what *measure* reduces."""
    assert measure.type is not None  # noqa: S101 - the loader gives every measure but count its type
    return measure.type


def ratio(derived: Ratio, measures: dict[str, Read]) -> str:
    """Return the expression of *derived* over *measures*."""
    above, below = (
        " + ".join(f"ifNull({measures[name].double}, 0)" for name in names)
        for names in (derived.numerator, derived.denominator)
    )
    return quotient(above, below)


def _added(measure: Measure, condition: str | None, names: tuple[str, ...]) -> Stored:
    added = sum_of(measure)
    total, count = names[0], names[-1]
    double = added.double(f"_m.{identifier(total)}")
    column = Column(total, added.type, added.over(condition))
    if measure.kind is MeasureKind.SUM:
        return Stored((column,), Read(f"_m.{identifier(total)}", double))
    mean = quotient(double, f"_m.{identifier(count)}")
    return Stored((column, Column(count, COUNT, added.count(condition))), Read(mean, mean))


_Built = tuple[str, str]


def _count(_: Measure, condition: str | None) -> _Built:
    return COUNT, "count()" if condition is None else f"countIf({condition})"


def _distinct(measure: Measure, condition: str | None) -> _Built:
    return COUNT, reduced("uniqExact", read(measure), condition)


def _percentile(measure: Measure, condition: str | None) -> _Built:
    value = to_double(read(measure), kind_of(measure))
    return TYPES[FieldType.FLOAT], reduced("quantileExactInclusive", value, condition, f"({measure.quantile!r})")


def _extreme(measure: Measure, condition: str | None) -> _Built:
    kind, value = kind_of(measure), read(measure)
    if kind is FieldType.UUID:
        return TYPES[kind], f"toUUIDOrNull({reduced(measure.kind, f'toString({value})', condition)})"
    return TYPES[kind], reduced(measure.kind, value, condition)


def _pick(measure: Measure, condition: str | None) -> _Built:
    value, function = read(measure), {MeasureKind.FIRST: "argMin", MeasureKind.LAST: "argMax"}[measure.kind]
    order = (*_ORDER, "_number") if inside_item(measure.of or "") is not None else _ORDER
    present = f"isNotNull({value}){f' and {condition}' if condition else ''}"
    return TYPES[kind_of(measure)], f"{function}If({value}, tuple({', '.join(order)}), {present})"


_BUILDERS: Final[dict[MeasureKind, Callable[[Measure, str | None], _Built]]] = {
    MeasureKind.COUNT: _count,
    MeasureKind.MIN: _extreme,
    MeasureKind.MAX: _extreme,
    MeasureKind.PERCENTILE: _percentile,
    MeasureKind.DISTINCT: _distinct,
    MeasureKind.FIRST: _pick,
    MeasureKind.LAST: _pick,
}
