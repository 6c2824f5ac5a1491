"""An event together with what the client adds to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

if TYPE_CHECKING:
    from uuid import UUID


class Event(Protocol):
    """What every class generated from a catalog has; any such class can be tracked."""

    EVENT_TYPE: ClassVar[Any]  # each class narrows it to a Literal, which Any alone allows
    EVENT_VERSION: ClassVar[int]
    USER_ID_FIELD: ClassVar[str | None]
    SERVICE_FIELD: ClassVar[str | None]
    STORE: ClassVar[Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrichedEvent:
    """An event as it is about to be sent; what ``before_send`` gets and may replace.

    Attributes:
        event: The event.
        event_id: Its identity (UUIDv7), minted by `track`; with the timestamp it makes a second delivery harmless.
        timestamp: When it happened, in UTC.
        service: What reported it.
        hostname: The machine.
        environment: Where the program runs.
        context: The values of `analytics_context` in force when it was tracked.
    """

    event: Event
    event_id: UUID
    timestamp: datetime
    service: str
    hostname: str
    environment: str
    context: Mapping[str, Any]


_FIRST: Final = -62_135_596_800_000_000_000  # the year 1 begins
_LAST: Final = 253_402_300_799_999_999_000  # the last microsecond of the year 9999


def to_datetime(nanoseconds: int) -> datetime:
    """Return the moment *nanoseconds* after 1970 in UTC, to the microsecond."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1000)


def to_nanoseconds(moment: datetime) -> int:
    """Return the nanoseconds from 1970 to *moment*; one without a time zone counts as UTC.

    What lies outside of the years 1 to 9999 in UTC, as it may by its time zone, counts as their first or last moment.
    """
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    delta = aware - datetime(1970, 1, 1, tzinfo=UTC)
    nanoseconds = (delta.days * 86400 + delta.seconds) * 1_000_000_000 + delta.microseconds * 1000
    return min(max(nanoseconds, _FIRST), _LAST)
