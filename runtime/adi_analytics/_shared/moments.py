"""Moments as microseconds since 1970, in which both databases store them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def micros_of(moment: datetime) -> int:
    """Return *moment*, which has a time zone, in microseconds since 1970."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment_of(micros: int) -> datetime:
    """Return the moment *micros* microseconds after 1970, of the years 1 to 9999 in UTC."""
    return _EPOCH + timedelta(microseconds=micros)
