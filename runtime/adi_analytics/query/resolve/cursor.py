"""Where an answer goes on: the values of the sorting columns in its last row, as an opaque text."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from adi_analytics.query.model.errors import QueryArgumentError
from adi_analytics.query.resolve.times import Period

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adi_analytics.query.resolve.question import Question

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
    if found.start.tzinfo is None or found.end.tzinfo is None:
        raise QueryArgumentError("after", "it is no place in an answer", _AGAIN)
    return found


def require_same(cursor: Cursor, key: str, columns: int) -> None:
    """Refuse a place in the answer to another question.

    Raises:
        QueryArgumentError: If it is one.
    """
    if cursor.key != key or len(cursor.values) != columns:
        raise QueryArgumentError("after", "it is a place in the answer to another question", _AGAIN)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return repr(value) if isinstance(value, float) else str(value)
