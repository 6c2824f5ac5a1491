"""Spans of time as the catalog writes them: ``15 minutes``, ``1 day``."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, Self

_UNITS: Final = {"week": 604800, "day": 86400, "hour": 3600, "minute": 60, "second": 1}
_LONGEST_MONTH: Final = 31


class Months(timedelta):
    """So many months of the calendar. As a length, which months have not, it is that of so many long ones."""

    def __new__(cls, count: int) -> Self:
        """Return *count* months."""
        return super().__new__(cls, days=_LONGEST_MONTH * count)

    @property
    def count(self) -> int:
        """How many months."""
        return self.days // _LONGEST_MONTH


def duration(text: str) -> timedelta:
    """Return the span that *text*, which has passed the schema of the catalog, names."""
    number, unit = text.split(" ")
    unit = unit.removesuffix("s")
    return Months(int(number)) if unit == "month" else timedelta(seconds=int(number) * _UNITS[unit])


def duration_text(span: timedelta) -> str:
    """Return *span* in the largest unit that divides it, as the catalog writes it."""
    if isinstance(span, Months):
        return _counted(span.count, "month")
    seconds = int(span.total_seconds())
    unit, size = next((unit, size) for unit, size in _UNITS.items() if seconds % size == 0)
    return _counted(seconds // size, unit)


def _counted(count: int, unit: str) -> str:
    return f"{count} {unit}{'' if count == 1 else 's'}"
