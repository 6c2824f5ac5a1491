"""Where an answer goes on: the values of the sorting columns in its last row, as an opaque text."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import msgspec

from adi_analytics.query.model.errors import QueryArgumentError
from adi_analytics.query.resolve.times import Period

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from adi_analytics.query.model.column import Column
    from adi_analytics.query.resolve.question import Question

_FIRST, _LAST = datetime(1969, 1, 1, tzinfo=UTC), datetime(9999, 6, 1, tzinfo=UTC)
"""What no range goes beyond, also when it is widened to whole buckets."""
_MOST_DIGITS: Final = 1000
_AGAIN: Final = "Give the `next` of an answer to the same question, unchanged, or nothing."


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """A place in an answer."""

    key: str
    start: datetime
    end: datetime
    values: tuple[str | None, ...]

    @property
    def period(self) -> Period:
        """The range of the question, which may have been relative to the time of the first answer."""
        return Period(self.start.astimezone(UTC), self.end.astimezone(UTC))


def key_of(parts: Any) -> str:
    """Return what tells one question from another, whatever its range and limit."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def encode(question: Question, row: Sequence[Any]) -> str:
    """Return the place after *row*."""
    places = {column.name: index for index, column in enumerate(question.columns)}
    values = tuple(_text(row[places[sort.column]]) for sort in question.order)
    cursor = Cursor(question.key, question.period.start, question.period.end, values)
    return base64.urlsafe_b64encode(msgspec.json.encode(cursor)).decode().rstrip("=")


def decode(text: str) -> Cursor:
    """Return the place that *text* means.

    Raises:
        QueryArgumentError: If it means none.
    """
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        found = msgspec.json.decode(data, type=Cursor)
    except (binascii.Error, ValueError, TypeError):
        raise QueryArgumentError("after", "it is no place in an answer", _AGAIN) from None
    naive = found.start.tzinfo is None or found.end.tzinfo is None
    if naive or not _FIRST <= found.start < found.end <= _LAST:
        raise QueryArgumentError("after", "it is no place in an answer", _AGAIN)
    return found


def require_same(cursor: Cursor, key: str, columns: Sequence[Column]) -> None:
    """Refuse a place in the answer to another question, and one whose values are not of the sorting *columns*' types.

    Raises:
        QueryArgumentError: If it is one.
    """
    if cursor.key != key or len(cursor.values) != len(columns):
        raise QueryArgumentError("after", "it is a place in the answer to another question", _AGAIN)
    if not all(_is(given, column.type) for given, column in zip(cursor.values, columns, strict=True)):
        raise QueryArgumentError("after", "it is no place in an answer", _AGAIN)


def _is(text: str | None, kind: str) -> bool:
    """Return whether *text* is how `_text` writes a value of the type *kind*, or none."""
    try:
        return text is None or ("\0" not in text and _text(_READ[kind](text)) == text)
    except (ValueError, OverflowError, InvalidOperation):
        return False


def _decimal(text: str) -> Decimal:
    found = Decimal(text)
    if found.is_finite() and abs(found.adjusted()) > _MOST_DIGITS:
        raise ValueError(text)
    return found


_READ: Final[Mapping[str, Callable[[str], Any]]] = {
    "string": str,
    "int": int,
    "float": float,
    "decimal": _decimal,
    "bool": {"true": True, "false": False}.get,
    "uuid": UUID,
    "date": date.fromisoformat,
    "datetime": datetime.fromisoformat,
}


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return repr(value) if isinstance(value, float) else str(value)
