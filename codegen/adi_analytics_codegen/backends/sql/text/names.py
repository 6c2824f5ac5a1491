"""Identifiers and literals: the only place where text becomes part of a statement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.model.tables import shorten
from adi_analytics_codegen.model.text.durations import Months, duration_text

if TYPE_CHECKING:
    from collections.abc import Container
    from datetime import timedelta

_DAY: Final = 86_400
_HOUR: Final = 3_600


def identifier(name: str) -> str:
    """Return *name* quoted, so that every name works, keywords too."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return *text* as a string literal on one line, so that statements can be laid out and cut by lines."""
    quoted = text.replace("'", "''")
    if "\n" not in text and "\r" not in text:
        return f"'{quoted}'"
    escaped = quoted.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    return f"E'{escaped}'"


def seconds(span: timedelta) -> int:
    """Return *span* in whole seconds."""
    return int(span.total_seconds())


def interval(span: timedelta) -> str:
    """Return *span* as an interval in the largest unit that fits: for widths and policies."""
    if isinstance(span, Months):
        return f"interval '{duration_text(span)}'"
    total = seconds(span)
    for unit, size in (("day", _DAY), ("hour", _HOUR), ("minute", 60)):
        if total and total % size == 0:
            count = total // size
            return f"interval '{count} {unit}{'' if count == 1 else 's'}'"
    return f"interval '{total} seconds'"


def exact_interval(span: timedelta) -> str:
    """Return *span* as an interval to add to a time.

    Days would be calendar days of the session's time zone, 23 or 25 hours long when clocks change; hours never are.
    """
    total = seconds(span)
    return f"interval '{total // _HOUR} hours'" if total % _HOUR == 0 else f"interval '{total} seconds'"


def days_later(at: str, span: timedelta, zone: str, times: str = "1") -> str:
    """Return the start of a day so many times *span* after the day of *at*, by the calendar of *zone*.

    Where a day begins at one o'clock, because clocks are put forward at midnight, the next one begins at midnight.
    """
    there, many = literal(zone), "" if times == "1" else f"{times} * "
    return f"(date_trunc('day', {at} at time zone {there}) + {many}{interval(span)}) at time zone {there}"


def unused(name: str, taken: Container[str]) -> str:
    """Return *name*, with underscores added until it is not in *taken*."""
    candidate = shorten(name)
    while candidate in taken:
        name += "_"
        candidate = shorten(name)
    return candidate
