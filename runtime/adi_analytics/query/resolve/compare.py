"""The period that a range is compared with: how far back it is, and that its buckets meet those of the range."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Final

from adi_analytics.query.model.errors import QueryArgumentError
from adi_analytics.query.resolve.times import Period
from adi_analytics.query.resolve.zones import local

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adi_analytics.query.resolve.grid import Grid

COMPARISONS: Final = ("previous_period", "previous_year")
_UNITS: Final = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}
_52_WEEKS: Final = timedelta(weeks=52)
_MONTHS: Final = 12


@dataclass(frozen=True, slots=True)
class Shift:
    """How far the period before is back: a span, or months.

    Attributes:
        wall: Whether the hands of a clock in the zone are moved, rather than the moment: a day may have 23 or 25 hours.
    """

    span: timedelta = timedelta()
    months: int = 0
    wall: bool = False

    def back(self, at: datetime, zone: tzinfo) -> datetime:
        """Return the moment that lies so far before *at*."""
        if not self.wall:
            return at - self.span
        there = at.astimezone(zone).replace(tzinfo=None, fold=0)
        return local(_months_back(there, self.months) - self.span, zone).astimezone(UTC)


def _months_back(at: datetime, months: int) -> datetime:
    year, month = divmod(at.year * _MONTHS + at.month - 1 - months, _MONTHS)
    last = monthrange(year, month + 1)[1]
    return at.replace(year=year, month=month + 1, day=min(at.day, last))


def shift_of(compare: str, period: Period, granularity: str, zone: tzinfo, grid: Grid) -> Shift:
    """Return how far back the period is that *compare* means.

    ``previous_period`` ends where the range begins; it moves by whole buckets, so that each meets one.
    ``previous_year`` moves by 52 weeks, so that weekdays meet; months and totals move by a calendar year.

    Raises:
        QueryArgumentError: If there is no such comparison, or months are compared that are not whole.
    """
    if compare not in COMPARISONS:
        raise QueryArgumentError("compare", f"{compare!r} is none", f"Expected one of {', '.join(COMPARISONS)}.")
    if compare == "previous_year":
        calendar = granularity in {"month", "total"}
        wall = granularity in {"day", "week"}
        return Shift(months=_MONTHS, wall=True) if calendar else Shift(_52_WEEKS, wall=wall)
    start, end = (at.astimezone(zone).replace(tzinfo=None) for at in (period.start, period.end))
    if granularity == "month" or (granularity == "total" and grid.unit == "month"):
        return Shift(months=_whole_months(start, end), wall=True)
    if granularity in {"day", "week"} or (granularity == "total" and _is_midnight(start) and _is_midnight(end)):
        return Shift(_up(end - start, _UNITS.get(granularity, _UNITS["day"])), wall=True)
    unit = grid.width if granularity in {"bucket", "total"} else _UNITS["hour"]
    return Shift(_up(period.end - period.start, unit))


def _whole_months(start: datetime, end: datetime) -> int:
    if not all(_is_midnight(at) and at.day == 1 for at in (start, end)):
        raise QueryArgumentError(
            "compare", "the range has no whole months", "Let it begin and end with a month, or ask granularity='day'."
        )
    return (end.year - start.year) * _MONTHS + end.month - start.month


def _is_midnight(at: datetime) -> bool:
    return at == at.replace(hour=0, minute=0, second=0, microsecond=0)


def _up(span: timedelta, unit: timedelta) -> timedelta:
    return -(-span // unit) * unit


def compared(period: Period, edges: Sequence[datetime], shift: Shift, zone: tzinfo, grid: Grid) -> Period:
    """Return the period before.

    Raises:
        QueryArgumentError: If it begins before the year 1, or its buckets do not consist of whole stored ones.
    """
    inner = [at for at in edges if period.start < at < period.end]
    try:
        moved = [shift.back(at, zone) for at in (period.start, *inner, period.end)]
    except (OverflowError, ValueError):
        raise QueryArgumentError(
            "compare", "the period before begins before the year 1", "Ask a shorter range."
        ) from None
    if any(grid.floor(at) != at for at in moved):
        raise QueryArgumentError(
            "compare",
            f"the period before does not begin and end with {grid}, or its buckets do not meet those of the range",
            "Ask another comparison or granularity, or compare two answers yourself.",
        )
    return Period(moved[0], moved[-1])
