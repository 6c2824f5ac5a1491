"""Documents that mean the same on both sides.

jsonb keeps numbers of any size, and writes each of their digits. ClickHouse takes a whole number of more than 64 bits
for a text, and reads nothing of a document in which a number is too large for a double.
"""

from __future__ import annotations

import decimal
import json
import math
import re
from typing import TYPE_CHECKING, Any, Final

from adi_analytics._engine.rows.row import COLUMNS, copy_row, row_timestamp, values_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from adi_analytics.migrate.copy.side import Key

_LONG: Final = re.compile(rb"[0-9]{19}")  # no shorter number is beyond 64 bits, or beyond a double
_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?')
_LEAST, _MOST = -(2**63), 2**64 - 1
_DIGITS: Final = 20  # of the longest whole number of 64 bits
_NULL: Final = "null"
_EXACTLY: Final = decimal.Context(prec=decimal.MAX_PREC, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN)
_EVENT_ID: Final = COLUMNS.index("event_id")
_DOCUMENTS: Final = (COLUMNS.index("data"), COLUMNS.index("meta"))


def for_clickhouse(row: bytes) -> tuple[bytes, bool]:
    """Return *row* of a jsonb as ClickHouse reads it with the same meaning, and whether a number became null.

    A whole number of more than 64 bits becomes the double that it stands for. One that no double holds becomes null,
    which it is to the views of PostgreSQL.
    """
    if _LONG.search(row) is None:
        return row, False
    values = values_of(row)
    lost = False

    def written(found: re.Match[bytes]) -> bytes:
        nonlocal lost
        token = found[0]
        if len(token) < len("1234567890123456789") or token[:1] == b'"':
            return token
        number = _written(token.decode())
        lost = lost or number == _NULL
        return number.encode()

    for at in _DOCUMENTS:
        values[at] = _TOKEN.sub(written, values[at] or b"")
    return copy_row(values), lost


def key_of(row: bytes) -> Key:
    """Return the key of *row*."""
    return row_timestamp(row), values_of(row)[_EVENT_ID] or b""


def number_of(text: str) -> int | float | None:
    """Return the number that *text* is to the views: of 64 bits, else a double; None if no double holds it."""
    if text.lstrip("-").isdigit() and len(text) <= _DIGITS and _LEAST <= int(text) <= _MOST:
        return int(text)
    found = float(text)
    if found in {float("inf"), float("-inf")} or (found == 0 and not _is_zero(text)):
        return None
    return found


def _written(text: str) -> str:
    """Return the number *text* of a jsonb as it is written for ClickHouse."""
    number = number_of(text)
    kept = isinstance(number, int) or ("." in text and number is not None)
    return text if kept else json.dumps(number)


def _is_zero(text: str) -> bool:
    return not any(digit in "123456789" for digit in re.split("[eE]", text)[0])


def meanings(row: bytes, *, on_clickhouse: bool) -> list[frozenset[str | bytes]]:
    """Return for each document of *row* what it may be on the other side; see `is_same`."""
    documents = [(values_of(row)[at] or b"")[1:] for at in _DOCUMENTS]
    return [_meanings(document, on_clickhouse=on_clickhouse) for document in documents]


def is_same(one: list[frozenset[str | bytes]] | None, other: list[frozenset[str | bytes]] | None) -> bool:
    """Return whether the `meanings` of two rows are those of one event; ``None`` is no row."""
    if one is None or other is None:
        return one is other
    return not any(left.isdisjoint(right) for left, right in zip(one, other, strict=True))


def _meanings(document: bytes, *, on_clickhouse: bool) -> frozenset[str | bytes]:
    """Return *document* with its exact numbers; from PostgreSQL also as a copy writes it for ClickHouse."""
    if on_clickhouse:
        return frozenset([_canonical(document, _read_by_clickhouse, first_counts=True)])
    found = [_canonical(document, _exact)]
    if _LONG.search(document):
        found.append(_canonical(document, lambda text: _exact(_written(text))))
    return frozenset(found)


def _canonical(document: bytes, number: Callable[[str], str], *, first_counts: bool = False) -> str | bytes:
    """Return one text for all documents with the same values, if *number* gives one for each number.

    Members and numbers are marked: no array is taken for a number, nor a text or true.
    """

    def members(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
        return {"members": dict(reversed(pairs) if first_counts else pairs)}

    def marked(text: str) -> dict[str, Any] | None:
        found = number(text)
        return None if found == _NULL else {"number": found}

    try:
        read = json.loads(document, parse_int=marked, parse_float=marked, object_pairs_hook=members)
        return json.dumps(read, sort_keys=True)
    except (ValueError, RecursionError):
        return document  # no document, or one of which nothing is read


def _exact(text: str) -> str:
    """Return the number *text*, or null, in the one way that its value is written."""
    if text == _NULL or _is_zero(text):
        return text if text == _NULL else "0"
    return str(_EXACTLY.create_decimal(text).normalize(_EXACTLY))


def _read_by_clickhouse(text: str) -> str:
    if math.isinf(float(text)):
        raise ValueError("no double")
    return "0" if float(text) == 0 else _exact(text)
