"""Time zones, as PostgreSQL has them."""

from __future__ import annotations

from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from adi_analytics.query.model.errors import QueryArgumentError


def zone_of(name: str) -> tzinfo:
    """Return the time zone called *name*.

    Raises:
        QueryArgumentError: If there is none.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError, TypeError):  # OSError: the name of a folder of zones
        raise QueryArgumentError(
            "time_zone", f"there is no time zone {name!r}", "Expected a name such as Europe/Berlin, or UTC."
        ) from None


def local(naive: datetime, zone: tzinfo) -> datetime:
    """Return the moment of a local time as PostgreSQL does: of one that comes twice the second."""
    first, second = (naive.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    before, after = first.utcoffset(), second.utcoffset()
    twice = before is not None and after is not None and before > after
    return second if twice else first
