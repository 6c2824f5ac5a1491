"""``where``: from the catalog's conditions to SQL that is false, never an error, for a value that does not fit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any, Final

from adi_analytics_codegen.backends.sql.expressions.values import COLUMNS, SQL_TYPES, typed
from adi_analytics_codegen.backends.sql.text.names import literal
from adi_analytics_codegen.model.model import EVENT, SERVICE, USER_ID, Event, FieldType, Operator
from adi_analytics_codegen.model.readers import lets_through
from adi_analytics_codegen.model.walk import field_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adi_analytics_codegen.model.model import Aggregate, Catalog, Condition

_COLUMN_TYPES: Final = {USER_ID: FieldType.UUID, SERVICE: FieldType.STRING}
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

    @classmethod
    def of(cls, catalog: Catalog, aggregate: Aggregate) -> FieldTypes:
        """Return the lookup for *aggregate*."""
        return cls(tuple(event for event in catalog.events if event.name in aggregate.sources))

    def type(self, name: str, conditions: Sequence[Condition]) -> FieldType:
        """Return the type of *name* in the events that *conditions* let through."""
        if name in _COLUMN_TYPES:
            return _COLUMN_TYPES[name]
        events = [event for event in self.events if lets_through(conditions, event.name)] or list(self.events)
        return next(field.type for event in events if (field := field_at(event.fields, name)) is not None)


def predicates(conditions: Sequence[Condition], types: FieldTypes) -> list[str]:
    """Return one predicate per condition; all must hold."""
    return [_predicate(condition, conditions, types) for condition in conditions]


def filter_clause(conditions: Sequence[Condition], types: FieldTypes, *more: str) -> str:
    """Return the ``filter`` of an aggregate function for *conditions* and the predicates *more*, or an empty string."""
    tests = [*predicates(conditions, types), *more]
    return f" filter (where {' and '.join(tests)})" if tests else ""


def _predicate(condition: Condition, conditions: Sequence[Condition], types: FieldTypes) -> str:
    if condition.field == EVENT:
        return _compare("event_type", FieldType.STRING, condition.op, condition.value)
    kind = types.type(condition.field, conditions)
    value = typed(condition.field, kind)
    if condition.field not in COLUMNS:
        value = f"({value})"
    return _compare(value, kind, condition.op, condition.value)


def _compare(value: str, kind: FieldType, op: Operator, operand: Any) -> str:
    if op is Operator.EXISTS:
        return f"{value} is {'not ' if operand else ''}null"
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
            return f"{literal(_utc(value))}::{SQL_TYPES[kind]}"
        case FieldType.UUID | FieldType.DATE | FieldType.DECIMAL:
            return f"{literal(str(value))}::{SQL_TYPES[kind]}"
        case _:
            return literal(str(value))


def _utc(value: datetime | date | str) -> str:
    """Return a time with its offset, so that its meaning hangs on no session setting."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value.upper())
    elif not isinstance(value, datetime):
        value = datetime.combine(value, time())
    return (value.replace(tzinfo=UTC) if value.tzinfo is None else value).astimezone(UTC).isoformat(sep=" ")
