"""Sums: exact for whole numbers and decimals, and for floats as near as a double can be.

PostgreSQL adds up in ``numeric``, which has no end. Here whole numbers add up as 256-bit integers, and decimals as
their whole parts and their fractions: exact below ten to the 38th, and NULL beyond. A float is added as the decimal
that its shortest text is, so that a sum does not depend on the order of the rows; the very large and the very small
ones, which no decimal of 38 digits after the point can hold, by Kahan's method.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.backends.clickhouse.expressions.values import computed, to_double, typed
from adi_analytics_codegen.backends.sql.expressions.values import FLOAT_MAX, FLOAT_MIN
from adi_analytics_codegen.model.kinds import FieldType

if TYPE_CHECKING:
    from adi_analytics_codegen.model.questions.aggregates import Measure, Term

_DECIMAL_MAX: Final = f"toInt256('1{'0' * 38}')"
_PRODUCT_MAX: Final = "1e37"
_WHOLE_MAX: Final = "5e76"
_IN_DECIMAL: Final = "between 1e-20 and 1e37"
"""Floats whose shortest text, of 17 digits at most, a decimal of 38 digits after the point holds."""


@dataclass(frozen=True, slots=True)
class Sum:
    """What a sum or an average adds up.

    Attributes:
        kind: ``int``, ``decimal`` or ``float``: what the value of a row is.
        value: The value of a row, NULL where a field in it does not fit.
        exact: Whether it is the value of one field, so that a row's value is never too large.
    """

    kind: FieldType
    value: str
    exact: bool

    @property
    def type(self) -> str:
        """The type of the sum."""
        return {FieldType.INT: "Nullable(Int256)", FieldType.DECIMAL: "Nullable(Decimal(76, 38))"}.get(
            self.kind, "Nullable(Float64)"
        )

    def over(self, condition: str | None) -> str:
        """Return the aggregate expression over the rows for which *condition* is true."""
        if self.kind is FieldType.INT:
            return self._whole(condition)
        if self.kind is FieldType.DECIMAL:
            return _decimal_sum(self.value, condition)
        return self._floats(condition)

    def count(self, condition: str | None) -> str:
        """Return the expression that counts the rows that have a value."""
        return f"countIf(isNotNull({self.value}){f' and {condition}' if condition else ''})"

    def double(self, column: str) -> str:
        """Return the sum that *column* holds as a double."""
        return to_double(column, self.kind)

    def _whole(self, condition: str | None) -> str:
        found = reduced("sum", self.value, condition)
        if self.exact:
            return found
        return f"if(abs({reduced('sum', f'toFloat64({self.value})', condition)}) < {_WHOLE_MAX}, {found}, null)"

    def _floats(self, condition: str | None) -> str:
        value = self.value
        inside = f"(abs({value}) {_IN_DECIMAL} or {value} = 0)"
        decimal = computed(f"if({inside}, toDecimal256OrNull(toString({value}), 38), null)")
        rest = computed(f"if({inside}, null, {value})")
        parts = (
            to_double(_decimal_sum(decimal, condition), FieldType.DECIMAL),
            reduced("sumKahan", rest, condition),
        )
        total = " + ".join(f"ifNull({part}, 0)" for part in parts)
        return f"if({self.count(condition)} > 0 and isFinite({total}), {total}, null)"


def sum_of(measure: Measure) -> Sum:
    """Return what *measure* adds up."""
    kinds = {kind for part in measure.parts for _, kind in part.fields}
    whole = all("." not in part.factor for part in measure.parts)
    if FieldType.FLOAT in kinds:
        kind = FieldType.FLOAT
    else:
        kind = FieldType.INT if kinds == {FieldType.INT} and whole else FieldType.DECIMAL
    parts = [_part(part, kind) for part in measure.parts]
    alone = len(parts) == 1 and len(measure.parts[0].fields) == 1 and measure.parts[0].factor == "1"
    return Sum(kind, parts[0] if alone else computed(" + ".join(parts)), alone)


def quotient(above: str, below: str) -> str:
    """Return the quotient of doubles: NULL over zero and where it is too large for a double, 0 where too small."""
    found = f"({above}) / nullIf({below}, 0)"
    return f"multiIf(abs({found}) < {FLOAT_MIN}, 0., abs({found}) <= {FLOAT_MAX}, {found}, null)"


def reduced(function: str, value: str, condition: str | None, parameters: str = "") -> str:
    """Return the aggregate *function* of *value* over the rows for which *condition* is true."""
    if condition is None:
        return f"{function}{parameters}({value})"
    return f"{function}If{parameters}({value}, {condition})"


def _decimal_sum(value: str, condition: str | None) -> str:
    whole = computed(f"toInt256({value})")
    fraction = computed(f"{value} - toDecimal256({whole}, 38)")
    total = reduced("sum", whole, condition)
    fits = f"abs({total}) < {_DECIMAL_MAX}"
    return f"if({fits}, toDecimal256(if({fits}, {total}, 0), 38) + {reduced('sum', fraction, condition)}, null)"


def _part(part: Term, kind: FieldType) -> str:
    """Return the product of the fields and the factor of *part*, as a value of *kind*."""
    factors = [computed(_factor(of, one, kind)) for of, one in part.fields]
    if part.factor != "1" or not factors:
        factors.append(_constant(part.factor, kind))
    made = factors[0]
    for factor in factors[1:]:
        made = computed(_product(made, factor)) if kind is FieldType.DECIMAL else f"{made} * {factor}"
    return made


def _factor(of: str, own: FieldType, kind: FieldType) -> str:
    value = typed(of, own)
    if kind is FieldType.INT:
        return f"toInt256({value})"
    if kind is FieldType.FLOAT:
        return value if own is FieldType.FLOAT else to_double(value, own)
    return value if own is FieldType.DECIMAL else f"toDecimal256({value}, 38)"


def _constant(digits: str, kind: FieldType) -> str:
    functions = {FieldType.INT: "toInt256('{}')", FieldType.DECIMAL: "toDecimal256('{}', 38)"}
    return functions.get(kind, "toFloat64('{}')").format(digits)


def _product(one: str, other: str) -> str:
    fits = f"abs(toFloat64({one}) * toFloat64({other})) < {_PRODUCT_MAX}"
    return f"if({fits}, multiplyDecimal(if({fits}, {one}, 0), {other}, 38), null)"
