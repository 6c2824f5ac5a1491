"""The client: takes events from the program, at the price of half a microsecond."""

from __future__ import annotations

import random
import time
import weakref
from typing import TYPE_CHECKING

import uuid_utils

from adi_analytics._engine.pipeline import Pipeline, WorkerConfig
from adi_analytics._engine.process import at_exit, at_fork
from adi_analytics._engine.queue import waiting
from adi_analytics._engine.queue.stats import combined
from adi_analytics._shared.catalog import Catalog
from adi_analytics._shared.options import Options, Settings, seconds_from, settings_from, with_catalog
from adi_analytics.context import current_context
from adi_analytics.enriched import Event, to_nanoseconds
from adi_analytics.errors import AnalyticsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from types import TracebackType
    from typing import Self, Unpack

    from adi_analytics._engine.queue.stats import FlushResult, Stats
    from adi_analytics._engine.rows.encode import RowEncoder


class InvalidEventError(AnalyticsError, ValueError):
    """An event breaks the rules of its catalog; raised by `AnalyticsClient.track` of a strict client.

    Attributes:
        event_type: The event's name, or the class of what was tracked instead.
        problem: What is wrong; it names the field, not the value.
    """

    def __init__(self, event_type: str, problem: str) -> None:
        super().__init__(event_type, problem)
        self.event_type = event_type
        self.problem = problem

    def __str__(self) -> str:
        return f"event {self.event_type}: {self.problem}"


_uuid7 = uuid_utils.uuid7
_now = time.time_ns


class AnalyticsClient:
    """Takes events; a worker delivers them. Made by `create`, `connect` or `noop`, and used from any thread.

    As a context manager it delivers what it has on exit, at most ``shutdown_timeout`` seconds.

    Args:
        settings: The options. `create` and `connect` make them of their arguments and the environment.
    """

    def __init__(self, settings: Settings) -> None:
        self._pipeline = Pipeline(settings)
        self._queue = self._pipeline.queue
        at_fork.register(self._pipeline)
        at_exit.register(self._pipeline)
        weakref.finalize(self, self._pipeline.retire).atexit = False
        self._checker: RowEncoder | None = None
        # By identity: to ask the event or its class would run their code, which may raise anything.
        classes = settings.catalog.events if isinstance(settings.catalog, Catalog) else {}
        rates = settings.sample_rates.items()
        self._rates = {id(classes[name]): rate for name, rate in rates if name in classes}

    @classmethod
    def create(cls, **options: Unpack[Options]) -> tuple[AnalyticsClient, WorkerConfig]:
        """Return a client, and what an `AnalyticsWorker` needs to deliver its events.

        Args:
            **options: See `Settings`; each may also be set in the environment, as ``ADI_ANALYTICS_<NAME>``.

        Raises:
            CatalogError: If no catalog is found, or several are, or if it can't be used; see `resolve_catalog`.
            OptionError: If an option is unknown or has a value that it can't have.
        """
        client = cls(with_catalog(settings_from(options)))
        return client, WorkerConfig(client._pipeline)

    @classmethod
    def connect(cls, conninfo: str | Callable[[], str] | None = None, **options: Unpack[Options]) -> AnalyticsClient:
        """Return a client with a worker of its own, in a thread that starts at the first event.

        The database need not be there yet: events wait for it. With a spool the thread starts at once.

        Args:
            conninfo: A connection string, or the URL of a ClickHouse; by default that of ``DATABASE_URL``,
                ``PLATFORM_DATABASE_URL`` or ``.env``. Or a function that returns a connection string of PostgreSQL; the
                worker calls it before each connection, so it may hold a password that changes. It runs in the worker's
                thread, and must end by itself.
            **options: As for `create`.

        Raises:
            CatalogError: As for `create`.
            ClickhouseExtraMissingError: If it is a ClickHouse, and the extra ``clickhouse`` is not installed.
            ConninfoMissingError: If no database is given.
            ConninfoInvalidError: If the connection string can't be understood.
            LibpqMissingError: If psycopg finds no libpq.
            OptionError: If an option is unknown or has a value that it can't have.
        """
        from adi_analytics._engine.drivers.target import target_for
        from adi_analytics._engine.drivers.thread_worker import ThreadWorker

        client = cls(with_catalog(settings_from(options)))
        worker = ThreadWorker(client._pipeline, target_for(conninfo, client._pipeline.settings))
        # A server that forks its workers has no thread and no connection before, unless it tracks events. But what dead
        # processes left in a spool does not wait for an event.
        if client._pipeline.settings.spool == "off":
            worker.start_at_event()
        else:
            worker.start()
        return client

    @classmethod
    def noop(cls) -> AnalyticsClient:
        """Return a client that does nothing, in no time."""
        return NoopClient()

    # ---- tracking --------------------------------------------------------------------------------------------------

    def track(self, event: Event, *, timestamp: datetime | None = None) -> None:
        """Take *event*, to be delivered by the worker.

        It never blocks (but see ``when_full="block"``), takes no lock, and raises nothing unless the client is strict;
        so it may be called in signal handlers, destructors and callbacks. An event that breaks the catalog's rules
        becomes a dead letter.

        Args:
            event: An instance of a class of the catalog's generated package. Don't change what it holds afterwards.
            timestamp: When it happened; now by default. Without a time zone it counts as UTC.

        Raises:
            InvalidEventError: If the client is strict and the event breaks the catalog's rules.
        """
        try:
            queue = self._queue
            items = queue.items
            if timestamp is None and len(items) < queue.attention:
                items.append((event, _uuid7(), _now(), current_context()))
            else:
                self._track_carefully(event, timestamp)
        except Exception:  # noqa: BLE001 - the program's work is worth more than an event
            try:
                self._on_error()
            except RecursionError:
                if self._queue.settings.strict:
                    raise
                self._queue.too_deep[0] += 1  # the stack has no room for a call

    def track_if(self, condition: object, event: Event, *, timestamp: datetime | None = None) -> None:
        """Take *event* if *condition* is true; see `track`."""
        if condition:
            self.track(event, timestamp=timestamp)

    def _track_carefully(self, event: Event, timestamp: datetime | None) -> None:
        at_fork.notice()
        queue = self._queue
        if not queue.enabled:
            return
        nanoseconds = _now() if timestamp is None else to_nanoseconds(timestamp)
        if queue.settings.strict:
            self._check(event)
        rate = self._rates.get(id(type(event))) if self._rates else None
        if rate is not None and random.random() >= rate:  # noqa: S311 - a statistical choice
            queue.reject("sampled")
            return
        queue.put((event, _uuid7(), nanoseconds, current_context()))

    def _on_error(self) -> None:
        if self._queue.settings.strict:
            raise  # noqa: PLE0704 - re-raises what track() is handling
        self._queue.reject("internal_error")

    def _check(self, event: Event) -> None:
        from adi_analytics._engine.rows.encode import EncodeFault, RowEncoder
        from adi_analytics._engine.rows.validate import decoder_of

        if self._checker is None:
            self._checker = RowEncoder(self._queue.settings, decoder_of)
        try:
            self._checker.check(event)
        except EncodeFault as fault:
            raise InvalidEventError(fault.row.event_type, fault.message) from None  # the cause may quote a value

    # ---- waiting and ending ----------------------------------------------------------------------------------------

    def flush(self, timeout: float = 5.0) -> FlushResult:
        """Wait until the events tracked so far are delivered or otherwise settled.

        Without a running worker, and in the worker's own thread or event loop, it returns at once.

        Args:
            timeout: The longest wait, in seconds; ``inf`` for as long as it takes.

        Raises:
            OptionError: If the timeout is no number.
        """
        at_fork.notice()
        return waiting.flush(self._pipeline.consumer, seconds_from(timeout))

    async def aflush(self, timeout: float = 5.0) -> FlushResult:  # noqa: ASYNC109 - the deadline is part of the answer
        """Wait as `flush` does, letting the event loop run."""
        at_fork.notice()
        return await waiting.aflush(self._pipeline.consumer, seconds_from(timeout))

    def stats(self) -> Stats:
        """Return the books: every event accepted is in exactly one of the other numbers."""
        at_fork.notice()
        return self._pipeline.stats()

    @property
    def enabled(self) -> bool:
        """Whether `track` does anything. Setting it is the switch for users who opt out, at run time."""
        return self._queue.enabled

    @enabled.setter
    def enabled(self, value: bool) -> None:
        self._queue.set_enabled(enabled=value)

    def close(self, timeout: float | None = None) -> FlushResult:
        """Refuse further events, deliver those there are, and stop the worker.

        What is not delivered in time is spooled if there is a spool, and else dropped, with the reason ``shutdown``. A
        second call does nothing.

        Args:
            timeout: The longest wait, in seconds; ``shutdown_timeout`` by default.
        """
        seconds = self._queue.settings.shutdown_timeout if timeout is None else seconds_from(timeout)
        at_fork.notice()
        return self._pipeline.end(seconds)

    async def aclose(self, timeout: float | None = None) -> FlushResult:  # noqa: ASYNC109 - as in close()
        """Do what `close` does, letting the event loop run."""
        seconds = self._queue.settings.shutdown_timeout if timeout is None else seconds_from(timeout)
        self._queue.close()
        flushed = await self.aflush(seconds)
        # What could not be delivered in that time has had its chance.
        return combined(flushed, self._pipeline.end(0.0 if flushed.pending else seconds))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


class NoopClient(AnalyticsClient):
    """Does nothing; made by `AnalyticsClient.noop`."""

    def __init__(self) -> None:
        super().__init__(Settings(enabled=False))

    def track(self, event: Event, *, timestamp: datetime | None = None) -> None:
        """Do nothing."""

    def track_if(self, condition: object, event: Event, *, timestamp: datetime | None = None) -> None:
        """Do nothing."""
