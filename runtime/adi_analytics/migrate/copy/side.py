"""What a copy asks of a database, whichever it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeAlias

from adi_analytics._shared.moments import moment_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FIRST: Final = -62_135_596_800_000_000
"""The first microsecond of year 1, counted from 1970: both databases store it, and Python has it."""
END: Final = 253_402_300_800_000_000
"""The first microsecond of year 10000."""
POSTGRES: Final = "PostgreSQL"
CLICKHOUSE: Final = "ClickHouse"
MOST_ROWS: Final = 5_000
"""Rows that are read or written at a time."""
MOST_BYTES: Final = 8_000_000
"""About how many bytes they may have."""

Key: TypeAlias = tuple[int, bytes]
"""Timestamp in microseconds since 1970 and event id: the order in which both databases are read."""


class Span(NamedTuple):
    """A time from *start* up to, and without, *end*, in microseconds since 1970."""

    start: int
    end: int


class Sum(NamedTuple):
    """How many rows a bucket has, and the sum of the checksums of their identities, in whatever order."""

    rows: int = 0
    checksum: int = 0


class Entry(NamedTuple):
    """A row's key, the checksum of all that identifies it, and about how many bytes its documents have."""

    key: Key
    digest: bytes
    size: int


@dataclass(slots=True)
class Written:
    """What became of rows that were written.

    Attributes:
        stored: How many are new in the database.
        refused: Ids of those that it refused, and why.
        replaced: Ids of those in whose documents null stands for a number that no double holds.
    """

    stored: int = 0
    refused: list[tuple[bytes, str]] = field(default_factory=list)
    replaced: list[bytes] = field(default_factory=list)


class Side(Protocol):
    """One of the two databases. Rows are those of a binary COPY."""

    @property
    def name(self) -> str:
        """`POSTGRES` or `CLICKHOUSE`."""
        ...

    def now(self) -> int:
        """Return its time."""
        ...

    def first(self, span: Span) -> int | None:
        """Return the earliest timestamp in *span*."""
        ...

    def outside(self) -> int:
        """Return how many rows have timestamps before year 1 or after year 9999."""
        ...

    def sums(self, span: Span, width: int) -> dict[int, Sum]:
        """Return the sums of the buckets of *width* in *span*, by their starts, which are multiples of *width*."""
        ...

    def entries(self, span: Span, after: Key | None) -> Sequence[Entry]:
        """Return the next `MOST_ROWS` rows in *span*, in the order of their keys."""
        ...

    def rows(self, first: Key, last: Key) -> Iterator[bytes]:
        """Yield the rows from key *first* to key *last*, in their order."""
        ...

    def write(self, rows: Sequence[bytes]) -> Written:
        """Store those of *rows* that are not there."""
        ...


def moment(found: int) -> datetime:
    """Return the moment of microseconds since 1970, the last one that Python has for `END`."""
    return moment_of(min(found, END - 1))
