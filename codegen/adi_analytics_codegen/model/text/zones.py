"""Time zones: their names, the midnights that come twice in them, and the buckets of calendars in words."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cache
from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.model.questions.calendars import UTC as DEFAULT
from adi_analytics_codegen.model.questions.calendars import Unit
from adi_analytics_codegen.model.text.durations import duration_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adi_analytics_codegen.model.questions.calendars import Bucketed, Calendar

_FIRST: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - the hands of clocks, wherever they are
_LAST: Final = datetime(2038, 1, 1)  # noqa: DTZ001 - rules repeat themselves before that
_STEP: Final = timedelta(days=4)
_DAY: Final = timedelta(days=1)


@cache
def zone_names() -> frozenset[str]:
    """Return the names of the time zones of the IANA."""
    from importlib import resources  # few catalogs name a zone

    return frozenset(resources.files("tzdata").joinpath("zones").read_text(encoding="ascii").split())


@cache
def repeated_midnights(name: str) -> tuple[date, ...]:
    """Return the days since 1970 whose midnight comes twice in the zone called *name*.

    Clocks are set back over it there, so that the day begins, stops, and begins again.
    """
    from zoneinfo import ZoneInfo

    zone = ZoneInfo(name)
    return tuple(at.date() for at in _days_near_changes(zone) if _offset(at, zone, 0) > _offset(at, zone, 1))


def _days_near_changes(zone: tzinfo) -> Iterator[datetime]:
    at, before = _FIRST, _offset(_FIRST, zone, 0)
    while at < _LAST:
        after = _offset(at + _STEP, zone, 0)
        if after != before:
            yield from (at + day * _DAY for day in range(1, _STEP.days + 1))
        at, before = at + _STEP, after


def _offset(at: datetime, zone: tzinfo, fold: int) -> timedelta:
    return at.replace(tzinfo=zone, fold=fold).utcoffset() or timedelta()


def repeated_starts(calendar: Calendar) -> list[date]:
    """Return the days with which a bucket of *calendar* would begin, had not midnight come twice."""
    return [day for day in repeated_midnights(calendar.zone) if _begins(calendar.unit, day)]


def _begins(unit: Unit, day: date) -> bool:
    return {Unit.DAY: True, Unit.WEEK: day.weekday() == 0, Unit.MONTH: day.day == 1}[unit]


def first_start(calendar: Calendar | None) -> datetime | None:
    """Return the start of the first bucket after the last one that began twice; ``None`` if none ever did."""
    repeated = repeated_starts(calendar) if calendar is not None else []
    if calendar is None or not repeated:
        return None
    from zoneinfo import ZoneInfo

    day = repeated[-1]
    after = {
        Unit.DAY: day + _DAY,
        Unit.WEEK: day + 7 * _DAY,
        Unit.MONTH: (day + 31 * _DAY).replace(day=1),
    }
    return datetime.combine(after[calendar.unit], time(), ZoneInfo(calendar.zone)).astimezone(UTC)


def width_text(thing: Bucketed) -> str:
    """Return how long the buckets of *thing* are, in words."""
    return duration_text(thing.bucket_width)


def zone_text(thing: Bucketed) -> str:
    """Return the time zone by which the buckets of *thing* begin."""
    return DEFAULT if thing.calendar is None else thing.calendar.zone
