"""Measures: what a relation stores for each, and how the public view reads it.

A measure is stored in a form that adds up over buckets where there is one: an average as sum and count, for example.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from adi_analytics_codegen.backends.sql.expressions.conditions import filter_clause
from adi_analytics_codegen.backends.sql.expressions.values import (
    FLOAT_MAX,
    FLOAT_MIN,
    SQL_TYPES,
    as_text,
    from_text,
    summable,
    typed,
)
from adi_analytics_codegen.backends.sql.text.names import identifier, unused
from adi_analytics_codegen.model.kinds import FieldType, MeasureKind
from adi_analytics_codegen.model.rows.items import inside_item
from adi_analytics_codegen.model.shown import Shown

if TYPE_CHECKING:
    from adi_analytics_codegen.backends.sql.expressions.conditions import FieldTypes
    from adi_analytics_codegen.model.questions.aggregates import Measure, Ratio

_DOUBLE: Final = "double precision"
_TEXTS: Final = frozenset({FieldType.STRING, FieldType.ENUM})
_ROW_ORDER: Final = (
    """lpad((extract(epoch from "timestamp" at time zone 'UTC') * 1000000)::bigint::text, 18, '0')""",
    "event_id::text",
)
"""Text that sorts like time and then event id. ``to_char`` would read better but is not immutable."""

_ITEM_ORDER: Final = "lpad(_number::text, 10, '0')"
"""Text that sorts the items of one row as its list does."""


@dataclass(frozen=True, slots=True, repr=False)
class Column(Shown):
    """A column of a stored relation.

    Attributes:
        merge: The aggregate function that merges the values of several buckets exactly; ``None`` when none does.
    """

    name: str
    type: str
    expression: str
    role: str
    merge: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class PublicColumn(Shown):
    """A column of a public view. Its expression reads the columns of the stored relation."""

    name: str
    type: str
    expression: str
    role: str
    kind: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Stored(Shown):
    """The columns that a measure stores, and the expression that reads its value from them."""

    columns: tuple[Column, ...]
    type: str
    expression: str


def store(measure: Measure, types: FieldTypes, taken: set[str]) -> Stored:
    """Return how *measure* is stored. The names of its columns avoid *taken*, and are added to it."""
    if measure.kind is MeasureKind.AVG:
        return _average(measure, types, taken)
    sql_type, expression, merge = _BUILDERS[measure.kind](measure, types)
    column = Column(measure.name, sql_type, expression, measure.kind, merge)
    return Stored((column,), sql_type, identifier(measure.name))


def ratio(derived: Ratio, public: dict[str, PublicColumn]) -> PublicColumn:
    """Return the column of *derived* over the measures in *public*."""
    above, below = ([public[name] for name in names] for names in (derived.numerator, derived.denominator))
    numerator, denominator = (" + ".join(_or_zero(column) for column in side) for side in (above, below))
    if all(column.type == "bigint" for column in (*above, *below)):
        value = f"({numerator})::{_DOUBLE} / nullif({denominator}, 0)"
    else:
        value = _to_double(f"({numerator})::numeric / nullif({denominator}, 0)")
    distinct = any(column.kind == MeasureKind.DISTINCT for column in (*above, *below))
    return PublicColumn(derived.name, _DOUBLE, value, "derived", "ratio_of_distinct" if distinct else "ratio")


def _or_zero(column: PublicColumn) -> str:
    return column.expression if column.type == "bigint" else f"coalesce({column.expression}, 0)"


_Built: TypeAlias = tuple[str, str, str | None]


def _count(measure: Measure, types: FieldTypes) -> _Built:
    return "bigint", f"count(*){filter_clause(measure.where, types)}", "sum"


def _sum(measure: Measure, types: FieldTypes) -> _Built:
    value = _addend(measure)
    return "numeric", f"sum({value}){filter_clause(measure.where, types)}", "sum"


def _distinct(measure: Measure, types: FieldTypes) -> _Built:
    return "bigint", f"count(distinct {read(measure)}){filter_clause(measure.where, types)}", None


def _percentile(measure: Measure, types: FieldTypes) -> _Built:
    value = read(measure)
    if measure.type is not FieldType.FLOAT:
        value = f"({value})::{_DOUBLE}"
    order = f"percentile_cont({measure.quantile!r}) within group (order by {value})"
    return _DOUBLE, order + filter_clause(measure.where, types), None


def _extreme(measure: Measure, types: FieldTypes) -> _Built:
    """Minimum or maximum. Types without the function go through one that has it and sorts alike."""
    kind, value, where = _type(measure), read(measure), filter_clause(measure.where, types)
    function: str = measure.kind
    if kind in _TEXTS:
        return "text", f'{function}(({value}) collate "C"){where}', function
    if kind is FieldType.BOOL:
        function = {MeasureKind.MIN: "bool_and", MeasureKind.MAX: "bool_or"}[measure.kind]
    if kind is FieldType.UUID:
        return "uuid", f'({function}(({value})::text collate "C"){where})::uuid', None
    return SQL_TYPES[kind], f"{function}({value}){where}", function


def _pick(measure: Measure, types: FieldTypes) -> _Built:
    """First or last, by time and then event id: one array is kept, so memory does not grow with the rows."""
    kind, of = _type(measure), _of(measure)
    function = {MeasureKind.FIRST: "min", MeasureKind.LAST: "max"}[measure.kind]
    where = filter_clause(measure.where, types, f"({read(measure)}) is not null")
    order = (*_ROW_ORDER, _ITEM_ORDER) if inside_item(of) is not None else _ROW_ORDER
    row = f"array[{', '.join((*order, as_text(of)))}]"
    text = f'({function}({row} collate "C"){where})[{len(order) + 1}]'
    return SQL_TYPES[kind], from_text(text, kind), None


_BUILDERS: Final[dict[MeasureKind, Callable[[Measure, FieldTypes], _Built]]] = {
    MeasureKind.COUNT: _count,
    MeasureKind.SUM: _sum,
    MeasureKind.MIN: _extreme,
    MeasureKind.MAX: _extreme,
    MeasureKind.PERCENTILE: _percentile,
    MeasureKind.DISTINCT: _distinct,
    MeasureKind.FIRST: _pick,
    MeasureKind.LAST: _pick,
}


def _average(measure: Measure, types: FieldTypes, taken: set[str]) -> Stored:
    value, where = _addend(measure), filter_clause(measure.where, types)
    total, count = (unused(f"{measure.name}__{part}", taken) for part in ("sum", "count"))
    taken.update((total, count))
    columns = (
        Column(total, "numeric", f"sum({value}){where}", "sum", "sum"),
        Column(count, "bigint", f"count({value}){where}", "count", "sum"),
    )
    quotient = f"{identifier(total)} / nullif({identifier(count)}, 0)"
    # A mean of ints or decimals is neither too large nor too small for a double; that of products may be.
    exact = measure.type is not FieldType.FLOAT and not measure.times and not measure.terms
    return Stored(columns, _DOUBLE, f"({quotient})::{_DOUBLE}" if exact else _to_double(quotient))


def _to_double(numeric: str) -> str:
    """Cast a quotient. Too small for a double is zero; too large, which takes a sum over a tiny sum, is NULL."""
    size = f"abs({numeric})"
    return f"case when {size} < {FLOAT_MIN} then 0 when {size} <= {FLOAT_MAX} then ({numeric})::{_DOUBLE} end"


def read(measure: Measure) -> str:
    """Return an expression for the value that *measure* reduces, NULL where it does not fit."""
    return typed(_of(measure), _type(measure))


def _addend(measure: Measure) -> str:
    """Return an expression for the value that *measure* adds up: exact, NULL where a field in it does not fit."""
    if not measure.times and not measure.terms:
        return summable(_of(measure), _type(measure))
    made = ""
    for part in measure.parts:
        factors = [f"({summable(of, kind)})::numeric" for of, kind in part.fields]
        size = part.factor.removeprefix("-")
        factors = factors if size == "1" and factors else [size, *factors]
        sign = "-" if part.factor.startswith("-") else "+"
        made += (f" {sign} " if made else sign.strip("+")) + " * ".join(factors)
    return made


def _of(measure: Measure) -> str:
    assert measure.of is not None  # noqa: S101 - the loader gives every measure but count its field
    return measure.of


def _type(measure: Measure) -> FieldType:
    assert measure.type is not None  # noqa: S101 - the loader gives every measure but count its type
    return measure.type
