"""The start of a row's bucket, and the number of a bucket: buckets that follow each other have numbers that do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.backends.clickhouse.expressions.names import literal
from adi_analytics_codegen.model.questions.calendars import Unit
from adi_analytics_codegen.model.text.durations import Months

if TYPE_CHECKING:
    from adi_analytics_codegen.model.questions.calendars import Bucketed, Calendar

_MONDAY: Final = datetime(2000, 1, 3, tzinfo=UTC)
"""Buckets are counted from here, as on PostgreSQL."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_FIRST_MONDAY: Final = 4
"""The 5th of January 1970, in days since the first."""


def start(of: Bucketed, time: str = "_time") -> str:
    """Return an expression for the start of the bucket that *time* is in."""
    if of.calendar is None:
        at = f"toUnixTimestamp64Micro({time})"
        into = f"positiveModulo({at} - {micros(_MONDAY - _EPOCH)}, {micros(of.bucket_width)})"
        return f"fromUnixTimestamp64Micro({at} - {into}, 'UTC')"
    return _midnight(_first_day(of.calendar, time), of.calendar)


def number(of: Bucketed, bucket: str) -> str:
    """Return an expression for the number of the bucket that begins at *bucket*."""
    calendar = of.calendar
    if calendar is None:
        since = f"toUnixTimestamp64Micro({bucket}) - {micros(_MONDAY - _EPOCH)}"
        return f"intDiv({since}, {micros(of.bucket_width)})"
    day = f"toDate32({bucket}, {literal(calendar.zone)})"
    if calendar.unit == Unit.MONTH:
        return f"(toYear({day}) * 12 + toMonth({day}))"
    days = f"dateDiff('day', toDate32('1970-01-01'), {day})"
    return f"intDiv({days} - {_FIRST_MONDAY}, 7)" if calendar.unit == Unit.WEEK else days


def begin(of: Bucketed, number: str) -> str:
    """Return an expression for the start of the bucket whose number is *number*."""
    calendar = of.calendar
    if calendar is None:
        at = f"({number}) * {micros(of.bucket_width)} + {micros(_MONDAY - _EPOCH)}"
        return f"fromUnixTimestamp64Micro({at}, 'UTC')"
    if calendar.unit == Unit.MONTH:
        months = f"{number} - 1"
        return _midnight(f"makeDate32(intDiv({months}, 12), ({months}) % 12 + 1, 1)", calendar)
    days = f"({number}) * 7 + {_FIRST_MONDAY}" if calendar.unit == Unit.WEEK else number
    return _midnight(f"addDays(toDate32('1970-01-01'), {days})", calendar)


def number_now(of: Bucketed, ago: timedelta = timedelta()) -> str:
    """Return an expression for the number of the bucket that was open so long *ago*."""
    now = "now64(6, 'UTC')"
    if ago:
        now = f"fromUnixTimestamp64Micro(toUnixTimestamp64Micro({now}) - {micros(ago)}, 'UTC')"
    return f"toInt64({number(of, now)})"


def micros(span: timedelta) -> int:
    """Return *span* in microseconds."""
    return span // _MICROSECOND


def buckets_in(span: timedelta, of: Bucketed) -> int:
    """Return how many buckets *span* is long."""
    if isinstance(span, Months):
        return span.count
    if of.calendar is None:
        return span // of.bucket_width
    return span.days // 7 if of.calendar.unit == Unit.WEEK else span.days


def _midnight(day: str, calendar: Calendar) -> str:
    return f"toTimeZone(toDateTime64({day}, 6, {literal(calendar.zone)}), 'UTC')"


def _first_day(calendar: Calendar, time: str) -> str:
    day = f"toDate32({time}, {literal(calendar.zone)})"
    if calendar.unit == Unit.MONTH:
        return f"makeDate32(toYear({day}), toMonth({day}), 1)"
    return f"({day} - (toDayOfWeek({day}) - 1))" if calendar.unit == Unit.WEEK else day
