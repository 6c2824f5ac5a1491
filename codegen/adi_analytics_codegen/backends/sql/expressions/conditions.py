"""``where``: from the catalog's conditions to SQL that is false, never an error, for a value that does not fit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any, Final

from adi_analytics_codegen.backends.sql.expressions.values import COLUMNS, SQL_TYPES, typed
from adi_analytics_codegen.backends.sql.text.names import literal
from adi_analytics_codegen.model.events import Event
from adi_analytics_codegen.model.kinds import FieldType, Operator
from adi_analytics_codegen.model.questions.aggregates import COLUMN_REFERENCES, EVENT, USER_ID, Choice
from adi_analytics_codegen.model.readers import lets_through
from adi_analytics_codegen.model.walk import field_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adi_analytics_codegen.model.catalog import Catalog
    from adi_analytics_codegen.model.questions.aggregates import Aggregate, Condition, Test

_SYMBOLS: Final = {
    Operator.EQ: "=",
    Operator.NE: "<>",
    Operator.LT: "<",
    Operator.LTE: "<=",
    Operator.GT: ">",
    Operator.GTE: ">=",
}
_ORDERED: Final = frozenset({Operator.LT, Operator.LTE, Operator.GT, Operator.GTE})
_TEXTS: Final = frozenset({FieldType.STRING, FieldType.ENUM})


@dataclass(frozen=True, slots=True)
class FieldTypes:
    """Looks up the types of what an aggregate's conditions refer to."""

    events: tuple[Event, ...]
    user_id: FieldType

    @classmethod
    def of(cls, catalog: Catalog, aggregate: Aggregate) -> FieldTypes:
        """Return the lookup for *aggregate*."""
        read = [event for event in catalog.events if event.name in aggregate.sources]
        return cls(
            tuple([event for event in read if lets_through(aggregate.where, event.name)] or read), catalog.user_id
        )

    def type(self, name: str, tests: Sequence[Test]) -> FieldType:
        """Return the type of *name* in the events that *tests* let through."""
        if name in COLUMN_REFERENCES:
            return self.user_id if name == USER_ID else FieldType.STRING
        events = [event for event in self.events if lets_through(tests, event.name)] or list(self.events)
        return next(field.type for event in events if (field := field_at(event.fields, name)) is not None)


def predicates(where: Sequence[Test], types: FieldTypes, given: Sequence[Test] = ()) -> list[str]:
    """Return one predicate per test of *where*, for rows that pass *given*; all must hold."""
    tests = (*given, *where)
    return [
        _choice(test, types, tests) if isinstance(test, Choice) else _predicate(test, tests, types) for test in where
    ]


def filter_clause(where: Sequence[Test], types: FieldTypes, *more: str) -> str:
    """Return the ``filter`` of an aggregate function for *where* and the predicates *more*, or an empty string."""
    tests = [*predicates(where, types), *more]
    return f" filter (where {' and '.join(tests)})" if tests else ""


def _choice(choice: Choice, types: FieldTypes, given: Sequence[Test]) -> str:
    """Return the predicate of *choice*. What is NULL in it has failed, so its negation is not ``not``."""
    branches = [" and ".join(predicates(branch, types, given)) for branch in choice.branches]
    return f"({' or '.join(branches)}){' is not true' if choice.negated else ''}"


def _predicate(condition: Condition, tests: Sequence[Test], types: FieldTypes) -> str:
    if condition.field == EVENT:
        return _compare("event_type", FieldType.STRING, condition.op, condition.value)
    kind = types.type(condition.field, tests)
    value = typed(condition.field, kind)
    if condition.field not in COLUMNS:
        value = f"({value})"
    return _compare(value, kind, condition.op, condition.value)


def _compare(value: str, kind: FieldType, op: Operator, operand: Any) -> str:
    if op is Operator.EXISTS:
        return f"{value} is {'not ' if operand else ''}null"
    if op is Operator.PREFIX:
        return f"starts_with({value}, {literal(str(operand))})"
    if op is Operator.IN:
        return f"{value} in ({', '.join(_constant(item, kind) for item in operand)})"
    collation = ' collate "C"' if op in _ORDERED and kind in _TEXTS else ""
    return f"{value}{collation} {_SYMBOLS[op]} {_constant(operand, kind)}"


def _constant(value: Any, kind: FieldType) -> str:
    match kind:
        case FieldType.INT:
            return f"({value})" if value < 0 else str(value)
        case FieldType.FLOAT:
            return f"{literal(repr(float(value)))}::{SQL_TYPES[kind]}"
        case FieldType.BOOL:
            return "true" if value else "false"
        case FieldType.DATETIME:
            return f"{literal(utc(value))}::{SQL_TYPES[kind]}"
        case FieldType.UUID | FieldType.DATE | FieldType.DECIMAL:
            return f"{literal(str(value))}::{SQL_TYPES[kind]}"
        case _:
            return literal(str(value))


def utc(value: datetime | date | str) -> str:
    """Return a time with its offset, so that its meaning hangs on no session setting."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value.upper())
    elif not isinstance(value, datetime):
        value = datetime.combine(value, time())
    return (value.replace(tzinfo=UTC) if value.tzinfo is None else value).astimezone(UTC).isoformat(sep=" ")
