"""Write SQL: names, literals and intervals."""

from __future__ import annotations

import hashlib
from typing import Final


def literal(value: str | float | bool | None) -> str:  # noqa: FBT001 - a value, not a switch
    """Return *value* as an SQL literal."""
    from psycopg import sql  # needs libpq, which a program that only asks ClickHouse does not

    return sql.Literal(value).as_string(None)


def line_literal(text: str) -> str:
    """Return *text* as an SQL literal on one line: a file of statements may be cut by lines, or lose trailing space."""
    quoted = text.replace("'", "''")
    if not any(character in text for character in "\\\n\r"):
        return f"'{quoted}'"
    escaped = quoted.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    return f"E'{escaped}'"


def quote(name: str) -> str:
    """Return *name* as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


_LONGEST_NAME: Final = 63  # bytes; PostgreSQL cuts the rest without a word


_DIGEST: Final = 8


def shorten(name: str) -> str:
    """Return *name*, or when PostgreSQL would cut it, its beginning and a digest of the whole.

    The code generator, which need not be installed here, shortens in the same way.
    """
    if len(name.encode()) <= _LONGEST_NAME:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGEST]
    head = name.encode()[: _LONGEST_NAME - _DIGEST - 1].decode(errors="ignore")
    return f"{head}_{digest}"


def interval(seconds: int) -> str:
    """Return a span as an SQL interval in days, hours, minutes or seconds."""
    for unit, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds % size == 0:
            return f"interval '{seconds // size} {unit}'"
    return f"interval '{seconds} seconds'"
