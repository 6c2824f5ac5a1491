"""A session that gives the rows to a test's sink in the place of a database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from adi_analytics._engine.delivery.effects import Connect, CopyData, CopyEnd, CopyStart, Effect, Execute, Reset
from adi_analytics._engine.rows.row import HEADER, TRAILER, Row

if TYPE_CHECKING:
    from collections.abc import Iterator


class Sink(Protocol):
    """Takes the place of the database for an `AnalyticsWorker`, in tests.

    Both methods are called in the worker's thread. They may raise any `psycopg.Error`, as the server would: one without
    a SQLSTATE is a lost connection, after which the worker tries again.
    """

    def ping(self) -> None:
        """Raise if the database could not be reached now; else do nothing."""

    def write(self, rows: list[Row]) -> None:
        """Take *rows*, all or none."""


class SinkSession:
    """Performs the worker's effects on a sink.

    Args:
        sink: Takes the rows.
        text_ids: Whether the column ``user_id`` is a text.
    """

    def __init__(self, sink: Sink, *, text_ids: bool = False) -> None:
        self._sink = sink
        self._text_ids = text_ids
        self._copy = b""

    def perform(self, effect: Effect) -> Any:
        """Do *effect* and return its result."""
        match effect:
            case Connect():
                self._sink.ping()
            case CopyStart():
                self._copy = b""
            case CopyData(data):
                self._copy += data
            case CopyEnd():
                return self._write([self._row(row) for row in _rows_of(self._copy)])
            case Execute(rows=rows) if rows:
                return [(self._write([self._row(row) for row in rows]), 0)]
            case Execute():
                self._sink.ping()
                return []
            case Reset():
                return self._usable()
        return None

    def limit(self, longest: float) -> None:
        """Do nothing: a sink answers at once."""

    def abandon(self) -> None:
        """Do nothing: there is no connection."""

    def _row(self, row: bytes) -> Row:
        return Row.from_copy(row, text_ids=self._text_ids)

    def _write(self, rows: list[Row]) -> int:
        self._sink.write(rows)
        return len(rows)

    def _usable(self) -> bool:
        import psycopg

        try:
            self._sink.ping()
        except psycopg.Error:
            return False
        return True


def _rows_of(stream: bytes) -> Iterator[bytes]:
    """Take a binary COPY apart."""
    at = len(HEADER)
    while stream[at : at + 2] != TRAILER:
        end = at + 2
        for _ in range(7):
            length = int.from_bytes(stream[end : end + 4], signed=True)
            end += 4 + max(length, 0)
        yield stream[at:end]
        at = end
