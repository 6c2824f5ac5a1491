"""What an audit finds."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

DAYS: Final = 1
"""How many days back rows are counted and compared, unless told otherwise."""
SAMPLE: Final = 200
"""How many rows of each event are compared, unless told otherwise."""


class NotInstalledError(Exception):
    """The database has no tables of the catalog."""


class ForeignCatalogError(NotInstalledError):
    """The database is another catalog's.

    Attributes:
        found: The name of that catalog.
    """

    def __init__(self, found: str) -> None:
        super().__init__(found)
        self.found = found


def check_catalog(found: str | None, expected: str) -> None:
    """Make sure that what a database says of its catalog is *expected*, or nothing.

    Raises:
        ForeignCatalogError: If it is another one.
    """
    if found and found != expected:
        raise ForeignCatalogError(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfit:
    """A way in which stored rows differ from the catalog.

    Attributes:
        problem: What is wrong, and at which field. It holds no value.
        rows: How many rows of the sample have it as their first fault.
    """

    problem: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedEvent:
    """An event of the catalog, and what is observed of it.

    Attributes:
        name: Its name in the catalog.
        description: What it tells, in the catalog's words.
        owner: Who answers for it, by the catalog; may be empty.
        version: The version that the catalog has.
        last_seen: The time of the newest row; ``None`` without one.
        rows: Rows within the days looked at.
        rows_a_day: The same for each day.
        checked: How many of the newest of them were compared with the catalog.
        misfits: How many of those are not what the catalog says.
        problems: What is wrong with them, the most frequent first.
    """

    name: str
    description: str
    owner: str
    version: int
    last_seen: datetime | None = None
    rows: int = 0
    rows_a_day: float = 0.0
    checked: int = 0
    misfits: int = 0
    problems: tuple[Misfit, ...] = ()

    @property
    def share(self) -> float | None:
        """The share of the rows compared that are not what the catalog says; ``None`` without any."""
        return self.misfits / self.checked if self.checked else None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownEvent:
    """A type of stored rows that the catalog does not have."""

    name: str
    rows: int
    last_seen: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingLetters:
    """Dead letters that wait to be replayed, of one reason and type of event."""

    reason: str
    event_type: str
    letters: int
    oldest: datetime
    newest: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """The events of a catalog, and what is observed of them.

    Attributes:
        catalog: The catalog's name.
        at: When the database was looked at.
        days: How many days back rows are counted and compared.
        events: Those of the catalog, in its order.
        unknown: Types of rows within these days that the catalog does not have.
        dead_letters: Those that wait, the most frequent first.
        notes: What could not be looked at, and what to do about it.
    """

    catalog: str
    at: datetime
    days: int
    events: tuple[ObservedEvent, ...]
    unknown: tuple[UnknownEvent, ...]
    dead_letters: tuple[WaitingLetters, ...]
    notes: tuple[str, ...] = ()


def as_data(audit: Audit) -> dict[str, Any]:
    """Return *audit* as plain data, the same for the command and for HTTP."""
    data = asdict(audit)
    for event, found in zip(data["events"], audit.events, strict=True):
        event["share"] = found.share
    return data
