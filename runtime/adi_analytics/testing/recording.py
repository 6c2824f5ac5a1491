"""A client for tests that records events and sends nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, overload

from adi_analytics._engine.rows.before_send import enrich
from adi_analytics._engine.rows.encode import EncodeFault, RowEncoder
from adi_analytics._engine.rows.validate import decoder_of
from adi_analytics._shared.catalog import CatalogAmbiguousError, CatalogMissingError
from adi_analytics._shared.options import Options, Settings, settings_from, with_catalog
from adi_analytics.client import AnalyticsClient, InvalidEventError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from typing import Unpack

    from adi_analytics.enriched import EnrichedEvent, Event

    E = TypeVar("E", bound=Event)

__all__ = ["RecordedEvents", "RecordingClient"]


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
        super().__init__(_settings({**everything, **options}))
        self.events = RecordedEvents()
        self._encoder = RowEncoder(self._pipeline.settings, decoder_of)

    def track(self, event: Event, *, timestamp: datetime | None = None) -> None:
        """Record *event*.

        Raises:
            InvalidEventError: If it breaks the catalog's rules.
        """
        self.record(event, timestamp, self)

    def record(self, event: Event, timestamp: datetime | None, client: AnalyticsClient) -> None:
        """Record *event* as tracked by *client*; the pytest fixture does so for all clients."""
        self._track_carefully(event, timestamp)
        books = self._pipeline.books
        for item in books.take(2**62):
            try:
                self._encoder.encode(item)
            except EncodeFault as fault:
                raise InvalidEventError(fault.row.event_type, fault.message) from None
            else:
                self.events.append(enrich(item, client._pipeline.settings))  # noqa: SLF001 - we are a client, too
                books.settle("delivered", 1)
            finally:
                self._finish_recording()

    def _finish_recording(self) -> None:
        books = self._pipeline.books
        if refused := books.open:
            books.settle("dead_lettered", refused, "invalid_event")
        books.finish()
        self._pipeline.consumer.reach()


def _settings(options: Options) -> Settings:
    settings = settings_from(options)
    try:
        return with_catalog(settings)
    except (CatalogMissingError, CatalogAmbiguousError):
        return settings  # nothing leaves the test, so events of any catalog will do
