"""Documents that mean the same on both sides.

jsonb keeps numbers of any size, and writes each of their digits. ClickHouse takes a whole number of more than 64 bits
for a text, and reads nothing of a document in which a number is too large for a double.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, Final

from adi_analytics._engine.rows.row import COLUMNS, copy_row, row_timestamp, values_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adi_analytics.migrate.copy.side import Key

_LONG: Final = re.compile(rb"[0-9]{19}")  # no shorter number is beyond 64 bits, or beyond a double
_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?')
_LEAST, _MOST = -(2**63), 2**64 - 1
_DIGITS: Final = 20  # of the longest whole number of 64 bits
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
        number = number_of(token.decode())
        lost = lost or number is None
        kept = isinstance(number, int) or (b"." in token and number is not None)
        return token if kept else json.dumps(number).encode()

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


def _is_zero(text: str) -> bool:
    return not any(digit in "123456789" for digit in re.split("[eE]", text)[0])


def meaning(row: bytes, *, on_clickhouse: bool) -> list[Any]:
    """Return the documents of *row* as that database reads them, so that those that mean the same are equal."""
    return [_meaning((values_of(row)[at] or b"")[1:], on_clickhouse=on_clickhouse) for at in _DOCUMENTS]


def _meaning(document: bytes, *, on_clickhouse: bool) -> str | bytes:
    def members(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
        return dict(reversed(pairs) if on_clickhouse else pairs)  # of those with one key the first counts, or the last

    def number(text: str) -> float | int | str | None:
        found = _read_by_clickhouse(text) if on_clickhouse else number_of(text)
        whole = isinstance(found, float) and found.is_integer() and _LEAST <= found <= _MOST
        return int(found) if whole and found is not None else found

    try:
        read = json.loads(document, parse_int=number, parse_float=number, object_pairs_hook=members)
        return json.dumps(read, sort_keys=True)  # tells true from 1
    except (ValueError, RecursionError):
        return document  # no document, or one of which nothing is read


def _read_by_clickhouse(text: str) -> float | int | str:
    found = number_of(text)
    if found is None and not math.isinf(float(text)):
        return 0.0
    if found is None:
        raise ValueError("no double")
    return text if isinstance(found, float) and text.lstrip("-").isdigit() else found
