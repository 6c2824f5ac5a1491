"""A worker in a thread, with its life: start, stop, the end of the process, and forks."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

from adi_analytics import _exit, _fork
from adi_analytics._conninfo import resolve_conninfo
from adi_analytics._flush import Watch
from adi_analytics._runners import ThreadRunner

if TYPE_CHECKING:
    from collections.abc import Callable

    from adi_analytics._queue import EventQueue
    from adi_analytics._results import FlushResult
    from adi_analytics._sessions import Session

logger = logging.getLogger("adi_analytics.worker")

_GRACE: Final = 0.25  # seconds for a worker whose time is over to notice it


class ThreadWorker:
    """Delivers the events of one queue from a daemon thread.

    Args:
        queue: The events.
        make_session: Makes what talks to the database.
    """

    def __init__(self, queue: EventQueue, make_session: Callable[[], Session]) -> None:
        self._queue = queue
        self._runner = ThreadRunner(queue, make_session)
        self._running = False
        _fork.register(self)
        _exit.register(self)

    @classmethod
    def for_database(cls, queue: EventQueue, conninfo: str | None) -> ThreadWorker:
        """Return a worker for the database of *conninfo*, or of the environment."""
        resolved = resolve_conninfo(conninfo)

        def make_session() -> Session:
            from adi_analytics._sessions import ThreadSession

            return ThreadSession(resolved, queue.settings)

        return cls(queue, make_session)

    def start(self) -> bool:
        """Start the thread; ``False`` if the queue has a worker already."""
        if not self._queue.enabled:
            return True
        started = self._runner.start()
        self._running = self._running or started
        return started

    def stop(self, timeout: float) -> FlushResult:
        """Deliver what there is, at most *timeout* seconds, and end; what is left stays pending, or goes to the spool."""
        watch = Watch(self._queue)
        deadline = time.monotonic() + timeout
        if self._running:
            self._running = False
            self._queue.request_stop(timeout)
            if not self._runner.join(timeout + _GRACE):
                # It hangs in a call to the server. It won't touch the queue again, whatever it wakes up to.
                self._queue.supersede(deadline + _GRACE)
        return watch.result()

    def close(self, timeout: float) -> FlushResult:
        """Stop for good: what can be neither delivered nor spooled is dropped."""
        watch = Watch(self._queue)
        self.stop(timeout)
        if self._queue.owner is None:
            lost = self._queue.abandon("shutdown")
            if lost:
                logger.error("%d events lost: the database took them not within %.1f s of closing", lost, timeout)
        return watch.result()

    def close_at_exit(self) -> None:
        """Deliver what there is before the process ends."""
        self._queue.start_now()
        if self._running or self._queue.stats().pending:
            self._queue.close()
            self.close(self._queue.settings.shutdown_timeout)

    def after_fork_in_child(self) -> None:
        """Begin empty; the parent delivers its events itself. The thread starts again with the first event."""
        self._queue.renew()
        self._runner.after_fork_in_child()
        if self._running:
            self._running = False
            self._queue.start_on_demand(self._start_in_child)

    def _start_in_child(self) -> None:
        _exit.register(self)  # again: multiprocessing forgets its finalizers in a child
        self.start()
