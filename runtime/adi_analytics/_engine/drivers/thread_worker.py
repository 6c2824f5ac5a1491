"""A worker in a thread, with its life: start, stop, the end of the process, and forks."""

from __future__ import annotations

import contextlib
import logging
import time
from importlib import import_module
from typing import TYPE_CHECKING, Final

from adi_analytics._engine.drivers.thread_runner import ThreadRunner
from adi_analytics._engine.process import at_exit, at_fork
from adi_analytics._engine.queue.waiting import Watch
from adi_analytics._shared.conninfo import resolve_conninfo
from adi_analytics._shared.libpq import require_libpq

if TYPE_CHECKING:
    from collections.abc import Callable

    from adi_analytics._engine.drivers.connection import Session
    from adi_analytics._engine.pipeline import Pipeline
    from adi_analytics._engine.queue.stats import FlushResult

logger = logging.getLogger("adi_analytics.worker")

_GRACE: Final = 0.25  # seconds for a worker whose time is over to notice it


class ThreadWorker:
    """Delivers the events of one client from a daemon thread.

    Args:
        pipeline: The events.
        make_session: Makes what talks to the database.
    """

    def __init__(self, pipeline: Pipeline, make_session: Callable[[], Session]) -> None:
        self._pipeline = pipeline
        self._consumer = pipeline.consumer
        self._runner = ThreadRunner(pipeline, make_session)
        self._running = False
        pipeline.offer_closer(self.close)
        at_fork.register(self)

    @classmethod
    def for_database(cls, pipeline: Pipeline, conninfo: str | None) -> ThreadWorker:
        """Return a worker for the database of *conninfo*, or of the environment."""
        # Not in the thread: a fork in the middle of its imports would leave the child half a module.
        require_libpq()
        from adi_analytics._engine.drivers.connection import parameters
        from adi_analytics._engine.drivers.thread_session import ThreadSession

        import_module("adi_analytics._engine.delivery.loop")
        connect_with = parameters(resolve_conninfo(conninfo), pipeline.settings)
        return cls(pipeline, lambda: ThreadSession(connect_with, pipeline.settings.statement_timeout))

    def start(self) -> bool:
        """Start the thread, at the first event if tracking is off; ``False`` if the queue has a worker already."""
        if not self._pipeline.queue.enabled:
            self.start_at_event()
            return True
        started = self._runner.start()
        self._running = self._running or started
        return started

    def stop(self, timeout: float) -> FlushResult:
        """Deliver what there is and end, at the latest after *timeout* seconds; the rest is spooled or pending."""
        watch = Watch(self._consumer)
        self._end(timeout)
        return watch.result()

    def close(self, timeout: float) -> FlushResult:
        """Stop for good: what can be neither delivered nor spooled is dropped."""
        watch = Watch(self._consumer)
        if not self._runner.alive and self._pipeline.stats().pending:
            self._start_late()
        if self._end(timeout):
            self._pipeline.drop_rest(f"not delivered within {timeout:.1f} s")
        elif not self._consumer.is_here:
            logger.error("the worker does not end: it hangs in before_send; its events are neither delivered nor lost")
        return watch.result()

    def _end(self, timeout: float) -> bool:
        """Wait for the worker's end, and supersede it after *timeout* seconds; ``False`` if neither is possible."""
        deadline = time.monotonic() + timeout
        if self._runner.alive:  # also when another thread, or this one before a signal, already waits for the end
            self._consumer.request_stop(timeout)
            if self._consumer.is_here:
                return False
            if not self._runner.join(timeout + _GRACE):
                if not self._consumer.supersede(deadline + 2 * _GRACE):
                    return False
                # It hangs in a call to the server, and won't touch the queue again when that returns.
                self._runner.save_here()
        self._running = False
        return True

    def _start_late(self) -> None:
        with contextlib.suppress(RuntimeError):  # at the interpreter's end no thread starts any more
            self.start()

    def after_fork_in_child(self) -> None:
        """Forget the parent's thread; ours starts with the first event."""
        self._runner.after_fork_in_child()
        if self._running:
            self._running = False
            self.start_at_event()

    def start_at_event(self) -> None:
        """Start the thread at the next event."""
        self._pipeline.queue.start_on_demand(self._start_now)

    def _start_now(self) -> None:
        at_exit.hook_other_registries()
        self.start()
