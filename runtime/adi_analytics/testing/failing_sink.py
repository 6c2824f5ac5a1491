"""A sink for tests that fails on demand, and keeps what it was given."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import psycopg

    from adi_analytics._engine.rows.row import Row


class FailingSink:
    """A `Sink` that keeps the rows, and fails on demand.

    ::

        sink = FailingSink()
        client, config = AnalyticsClient.create(retry_base=0.01)
        with AnalyticsWorker(config, sink=sink):
            sink.go_down()
            client.track(...)          # waits
            sink.come_up()             # arrives in sink.rows

    Attributes:
        rows: The rows taken, as they would be in the table.
        attempts: How many batches were sent, refused ones included.
    """

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.attempts = 0
        self._lock = threading.Lock()
        self._failures: list[str | None] = []
        self._down = False
        self._refuses: Callable[[Row], bool] = lambda _row: False

    def go_down(self) -> None:
        """Fail everything from now on, as a server does that can't be reached."""
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

    def ping(self) -> None:
        """Raise if the sink is down."""
        if self._down:
            raise _error(None)

    def write(self, rows: list[Row]) -> None:
        """Keep *rows*, or fail as requested."""
        self.attempts += 1
        self.ping()
        with self._lock:
            if self._failures:
                raise _error(self._failures.pop(0))
        if any(map(self._refuses, rows)):
            raise _error("23514")
        self.rows += rows


def _error(sqlstate: str | None) -> psycopg.Error:
    import psycopg

    if sqlstate is None:
        return psycopg.OperationalError("the sink is down")
    return psycopg.errors.lookup(sqlstate)("the sink fails as requested")
