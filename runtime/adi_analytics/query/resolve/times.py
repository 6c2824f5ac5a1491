"""The range of a question, the buckets of its answer, and the range that it is compared with.

Stored buckets begin where :class:`~adi_analytics.query.resolve.grid.Grid` says. A bucket of the answer must consist of
whole stored ones, so its bounds must fall on theirs: that is checked, never assumed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING, Any, Final

from adi_analytics.query.model.errors import QueryArgumentError
from adi_analytics.query.resolve.grid import following, truncate
from adi_analytics.query.resolve.zones import local

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adi_analytics.query.resolve.grid import Grid

GRANULARITIES: Final = ("bucket", "hour", "day", "week", "month", "total")
MOST_BUCKETS: Final = 200_000
DEFAULT_DAYS: Final = 30
_EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(9998, 12, 31, tzinfo=UTC)
_HOUR: Final = timedelta(hours=1)
_BETWEEN: Final = "Expected (start, end), each a date or a datetime, or a timedelta back from now."


@dataclass(frozen=True, slots=True)
class Period:
    """A range of time: from *start*, up to and without *end*; both in UTC."""

    start: datetime
    end: datetime


def granularity_of(given: str) -> str:
    """Return *given* if it is a granularity.

    Raises:
        QueryArgumentError: If it is none.
    """
    if given not in GRANULARITIES:
        raise QueryArgumentError("granularity", f"{given!r} is none", f"Expected one of {', '.join(GRANULARITIES)}.")
    return given


def period_of(between: Any, zone: tzinfo, now: datetime, grid: Grid) -> tuple[Period, bool]:
    """Return the range that *between* means, in whole stored buckets, and whether it had to be widened for that.

    A date is a whole day of the zone: as the end, it is included. A datetime is a moment: as the end, it is not.
    Without a range, it is the last 30 days, today included.

    Raises:
        QueryArgumentError: If it means no range.
    """
    if between is None:
        today = now.astimezone(zone).date()
        between = (today - timedelta(days=DEFAULT_DAYS - 1), today)
    if isinstance(between, timedelta):
        between = (now - between, now)
    if not isinstance(between, (tuple, list)) or len(between) != 2:  # noqa: PLR2004 - start and end
        raise QueryArgumentError("between", f"{type(between).__name__} means no range", _BETWEEN)
    start, end = _moment(between[0], zone, ends=False), _moment(between[1], zone, ends=True)
    if not _EARLIEST <= start < end <= _LATEST:
        raise QueryArgumentError(
            "between", "the range is empty, or outside of the years 1970 to 9998", "Expected a start before its end."
        )
    whole = Period(grid.floor(start), grid.ceil(end))
    return whole, (whole.start, whole.end) != (start, end)


def _moment(value: Any, zone: tzinfo, *, ends: bool) -> datetime:
    if isinstance(value, str):
        value = _parsed(value)
    try:
        if isinstance(value, datetime):
            return (value if value.tzinfo else local(value, zone)).astimezone(UTC)
        if isinstance(value, date):
            day = value + timedelta(days=1) if ends else value
            return local(datetime.combine(day, time()), zone).astimezone(UTC)
    except OverflowError:
        raise QueryArgumentError("between", "a time is outside of the years 1970 to 9998", _BETWEEN) from None
    raise QueryArgumentError("between", f"{type(value).__name__} means no time", _BETWEEN)


def _parsed(text: str) -> date | datetime:
    for kind in (date, datetime):
        try:
            return kind.fromisoformat(text)
        except ValueError:
            continue
    raise QueryArgumentError("between", f"{text!r} is no date or time", "Expected 2026-01-31 or 2026-01-31T12:00:00Z.")


def edges(period: Period, granularity: str, zone: tzinfo, grid: Grid) -> list[datetime]:
    """Return the starts of the answer's buckets, and last the end of the last one.

    Raises:
        QueryArgumentError: If there are too many, or if one does not consist of whole stored buckets.
    """
    if granularity == "total":
        return [period.start, period.end]
    found: list[datetime] = []
    for at in _starts(period, granularity, zone, grid):
        if period.start < at < period.end and grid.floor(at) != at:
            raise _unaligned(granularity, zone, grid)
        found.append(at)
        if len(found) > MOST_BUCKETS:
            raise QueryArgumentError(
                "granularity", f"the range has more than {MOST_BUCKETS} buckets", "Ask a shorter range, or longer ones."
            )
    return found


def _starts(period: Period, granularity: str, zone: tzinfo, grid: Grid) -> Iterator[datetime]:
    """Yield the starts from the one that holds the first moment to the first that is not before the end."""
    at = period.start if granularity == "bucket" else truncate(period.start, granularity, zone)
    while at < period.end:
        yield at
        if granularity == "bucket":
            at = grid.next(at)
        else:
            at = at + _HOUR if granularity == "hour" else following(at, granularity, zone)
    yield at


def _unaligned(granularity: str, zone: tzinfo, grid: Grid) -> QueryArgumentError:
    return QueryArgumentError(
        "granularity",
        f"a {granularity} in {zone} does not consist of whole {grid}",
        f"Ask granularity='bucket' or time_zone='{grid.zone_name}', or give the aggregate a narrower bucket in "
        "events.yaml.",
    )
