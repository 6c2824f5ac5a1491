"""For the tests of programs that track events: a client that records, and a sink that fails when told to.

The pytest plugin (installed with the package) has the fixture ``analytics_events``; see `adi_analytics.pytest_plugin`.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, TypeVar, overload

from adi_analytics._effects import Connect, CopyData, CopyEnd, CopyStart, Effect, Execute, Reset
from adi_analytics._encode import HEADER, TRAILER, EncodeFault, Row, RowEncoder
from adi_analytics._hook import enrich
from adi_analytics._options import Options, settings_from
from adi_analytics._queue import EventQueue
from adi_analytics._validate import decoder_of
from adi_analytics.client import AnalyticsClient, InvalidEventError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from typing import Unpack

    import psycopg

    from adi_analytics.enriched import EnrichedEvent, Event

    E = TypeVar("E", bound=Event)

__all__ = ["FailingSink", "RecordedEvents", "RecordingClient"]


class RecordedEvents:
    """The events tracked so far, oldest first, with what the client adds to them."""

    def __init__(self) -> None:
        self._enriched: list[EnrichedEvent] = []

    def append(self, enriched: EnrichedEvent) -> None:
        """Add an event."""
        self._enriched.append(enriched)

    def clear(self) -> None:
        """Forget all."""
        self._enriched.clear()

    @property
    def enriched(self) -> list[EnrichedEvent]:
        """The events with id, timestamp, service, hostname, environment and context."""
        return list(self._enriched)

    @overload
    def of_type(self, kind: type[E]) -> list[E]: ...
    @overload
    def of_type(self, kind: str) -> list[Event]: ...
    def of_type(self, kind: Any) -> list[Any]:
        """Return the events of a class, or of an event type's name."""
        if isinstance(kind, str):
            return [event for event in self if kind == event.EVENT_TYPE]
        return [event for event in self if isinstance(event, kind)]

    def __iter__(self) -> Iterator[Event]:
        return (enriched.event for enriched in self._enriched)

    def __len__(self) -> int:
        return len(self._enriched)

    def __getitem__(self, index: int) -> Event:
        return self._enriched[index].event

    def __eq__(self, other: object) -> bool:
        return list(self) == other

    __hash__ = None  # type: ignore[assignment]  # compares by content, which changes

    def __repr__(self) -> str:
        return f"<RecordedEvents {list(self)!r}>"


class RecordingClient(AnalyticsClient):
    """A client that keeps events in `events` and sends nothing. Events that break the catalog's rules raise at once.

    It is on, and keeps every event, even where the environment switches tracking off or samples.

    Args:
        **options: As for `AnalyticsClient.create`.
    """

    def __init__(self, **options: Unpack[Options]) -> None:
        everything: Options = {"enabled": True, "sample_rates": {}}
        super().__init__(EventQueue(settings_from({**everything, **options})))
        self.events = RecordedEvents()
        self._encoder = RowEncoder(self._queue.settings, decoder_of)

    def track(self, event: Event, *, timestamp: datetime | None = None) -> None:
        """Record *event*.

        Raises:
            InvalidEventError: If it breaks the catalog's rules.
        """
        self.record(event, timestamp, self)

    def record(self, event: Event, timestamp: datetime | None, client: AnalyticsClient) -> None:
        """Record *event* as tracked by *client*; the pytest fixture does so for all clients."""
        self._track_carefully(event, timestamp)
        for item in self._queue.take(2**62):
            try:
                self._encoder.encode(item)
            except EncodeFault as fault:
                raise InvalidEventError(fault.row.event_type, fault.message) from None
            else:
                self.events.append(enrich(item, client._queue.settings))  # noqa: SLF001 - we are a client, too
                self._queue.settle("delivered", 1)
            finally:
                self._finish_recording()

    def _finish_recording(self) -> None:
        open_ones = len(self._queue.ledger.inflight) - self._queue.ledger.settled
        if open_ones:
            self._queue.settle("dead_lettered", open_ones, "invalid_event")
        self._queue.finish()
        self._queue.reach()


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
