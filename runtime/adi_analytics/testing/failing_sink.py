"""A sink for tests that fails when told to, and keeps what it was given."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, TypeVar

from adi_analytics._engine.delivery.effects import Connect, CopyData, CopyEnd, CopyStart, Effect, Execute, Reset
from adi_analytics._engine.rows.row import HEADER, TRAILER, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import psycopg

    from adi_analytics.enriched import Event

    E = TypeVar("E", bound=Event)


class FailingSink:
    """Takes the place of the database for an `AnalyticsWorker`, and fails when told to.

    ::

        sink = FailingSink()
        client, config = AnalyticsClient.create(retry_base=0.01)
        with AnalyticsWorker(config, sink=sink):
            sink.go_down()
            client.track(...)          # waits
            sink.come_up()             # arrives in sink.rows

    Attributes:
        rows: The rows taken, as they would be in the table.
        attempts: How many batches were sent, in vain or not.
    """

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.attempts = 0
        self._lock = threading.Lock()
        self._failures: list[str | None] = []
        self._down = False
        self._refuses: Callable[[Row], bool] = lambda _row: False
        self._buffer = b""

    def go_down(self) -> None:
        """Fail everything from now on, as a server that is away does."""
        self._down = True

    def come_up(self) -> None:
        """Work again."""
        self._down = False

    def fail_next(self, times: int = 1, sqlstate: str | None = None) -> None:
        """Fail the next *times* batches with *sqlstate*; ``None`` stands for a lost connection."""
        with self._lock:
            self._failures += [sqlstate] * times

    def refuse(self, predicate: Callable[[Row], bool]) -> None:
        """Refuse rows for which *predicate* is true, as a check constraint does."""
        self._refuses = predicate

    def perform(self, effect: Effect) -> Any:
        """Do what a session does for the worker."""
        match effect:
            case Connect():
                self._raise_if_down()
            case CopyStart():
                self._buffer = b""
            case CopyData(data):
                self._buffer += data
            case CopyEnd():
                self._commit()
            case Execute():
                self._raise_if_down()
                return 1
            case Reset():
                return not self._down
        return None

    def abandon(self) -> None:
        """Do nothing: there is no connection."""

    def _raise_if_down(self) -> None:
        if self._down:
            raise _error(None)

    def _commit(self) -> None:
        self.attempts += 1
        self._raise_if_down()
        with self._lock:
            if self._failures:
                raise _error(self._failures.pop(0))
        rows = list(_rows_of(self._buffer))
        if any(map(self._refuses, rows)):
            raise _error("23514")
        self.rows += rows


def _error(sqlstate: str | None) -> psycopg.Error:
    import psycopg

    if sqlstate is None:
        return psycopg.OperationalError("the sink is down")
    return psycopg.errors.lookup(sqlstate)("the sink fails as told")


def _rows_of(stream: bytes) -> Iterator[Row]:
    """Take a binary COPY apart."""
    at = len(HEADER)
    while stream[at : at + 2] != TRAILER:
        end = at + 2
        for _ in range(7):
            length = int.from_bytes(stream[end : end + 4], signed=True)
            end += 4 + max(length, 0)
        yield Row.from_copy(stream[at:end])
        at = end
