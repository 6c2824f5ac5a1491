"""Reading one value from a row, without ever failing.

A stored row can hold anything, and a value that does not fit its field's type reads as NULL, as on PostgreSQL. Each
function here is total: those with ``OrNull`` or ``OrZero`` in their names, and the JSON functions, which read a
document that is no JSON as one without keys. A relation reads each value once, in an inner SELECT, and computes with
its name: see :func:`fields`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from adi_analytics_codegen.backends.clickhouse.expressions.names import identifier, literal
from adi_analytics_codegen.backends.sql.expressions.values import (
    DATE_SHAPE,
    DATETIME_SHAPE,
    DECIMAL_SHAPE,
    FLOAT_MAX,
    FLOAT_MIN,
    UUID_SHAPE,
)
from adi_analytics_codegen.model.kinds import FieldType
from adi_analytics_codegen.model.questions.aggregates import META, SERVICE, USER_ID
from adi_analytics_codegen.model.rows.items import MARK, inside_item
from adi_analytics_codegen.model.rows.wire import keys_of_path

COLUMNS: Final = {USER_ID: "user_id", SERVICE: "toNullable(toString(service))"}
"""Column references of aggregates, and what reads them."""

TIME: Final = "DateTime64(6, 'UTC')"

TYPES: Final = {
    FieldType.UUID: "Nullable(UUID)",
    FieldType.STRING: "Nullable(String)",
    FieldType.ENUM: "Nullable(String)",
    FieldType.INT: "Nullable(Int64)",
    FieldType.FLOAT: "Nullable(Float64)",
    FieldType.BOOL: "Nullable(Bool)",
    FieldType.DATETIME: f"Nullable({TIME})",
    FieldType.DATE: "Nullable(Date32)",
    FieldType.DECIMAL: "Nullable(Decimal(76, 38))",
}
"""The type of each scalar field type."""

NUMBER: Final = "_number"
"""The place of an item in its list, from 1, where the items are the rows."""

_MARK: Final = "\0"
"""Stands around a value in an expression. No catalog lets it into a name."""

_FIELD: Final = re.compile(f"{_MARK}([^{_MARK}]*){_MARK}([^{_MARK}]*){_MARK}")


_OPEN, _CLOSE = "\1", "\2"
_COMPUTED: Final = re.compile(f"{_OPEN}([^{_OPEN}{_CLOSE}]*){_CLOSE}")


def typed(of: str, kind: FieldType) -> str:
    """Return an expression for the value of *of* as the type of *kind*, NULL where it does not fit."""
    return f"{_MARK}{of}{_MARK}{kind}{_MARK}"


def fields(expressions: Iterable[str]) -> tuple[dict[str, str], list[str]]:
    """Return the values that *expressions* read, by name, and the expressions over these names."""
    found: dict[str, str] = {}

    def named(match: re.Match[str]) -> str:
        of, kind = match[1], FieldType(match[2])
        name = identifier(f"{of}: {kind}")
        found[name] = COLUMNS[of] if of in COLUMNS else _READERS[kind](_place(of))
        return name

    return found, [_FIELD.sub(named, expression) for expression in expressions]


def computed(expression: str) -> str:
    """Return a mark for *expression* over values of one row: it is computed once, and then goes by a name."""
    return f"{_OPEN}{expression}{_CLOSE}"


def once(expressions: Iterable[str]) -> tuple[dict[str, str], list[str]]:
    """Return what *expressions* want to have computed, by name, and the expressions over these names."""
    found: dict[str, str] = {}

    def named(match: re.Match[str]) -> str:
        return found.setdefault(match[1], f"_value_{len(found) + 1}")

    def all_named(expression: str) -> str:
        while _OPEN in expression:  # the innermost first: a computed value may be made of others
            expression = _COMPUTED.sub(named, expression)
        return expression

    texts = [all_named(expression) for expression in expressions]
    return {name: expression for expression, name in found.items()}, texts


def to_double(value: str, kind: FieldType) -> str:
    """Return an expression for *value* as a double: the nearest one, which a cast from a decimal is not."""
    return f"toFloat64OrNull(toString({value}))" if kind is FieldType.DECIMAL else f"toFloat64({value})"


def list_items(of: str) -> str:
    """Return an expression for the numbers of the items, from 1, of the list *of*; none where it is no list."""
    at = _place(of)
    return f"range(1, if(JSONType({at}) = 'Array', JSONLength({at}), 0) + 1)"


def _place(of: str) -> str:
    """Return the arguments of JSON functions for *of*: the document, and the keys on the way.

    An item is read by its number in the document: its own text would not be that of the document, for ClickHouse writes
    1e20 as a whole number of more than 64 bits, which it reads as a text.
    """
    if of in META:
        return f"meta, {literal(META[of])}"
    inside = inside_item(of)
    if inside is None:
        return ", ".join(["data", *map(literal, keys_of_path(of))])
    listed = of.removesuffix(f".{inside}" if inside else "").removesuffix(MARK)
    return ", ".join([_place(listed), NUMBER, *map(literal, keys_of_path(inside) if inside else ())])


def _string(at: str) -> str:
    return _if_type(at, "String", f"JSONExtractString({at})")


def _uuid(at: str) -> str:
    text = f"JSONExtractString({at})"
    return f"if(JSONType({at}) = 'String' and match({text}, {literal(UUID_SHAPE)}), toUUIDOrNull({text}), null)"


def _time(at: str) -> str:
    """Read an RFC 3339 time from its parts: the shape first, then whether the month has the day."""
    text = f"JSONExtractString({at})"
    hour, minute, second = (f"toInt64OrZero(substring({text}, {start}, 2))" for start in (12, 15, 18))
    micros = f"toInt64OrZero(rightPad(substring(extract({text}, '[.]([0-9]+)'), 1, 6), 6, '0'))"
    end = f"right({text}, 6)"
    minutes = f"(toInt64OrZero(substring({end}, 2, 2)) * 60 + toInt64OrZero(right({end}, 2)))"
    offset = f"multiIf(right({text}, 1) in ('Z', 'z'), 0, startsWith({end}, '-'), -{minutes}, {minutes})"
    days = f"dateDiff('day', toDate32('1970-01-01'), {_day_of(text)})"
    seconds = f"{days} * 86400 + {hour} * 3600 + {minute} * 60 + {second} - {offset} * 60"
    value = f"fromUnixTimestamp64Micro(toInt64(({seconds}) * 1000000 + {micros}), 'UTC')"
    return (
        f"if(JSONType({at}) = 'String' and match({text}, {literal(DATETIME_SHAPE)}) and {_is_day(text)}, {value}, null)"
    )


def _day(at: str) -> str:
    text = f"JSONExtractString({at})"
    fits = f"JSONType({at}) = 'String' and match({text}, {literal(DATE_SHAPE)}) and {_is_day(text)}"
    return f"if({fits}, {_day_of(text)}, null)"


def _day_of(text: str) -> str:
    return f"toDate32OrZero(substring({text}, 1, 10))"


def _is_day(text: str) -> str:
    """Return a test for a month that has the day: the 30th of February is read as the 2nd of March."""
    return f"toString({_day_of(text)}) = substring({text}, 1, 10)"


def _decimal(at: str) -> str:
    text = f"JSONExtractString({at})"
    fits = f"JSONType({at}) = 'String' and match({text}, {literal(DECIMAL_SHAPE)})"
    return f"if({fits}, toDecimal256OrNull({text}, 38), null)"


def _bool(at: str) -> str:
    return _if_type(at, "Bool", f"toBool(JSONExtractBool({at}))")


def _int(at: str) -> str:
    whole = (
        f"multiIf(JSONType({at}) = 'Int64', toNullable(JSONExtractInt({at})),"
        f" JSONType({at}) = 'UInt64', accurateCastOrNull(JSONExtractUInt({at}), 'Int64'),"
        f" JSONType({at}) = 'Double', accurateCastOrNull(JSONExtractFloat({at}), 'Int64'), null)"
    )
    return f"nullIf({whole}, toInt64('-9223372036854775808'))"


def _float(at: str) -> str:
    # Minus zero and zero are one value: only their sum with zero is.
    value = f"(JSONExtractFloat({at}) + 0.)"
    fits = f"JSONType({at}) in ('Int64', 'UInt64', 'Double')"
    sized = f"(abs({value}) between {FLOAT_MIN} and {FLOAT_MAX} or {value} = 0)"
    return f"if({fits} and {sized}, {value}, null)"


def _list(at: str) -> str:
    return _if_type(at, "Array", f"JSONExtractRaw({at})")


def _object(at: str) -> str:
    return _if_type(at, "Object", f"JSONExtractRaw({at})")


def _json(at: str) -> str:
    return f"if(JSONType({at}) != 'Null', JSONExtractRaw({at}), null)"


def _if_type(at: str, json_type: str, then: str) -> str:
    return f"if(JSONType({at}) = '{json_type}', {then}, null)"


_READERS: Final[dict[FieldType, Callable[[str], str]]] = {
    FieldType.UUID: _uuid,
    FieldType.STRING: _string,
    FieldType.ENUM: _string,
    FieldType.INT: _int,
    FieldType.FLOAT: _float,
    FieldType.BOOL: _bool,
    FieldType.DATETIME: _time,
    FieldType.DATE: _day,
    FieldType.DECIMAL: _decimal,
    FieldType.LIST: _list,
    FieldType.OBJECT: _object,
    FieldType.MAP: _object,
    FieldType.JSON: _json,
}
