"""Time zones, as PostgreSQL has them."""

from __future__ import annotations

import re
from datetime import datetime, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from adi_analytics.query.model.errors import QueryArgumentError

_OF_THE_MACHINE: Final = re.compile("localtime|Factory|posixrules|posix/.*|right/.*")
"""Files beside the zones: what they say differs between machines, and some count leap seconds."""


def zone_of(name: str) -> tzinfo:
    """Return the time zone called *name*.

    Raises:
        QueryArgumentError: If there is none.
    """
    try:
        zone = None if _OF_THE_MACHINE.fullmatch(name) else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError, TypeError):  # OSError: the name of a folder of zones
        zone = None
    if zone is None:
        expected = "Expected a name such as Europe/Berlin, or UTC."
        raise QueryArgumentError("time_zone", f"there is no time zone {name!r}", expected)
    return zone


def local(naive: datetime, zone: tzinfo) -> datetime:
    """Return the moment of a local time as PostgreSQL does: of one that comes twice the second."""
    first, second = (naive.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    before, after = first.utcoffset(), second.utcoffset()
    twice = before is not None and after is not None and before > after
    return second if twice else first
