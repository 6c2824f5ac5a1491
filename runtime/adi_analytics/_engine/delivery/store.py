"""What the worker's decisions ask of a database, whichever it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from adi_analytics._engine.dead_letters.letter import DeadLetter
    from adi_analytics._engine.delivery.effects import Steps
    from adi_analytics._engine.delivery.faults import Fault

CHUNK: Final = 64  # rows that are sent as one piece, and the fewest between two breaths


class Store(Protocol):
    """Writes rows and dead letters to one database. Rows are what `RowEncoder` makes, whatever the database.

    Attributes:
        text_ids: Whether the column ``user_id`` is a text.
        errors: The exceptions that its effects raise for faults of the database.
        knows_batches: Whether the database recognises a batch that it is sent again, if it holds the same rows.
        mark: What tells its files from those of the other kinds of databases; empty for PostgreSQL.
    """

    @property
    def text_ids(self) -> bool: ...
    @property
    def errors(self) -> tuple[type[Exception], ...]: ...
    @property
    def knows_batches(self) -> bool: ...
    @property
    def mark(self) -> str: ...

    def fault(self, error: Exception) -> Fault:
        """Return what *error*, one of `errors`, means."""
        ...

    def prepare(self) -> Steps:
        """Get to know the database of a new connection."""
        ...

    def probe(self) -> Steps:
        """Find out whether the table of events is there, and is the catalog's; it raises as `write` would."""
        ...

    def write(self, chunks: Iterable[list[bytes]], *, late: list[datetime]) -> Steps:
        """Append rows at once, together with the *late* hours' marks; returns how many the server stored."""
        ...

    def merge(self, rows: list[bytes]) -> Steps:
        """Append those of *rows* that the table doesn't hold; returns how many it stored, and how many it held."""
        ...

    def late_hours(self, rows: Iterable[bytes]) -> list[datetime]:
        """Return the hours of *rows* to be marked as late."""
        ...

    def late_hours_of(self, moments: Iterable[int]) -> list[datetime]:
        """Return the hours to be marked of rows with these timestamps, in microseconds since 1970."""
        ...

    def dead_letter(self, letter: DeadLetter) -> Steps:
        """Keep *letter*; a second time does nothing."""
        ...


def chunked(rows: list[bytes]) -> Iterator[list[bytes]]:
    """Cut *rows* into the pieces in which they are sent."""
    for start in range(0, len(rows), CHUNK):
        yield rows[start : start + CHUNK]
