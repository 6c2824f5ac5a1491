"""Buckets of the calendar: days, weeks and months of a time zone, which are not all equally long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final, Protocol

UTC: Final = "UTC"

_MOST_SET_BACK: Final = timedelta(hours=3)
"""The most that clocks were set back at once in any time zone since 1970: so much longer a bucket may be."""


class Unit(StrEnum):
    """What a bucket of the calendar is."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Calendar:
    """Whose days, weeks or months the buckets are: those of the time zone called ``zone``, in the IANA's words."""

    unit: Unit
    zone: str = UTC


class Bucketed(Protocol):
    """What has buckets: an aggregate, or a question about people."""

    @property
    def bucket_width(self) -> timedelta:
        """How long a bucket is, by the clock on the wall."""
        ...

    @property
    def calendar(self) -> Calendar | None:
        """Whose buckets they are; ``None`` for equally long ones, counted in UTC."""
        ...


def longest(width: timedelta, calendar: Calendar | None) -> timedelta:
    """Return how long a bucket can be: one in which clocks are set back is longer."""
    return width if calendar is None or calendar.zone == UTC else width + _MOST_SET_BACK
