"""The worker: brings the client's events to the database, from a thread or in asyncio."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Final

from adi_analytics._engine.drivers.asyncio_runner import AsyncioRunner
from adi_analytics._engine.drivers.target import sink_target, target_for
from adi_analytics._engine.drivers.thread_worker import ThreadWorker
from adi_analytics._engine.pipeline import Closer
from adi_analytics._engine.queue.waiting import Watch, aflush
from adi_analytics._shared.options import seconds_from
from adi_analytics.errors import AnalyticsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from adi_analytics._engine.drivers.sink_session import Sink
    from adi_analytics._engine.pipeline import WorkerConfig
    from adi_analytics._engine.queue.stats import FlushResult

logger = logging.getLogger("adi_analytics.worker")

_POLL: Final = 0.005  # seconds
_GRACE: Final = 0.25  # seconds for a worker whose time is over to notice it


class WorkerRunningError(AnalyticsError):
    """A client has one worker at a time, and it has one already."""

    def __str__(self) -> str:
        return "the client has a running worker already; stop that one first"


class AnalyticsWorker:
    """Delivers the events of one client: `start` in a thread, or `run` in asyncio.

    The database need not be there yet, and may go away: events wait for it in memory, up to ``max_queue``, and in the
    spool if there is one.

    Args:
        config: What `AnalyticsClient.create` returned beside the client.
        conninfo: A connection string, or the URL of a ClickHouse; by default that of ``DATABASE_URL``,
            ``PLATFORM_DATABASE_URL`` or ``.env``. Or a function that returns a connection string of PostgreSQL; it is
            called before each connection, so it may hold a password that changes. It runs in the worker's thread, for
            `run` in one of the loop's executor, and must end by itself.
        sink: Takes the rows in the place of a database, in tests, with `start`; see `adi_analytics.testing.Sink`.

    Raises:
        ClickhouseExtraMissingError: If it is a ClickHouse, and the extra ``clickhouse`` is not installed.
        ConninfoMissingError: If no database is given.
        ConninfoInvalidError: If the connection string can't be understood.
        LibpqMissingError: If psycopg finds no libpq.
    """

    def __init__(
        self, config: WorkerConfig, conninfo: str | Callable[[], str] | None = None, *, sink: Sink | None = None
    ) -> None:
        self._pipeline = config._pipeline  # noqa: SLF001 - the config carries it here, and hides it from users
        self._consumer = self._pipeline.consumer
        settings = self._pipeline.settings
        self._target = target_for(conninfo, settings) if sink is None else sink_target(sink, settings)
        self._thread_worker: ThreadWorker | None = None
        self._closer = Closer(self._begin_close, self._close)
        self._pipeline.offer_closer(self._closer)

    def start(self) -> None:
        """Start a daemon thread that delivers.

        Raises:
            WorkerRunningError: If the client has a running worker.
        """
        if self._thread_worker is None:
            self._thread_worker = self._make_thread_worker()
        if not self._thread_worker.start():
            raise WorkerRunningError
        self._pipeline.set_closer(self._closer)

    async def run(self) -> None:
        """Deliver in the running event loop, until stopped or cancelled; both deliver first what there is.

        After a cancellation that takes at most ``shutdown_timeout`` seconds. In a forked child, which has no loop of
        ours, a thread delivers.

        Raises:
            WorkerRunningError: If the client has a running worker.
        """
        if self._consumer.running:
            raise WorkerRunningError
        self._pipeline.set_closer(self._closer)
        if not await AsyncioRunner(self._pipeline, self._target, self._start_in_child).run():
            raise WorkerRunningError

    def stop(self, timeout: float = 5.0) -> FlushResult:
        """Deliver what there is, and end; the events left after *timeout* seconds stay pending, or go to the spool.

        For a worker in asyncio it only asks for the end; `astop` waits for it.
        """
        timeout = seconds_from(timeout)
        if self._thread_worker is not None:
            return self._thread_worker.stop(timeout)
        watch = Watch(self._consumer)
        self._consumer.request_stop(timeout)
        return watch.result()

    async def astop(self, timeout: float = 5.0) -> FlushResult:  # noqa: ASYNC109 - the deadline is part of the answer
        """Do what `stop` does, letting the event loop run."""
        timeout = seconds_from(timeout)
        watch = Watch(self._consumer)
        if self._thread_worker is not None:
            # Not in a thread of the loop's: the machine may allow no other.
            deadline = time.monotonic() + timeout
            self._consumer.request_stop(timeout)
            while self._thread_worker.alive and time.monotonic() < deadline:  # noqa: ASYNC110 - a thread sets no event of a loop
                await asyncio.sleep(_POLL)
            self._thread_worker.stop(deadline - time.monotonic())
        else:
            self._consumer.request_stop(timeout)
            await aflush(self._consumer, timeout)
        return watch.result()

    def _begin_close(self, timeout: float) -> None:
        """Ask for the end, without waiting; where no loop runs any more, a thread delivers."""
        if self._thread_worker is None and not self._consumer.running and self._pipeline.pending:
            self._thread_worker = self._make_thread_worker()
        if self._thread_worker is not None:
            self._thread_worker.begin_close(timeout)
        else:
            self._consumer.request_stop(timeout)

    def _close(self, timeout: float) -> FlushResult:
        """End for good, from any thread: what the event loop can't deliver any more, a thread does."""
        if self._thread_worker is not None:
            return self._thread_worker.close(timeout)
        watch, deadline = Watch(self._consumer), time.monotonic() + timeout
        self._consumer.request_stop(max(timeout, 0.0))
        # On the loop's own thread (a signal handler, the end of the program) the coroutine won't get any further.
        here = self._consumer.is_here
        while not here and self._consumer.running and time.monotonic() < deadline:
            time.sleep(_POLL)
        if self._consumer.supersede(0.0 if here else deadline + _GRACE):
            self._make_thread_worker().close(deadline - time.monotonic())
        elif not here:
            logger.error("the worker does not end: it hangs in before_send; its events are neither delivered nor lost")
        return watch.result()

    def _make_thread_worker(self) -> ThreadWorker:
        return ThreadWorker(self._pipeline, self._target)

    def _start_in_child(self) -> None:
        self._thread_worker = self._make_thread_worker()
        self._thread_worker.start_at_event()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop(self._pipeline.settings.shutdown_timeout)
