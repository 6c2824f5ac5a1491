"""``where``: from the catalog's conditions to SQL that is not true, never an error, for a value that does not fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from adi_analytics_codegen.backends.clickhouse.expressions.names import literal
from adi_analytics_codegen.backends.clickhouse.expressions.values import typed
from adi_analytics_codegen.backends.sql.expressions.conditions import utc
from adi_analytics_codegen.model.kinds import FieldType, Operator
from adi_analytics_codegen.model.questions.aggregates import EVENT, Choice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adi_analytics_codegen.backends.sql.expressions.conditions import FieldTypes
    from adi_analytics_codegen.model.questions.aggregates import Condition, Test

_SYMBOLS: Final = {
    Operator.EQ: "=",
    Operator.NE: "!=",
    Operator.LT: "<",
    Operator.LTE: "<=",
    Operator.GT: ">",
    Operator.GTE: ">=",
}


def predicates(where: Sequence[Test], types: FieldTypes, given: Sequence[Test] = ()) -> list[str]:
    """Return one predicate per test of *where*, for rows that pass *given*; all must hold."""
    tests = (*given, *where)
    return [
        _choice(test, types, tests) if isinstance(test, Choice) else _predicate(test, tests, types) for test in where
    ]


def _choice(choice: Choice, types: FieldTypes, given: Sequence[Test]) -> str:
    """Return the predicate of *choice*. What is NULL in it has failed, so its negation is not ``not``."""
    branches = [" and ".join(predicates(branch, types, given)) for branch in choice.branches]
    found = f"({' or '.join(f'({branch})' for branch in branches)})"
    return f"not ifNull({found}, false)" if choice.negated else found


def _predicate(condition: Condition, tests: Sequence[Test], types: FieldTypes) -> str:
    if condition.field == EVENT:
        return _compare("_type", FieldType.STRING, condition.op, condition.value)
    kind = types.type(condition.field, tests)
    return _compare(typed(condition.field, kind), kind, condition.op, condition.value)


def _compare(value: str, kind: FieldType, op: Operator, operand: Any) -> str:
    if op is Operator.EXISTS:
        return f"isNotNull({value})" if operand else f"isNull({value})"
    if op is Operator.PREFIX:
        return f"startsWith({value}, {literal(str(operand))})"
    if op is Operator.IN:
        return f"({' or '.join(f'{value} = {_constant(item, kind)}' for item in operand)})"
    return f"{value} {_SYMBOLS[op]} {_constant(operand, kind)}"


def _constant(value: Any, kind: FieldType) -> str:
    return _CONSTANTS[kind](value) if kind in _CONSTANTS else literal(str(value))


_CONSTANTS: Final[dict[FieldType, Callable[[Any], str]]] = {
    FieldType.INT: lambda value: f"toInt64('{value}')",
    FieldType.FLOAT: lambda value: f"toFloat64('{float(value)!r}')",
    FieldType.BOOL: lambda value: "true" if value else "false",
    FieldType.DATETIME: lambda value: f"toDateTime64({literal(utc(value).removesuffix('+00:00'))}, 6, 'UTC')",
    FieldType.UUID: lambda value: f"toUUID({literal(str(value))})",
    FieldType.DATE: lambda value: f"toDate32({literal(str(value))})",
    FieldType.DECIMAL: lambda value: f"toDecimal256({literal(str(value))}, 38)",
}
"""How a constant is written; of other types it is a text."""
