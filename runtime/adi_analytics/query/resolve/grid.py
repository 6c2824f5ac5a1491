"""Where the stored buckets of an aggregate begin: on days, weeks or months of a calendar, or at equal distances."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Final

from adi_analytics.query.resolve.zones import local, zone_of

if TYPE_CHECKING:
    from adi_analytics.query.model.describe import Bucket

MONDAY: Final = datetime(2000, 1, 3, tzinfo=UTC)
_DAYS: Final = {"day": timedelta(days=1), "week": timedelta(weeks=1)}


@dataclass(frozen=True, slots=True)
class Grid:
    """Where stored buckets begin.

    Attributes:
        width: How long they are; that of a month is 31 days.
        unit: ``day``, ``week`` or ``month`` of a calendar; ``None`` if all are equally long, counted in UTC.
        zone: The time zone of that calendar.
        zone_name: Its name.
    """

    width: timedelta
    unit: str | None = None
    zone: tzinfo = UTC
    zone_name: str = "UTC"

    def floor(self, at: datetime) -> datetime:
        """Return the start of the bucket that *at* is in."""
        if self.unit is None:
            return MONDAY + (at - MONDAY) // self.width * self.width
        return truncate(at, self.unit, self.zone)

    def next(self, start: datetime) -> datetime:
        """Return the start of the bucket after the one that begins at *start*."""
        return start + self.width if self.unit is None else following(start, self.unit, self.zone)

    def ceil(self, at: datetime) -> datetime:
        """Return the first start of a bucket that is not before *at*."""
        start = self.floor(at)
        return start if start == at else self.next(start)

    def __str__(self) -> str:
        """Say what the buckets are."""
        if self.unit is None:
            return f"buckets of {self.width}, counted in UTC from a Monday"
        return f"buckets that are {self.unit}s of {self.zone_name}"


def grid_of(bucket: Bucket) -> Grid:
    """Return where buckets like *bucket* begin."""
    width = timedelta(seconds=bucket.width)
    if bucket.unit is None or bucket.time_zone is None:
        return Grid(width)
    return Grid(width, bucket.unit, zone_of(bucket.time_zone), bucket.time_zone)


def truncate(at: datetime, granularity: str, zone: tzinfo) -> datetime:
    """Return the start of the hour, day, week or month that *at* is in, in *zone*."""
    there = at.astimezone(zone)
    if granularity == "hour":
        return at - timedelta(minutes=there.minute, seconds=there.second, microseconds=there.microsecond)
    return local(_first_day(there, granularity), zone).astimezone(UTC)


def _first_day(there: datetime, granularity: str) -> datetime:
    midnight = there.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None, fold=0)
    if granularity == "week":
        return midnight - timedelta(days=midnight.weekday())
    return midnight.replace(day=1) if granularity == "month" else midnight


def following(at: datetime, granularity: str, zone: tzinfo) -> datetime:
    """Return the start of the day, week or month in *zone* after the one that begins at *at*."""
    # A day may begin at one o'clock, where clocks change at midnight.
    there = at.astimezone(zone).replace(tzinfo=None, fold=0)
    day = there.replace(hour=0, minute=0, second=0, microsecond=0)
    later = _next_month(day) if granularity == "month" else day + _DAYS[granularity]
    return local(later, zone).astimezone(UTC)


def _next_month(day: datetime) -> datetime:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
