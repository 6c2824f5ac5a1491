"""Spans of time as the catalog writes them: ``15 minutes``, ``1 day``."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

_UNITS: Final = {"week": 604800, "day": 86400, "hour": 3600, "minute": 60, "second": 1}


def duration(text: str) -> timedelta:
    """Return the span that *text*, which has passed the schema of the catalog, names."""
    number, unit = text.split(" ")
    return timedelta(seconds=int(number) * _UNITS[unit.removesuffix("s")])


def duration_text(span: timedelta) -> str:
    """Return *span* in the largest unit that divides it, as the catalog writes it."""
    seconds = int(span.total_seconds())
    unit, size = next((unit, size) for unit, size in _UNITS.items() if seconds % size == 0)
    count = seconds // size
    return f"{count} {unit}{'' if count == 1 else 's'}"
