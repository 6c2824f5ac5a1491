"""Values as text, checked to be of their type: no other text of a user becomes part of a statement."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Callable

_INT_END: Final = 2**63
_TIME: Final = "a time with its offset, such as 2026-01-31T12:00:00Z"


def checked(given: Any, kind: str) -> str:
    """Return *given* as the text of a value of the type *kind*.

    Raises:
        ValueError: If it is no such value.
    """
    text = _TEXTS[kind](given)
    if "\0" in text:
        raise ValueError("a text without the character NUL")
    text.encode()  # a lone surrogate is no text, and UnicodeEncodeError is a ValueError
    return text


def _string(given: Any) -> str:
    if not isinstance(given, str):
        raise ValueError("a text")  # noqa: TRY004 - one kind of error for every wrong value
    return given


def _int(given: Any) -> str:
    if isinstance(given, bool) or not isinstance(given, int) or not -_INT_END < given < _INT_END:
        raise ValueError("a whole number")
    return str(given)


def _number(given: Any) -> str:
    if isinstance(given, bool) or not isinstance(given, int | float | Decimal) or not Decimal(given).is_finite():
        raise ValueError("a number")
    return repr(given) if isinstance(given, float) else str(given)


def _bool(given: Any) -> str:
    if not isinstance(given, bool):
        raise ValueError("True or False")  # noqa: TRY004 - as above
    return str(given).lower()


def _uuid(given: Any) -> str:
    try:
        return str(given if isinstance(given, UUID) else UUID(given))
    except (ValueError, TypeError, AttributeError):
        raise ValueError("a UUID") from None


def _date(given: Any) -> str:
    try:
        return (date.fromisoformat(given) if isinstance(given, str) else _only_date(given)).isoformat()
    except (ValueError, TypeError):
        raise ValueError("a date such as 2026-01-31") from None


def _only_date(given: Any) -> date:
    if isinstance(given, datetime) or not isinstance(given, date):
        raise TypeError
    return given


def _datetime(given: Any) -> str:
    try:
        found = datetime.fromisoformat(given) if isinstance(given, str) else given
        naive = found.tzinfo is None
        text = str(found.astimezone(UTC).isoformat())
    except (ValueError, TypeError, AttributeError, OverflowError):
        raise ValueError(_TIME) from None
    if naive:
        raise ValueError(_TIME)
    return text


_TEXTS: Final[dict[str, Callable[[Any], str]]] = {
    "string": _string,
    "int": _int,
    "float": _number,
    "decimal": _number,
    "bool": _bool,
    "uuid": _uuid,
    "date": _date,
    "datetime": _datetime,
}
