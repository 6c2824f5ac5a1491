"""One row in PostgreSQL's binary COPY format, and how to take it apart again."""

from __future__ import annotations

import contextlib
import json
import math
import struct
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import uuid_utils

from adi_analytics.enriched import to_datetime

if TYPE_CHECKING:
    from collections.abc import Iterable

COLUMNS: Final = ("timestamp", "event_type", "service", "user_id", "data", "event_id", "meta")
HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER: Final = b"\xff\xff"
EPOCH_2000: Final = 946_684_800_000_000  # microseconds from 1970 to 2000, where PostgreSQL counts from


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The columns of a row, as JSON values."""

    timestamp: str
    event_type: str
    service: str
    user_id: str | None
    data: Any
    event_id: str
    meta: Any

    @classmethod
    def from_copy(cls, row: bytes, *, text_ids: bool = False) -> Row:
        """Take *row* apart again; *text_ids* says that the column ``user_id`` is a text."""
        timestamp, event_type, service, user_id, data, event_id, meta = columns_of(row, text_ids=text_ids)
        return cls(
            timestamp=timestamp or "",
            event_type=event_type or "",
            service=service or "",
            user_id=user_id,
            data=_json_of(data or ""),
            event_id=event_id or "",
            meta=_json_of(meta or ""),
        )

    def payload(self) -> str:
        """Return the row as JSON text in ASCII, which a ``text`` column takes whatever the values are."""
        columns = {name: getattr(self, name) for name in COLUMNS}
        try:
            return json.dumps(columns, ensure_ascii=True, allow_nan=False)
        except (ValueError, TypeError, RecursionError):
            return json.dumps(_tamed(columns), ensure_ascii=True, default=placeholder)


def columns_of(row: bytes, *, text_ids: bool = False) -> list[str | None]:
    """Return the columns of *row* as texts, as PostgreSQL reads them; *text_ids* says that ``user_id`` is a text."""
    readers = _TEXT_OF | {"user_id": _text} if text_ids else _TEXT_OF
    values = values_of(row)
    return [None if value is None else readers[name](value) for name, value in zip(COLUMNS, values, strict=True)]


def values_of(row: bytes) -> list[bytes | None]:
    """Return the columns of *row* as they are encoded."""
    values: list[bytes | None] = []
    at = 2
    for _ in COLUMNS:
        (length,) = struct.unpack_from("!i", row, at)
        at += 4
        values.append(row[at : at + length] if length >= 0 else None)
        at += max(length, 0)
    return values


def copy_row(values: Iterable[bytes | None]) -> bytes:
    """Return the row of encoded *values*: what `values_of` takes apart."""
    return _COUNT + b"".join(_NULL if value is None else len(value).to_bytes(4, "big") + value for value in values)


_COUNT: Final = len(COLUMNS).to_bytes(2, "big")
_NULL: Final = b"\xff\xff\xff\xff"


def _moment(value: bytes) -> str:
    return to_datetime((struct.unpack("!q", value)[0] + EPOCH_2000) * 1000).isoformat()


def _text(value: bytes) -> str:
    return value.decode(errors="replace")  # `msgspec.Raw` in a context may hold anything


def _json_text(value: bytes) -> str:
    return _text(value[1:])  # behind the version


def _uuid(value: bytes) -> str:
    return str(uuid.UUID(bytes=value))


_TEXT_OF: Final = {
    "timestamp": _moment,
    "event_type": _text,
    "service": _text,
    "user_id": _uuid,
    "data": _json_text,
    "event_id": _uuid,
    "meta": _json_text,
}


def row_timestamp(row: bytes) -> int:
    """Return the timestamp of *row*, in microseconds since 1970."""
    micros: int = struct.unpack_from("!q", row, 6)[0]
    return micros + EPOCH_2000


def _json_of(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return {"$unserialisable": text}


_DEEPEST: Final = 100  # levels of nesting kept in a dead letter that JSON can't take as it is
_LONGEST_INTEGER: Final = 10_000  # bits; Python refuses to write more than 4300 digits


def placeholder(value: Any) -> Any:
    """Stand in for a value that JSON can't hold, without giving away what it was."""
    with contextlib.suppress(Exception):
        if issubclass(type(value), (uuid.UUID, uuid_utils.UUID)):
            return str(value)
    return {"$unserialisable": class_name(value)}


def class_name(value: Any) -> str:
    with contextlib.suppress(Exception):  # a metaclass may have made it a property
        name = type(value).__name__
        if type(name) is str:
            return name
    return "object"


def _tamed(value: Any, depth: int = 0) -> Any:
    """Return *value* with text in the place of what JSON text can't hold, or Python can't write."""
    if depth > _DEEPEST:
        return {"$unserialisable": "nested too deeply"}
    match value:
        case float() if not math.isfinite(value):
            return {"$unserialisable": str(value)}
        case int() if value.bit_length() > _LONGEST_INTEGER:
            return {"$unserialisable": "a number too long"}
        case dict():
            return {name: _tamed(inner, depth + 1) for name, inner in value.items()}
        case list() | tuple():
            return [_tamed(inner, depth + 1) for inner in value]
    return value
