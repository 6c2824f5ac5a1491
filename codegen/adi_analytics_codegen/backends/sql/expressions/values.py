"""Reading one value from a row, without ever failing.

A stored row can hold anything: it may come from an older catalog, another program or a mistake. So every cast is
guarded by a ``CASE`` (its branches are evaluated in order; the parts of an ``AND`` and of a ``FILTER`` need not be),
and a value that does not fit its field's type reads as NULL. Every expression is immutable, because a continuous
aggregate refuses anything else: that rules out casts from text to a time, which depend on the session.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from adi_analytics_codegen.backends.sql.text.names import literal
from adi_analytics_codegen.model.kinds import FieldType
from adi_analytics_codegen.model.questions.aggregates import META, SERVICE, USER_ID
from adi_analytics_codegen.model.rows.items import inside_item
from adi_analytics_codegen.model.rows.wire import keys_of_path

COLUMNS: Final = {USER_ID: "user_id", SERVICE: "service"}
"""Column references of aggregates, and the columns that they mean."""

SQL_TYPES: Final = {
    FieldType.UUID: "uuid",
    FieldType.STRING: "text",
    FieldType.ENUM: "text",
    FieldType.INT: "bigint",
    FieldType.FLOAT: "double precision",
    FieldType.BOOL: "boolean",
    FieldType.DATETIME: "timestamp with time zone",
    FieldType.DATE: "date",
    FieldType.DECIMAL: "numeric",
}
"""The SQL type of each scalar field type."""

ITEM: Final = "_item"
"""The column of one item of a list, where the items are the rows; ``_number`` is its place in the list."""

FLOAT_MAX: Final = "1e307"
"""Floats up to this are read: the difference of any two of them is a double, so interpolation cannot overflow."""

FLOAT_MIN: Final = "1e-307"
"""Floats down to this, and zero, are read: below it a cast to double fails with an underflow."""

_INT_END: Final = "9223372036854775808"
"""Ints are of a size below this, two to the 63rd: negating one is safe, too."""
_HEX: Final = "[0-9a-fA-F]"
UUID_SHAPE: Final = f"^{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}$"
DATE_SHAPE: Final = "^([1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"
DECIMAL_SHAPE: Final = "^-?[0-9]{1,38}([.][0-9]{1,38})?$"
"""Whatever precision a field has: that of yesterday may have been another one."""
DATETIME_SHAPE: Final = (
    "^[1-8][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[Tt ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
    "([.][0-9]{1,9})?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)


def typed(of: str, kind: FieldType) -> str:
    """Return an expression for the value of *of* as the SQL type of *kind*, NULL where it does not fit."""
    return COLUMNS[of] if of in COLUMNS else _READERS[kind](of)


def summable(of: str, kind: FieldType) -> str:
    """Return an expression for the value of *of* to add up: exact, and without overflow for any number of rows."""
    return _float(of, "numeric") if kind is FieldType.FLOAT else typed(of, kind)


def as_text(of: str) -> str:
    """Return an expression for the text of the value of *of*, which :func:`from_text` turns back."""
    return f"{COLUMNS[of]}::text" if of in COLUMNS else json_text(of)


def from_text(text: str, kind: FieldType) -> str:
    """Return an expression for the value of *kind* whose text is *text*. The text must come from a value that fits."""
    match kind:
        case FieldType.STRING | FieldType.ENUM:
            return text
        case FieldType.INT:
            return f"({text})::numeric::bigint"
        case FieldType.DATETIME:
            return _datetime(text)
        case FieldType.DATE:
            return _date(text)
        case FieldType.DECIMAL:
            return f"trim_scale(({text})::numeric)"
        case _:
            return f"({text})::{SQL_TYPES[kind]}"


def json_value(of: str) -> str:
    """Return an expression for the JSON value of the field at the path *of*, as it is on the wire."""
    column, path = _place(of)
    return column + "".join(f" -> {literal(part)}" for part in path)


def json_text(of: str) -> str:
    """Return an expression for the text of the field *of*."""
    column, path = _place(of)
    if not path:
        return f"{column} #>> '{{}}'"
    return column + "".join(f" -> {literal(part)}" for part in path[:-1]) + f" ->> {literal(path[-1])}"


def _place(of: str) -> tuple[str, list[str]]:
    """Return the column that holds *of*, and the path there."""
    if of in META:
        return "meta", [META[of]]
    inside = inside_item(of)
    return ("data", keys_of_path(of)) if inside is None else (ITEM, keys_of_path(inside) if inside else [])


def _string(of: str) -> str:
    return _if_type(of, "string", json_text(of))


def _uuid(of: str) -> str:
    text = json_text(of)
    return _if_type(of, "string", f"case when {text} ~ {literal(UUID_SHAPE)} then ({text})::uuid end")


def _time(of: str) -> str:
    return _if_type(of, "string", _datetime(json_text(of)))


def _day(of: str) -> str:
    return _if_type(of, "string", _date(json_text(of)))


def _decimal(of: str) -> str:
    text = json_text(of)
    number = f"case when {text} ~ {literal(DECIMAL_SHAPE)} then trim_scale(({text})::numeric) end"
    return _if_type(of, "string", number)


def _bool(of: str) -> str:
    return _if_type(of, "boolean", f"({json_value(of)})::boolean")


def _int(of: str) -> str:
    number = f"({json_value(of)})::numeric"
    fits = f"abs({number}) < {_INT_END} and {number} % 1 = 0"
    return _if_type(of, "number", f"case when {fits} then ({json_value(of)})::bigint end")


def _float(of: str, sql_type: str = "double precision") -> str:
    number = f"({json_value(of)})::numeric"
    fits = f"abs({number}) between {FLOAT_MIN} and {FLOAT_MAX} or {number} = 0"
    return _if_type(of, "number", f"case when {fits} then ({json_value(of)})::{sql_type} end")


def _list(of: str) -> str:
    return _if_type(of, "array", json_value(of))


def _object(of: str) -> str:
    return _if_type(of, "object", json_value(of))


def _json(of: str) -> str:
    return f"case when jsonb_typeof({json_value(of)}) <> 'null' then {json_value(of)} end"


def _if_type(of: str, json_type: str, then: str) -> str:
    test = f"case when jsonb_typeof({json_value(of)}) = '{json_type}' then"
    return f"{test}\n    {then}\nend" if then.startswith("case") else f"{test} {then} end"


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


def _datetime(text: str) -> str:
    """Read an RFC 3339 time from parts: the first CASE checks its shape, the second that the month has the day."""
    year, month, day, hour, minute = (f"substr({text}, {at}, {size})::integer" for at, size in _PARTS)
    second = f"substring({text} from '^.{{17}}([0-9]{{2}}([.][0-9]{{1,6}})?)')::double precision"
    date = f"(make_date({year}, {month}, 1) + ({day} - 1))"
    offset = f"(substr(right({text}, 6), 1, 1) || '1')::integer * ({_minutes(text)})"
    utc = f"case when right({text}, 1) in ('Z', 'z') then interval '0' else make_interval(mins => {offset}) end"
    time = f"({date} + make_time({hour}, {minute}, {second}) - {utc}) at time zone 'UTC'"
    valid = f"case when extract(day from {date}) = {day} then {time} end"
    return f"case when {text} ~ {literal(DATETIME_SHAPE)} then {valid} end"


def _date(text: str) -> str:
    """Read a day from parts, as :func:`_datetime` does: the month has the day if the date is still in the month."""
    year, month, day = (f"substr({text}, {at}, {size})::integer" for at, size in _PARTS[:3])
    date = f"(make_date({year}, {month}, 1) + ({day} - 1))"
    valid = f"case when extract(day from {date}) = {day} then {date} end"
    return f"case when {text} ~ {literal(DATE_SHAPE)} then {valid} end"


def _minutes(text: str) -> str:
    return f"substr(right({text}, 5), 1, 2)::integer * 60 + right({text}, 2)::integer"


_PARTS: Final = ((1, 4), (6, 2), (9, 2), (12, 2), (15, 2))
"""Where year, month, day, hour and minute begin in an RFC 3339 time, and how long they are."""
