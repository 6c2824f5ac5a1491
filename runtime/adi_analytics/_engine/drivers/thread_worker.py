"""A worker in a thread, with its life: start, stop, the end of the process, and forks."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

from adi_analytics._engine.drivers.thread_runner import ThreadRunner
from adi_analytics._engine.pipeline import Closer
from adi_analytics._engine.process import at_exit, at_fork
from adi_analytics._engine.queue.waiting import Watch

if TYPE_CHECKING:
    from adi_analytics._engine.drivers.target import Target
    from adi_analytics._engine.pipeline import Pipeline
    from adi_analytics._engine.queue.stats import FlushResult

logger = logging.getLogger("adi_analytics.worker")

_START_PAUSE: Final = 1.0  # seconds before a thread that could not start is tried again
_GRACE: Final = 0.25  # seconds for a worker whose time is over to notice it


class ThreadWorker:
    """Delivers the events of one client from a daemon thread.

    Args:
        pipeline: The events.
        target: Where they go.
    """

    def __init__(self, pipeline: Pipeline, target: Target) -> None:
        self._pipeline = pipeline
        self._consumer = pipeline.consumer
        self._runner = ThreadRunner(pipeline, target)
        self._running = False
        self._refused = False
        pipeline.offer_closer(self.closer)
        at_fork.register(self)

    def start(self) -> bool:
        """Start the thread, at the first event if tracking is off; ``False`` if the queue has a worker already."""
        if not self._pipeline.queue.enabled:
            self.start_at_event()
            return True
        return self._start()

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._runner.alive

    @property
    def closer(self) -> Closer:
        """What ends this worker for good."""
        return Closer(self.begin_close, self.close)

    def _start(self) -> bool:
        """Start the thread, or have that tried again at an event; ``False`` if the queue has a worker already."""
        try:
            started = self._runner.start()
        except RuntimeError as error:  # the limit of threads is reached, or the interpreter ends
            self._refused = True
            self._pipeline.queue.start_on_demand(self._start_now, _START_PAUSE)
            if self._pipeline.unfinished.may_log("thread"):
                logger.warning("the worker's thread can't start now (%s); events wait in memory until it can", error)
            return True
        self._refused = False
        self._running = self._running or started
        return started

    def stop(self, timeout: float) -> FlushResult:
        """Deliver what there is and end, at the latest after *timeout* seconds; the rest is spooled or pending."""
        watch, deadline = Watch(self._consumer), time.monotonic() + timeout
        self._pipeline.queue.start_never()
        if self._refused and self._pipeline.pending:
            self._runner.run_here(deadline)
        self._end(deadline)
        return watch.result()

    def begin_close(self, timeout: float) -> None:
        """Ask for what `close` does, without waiting."""
        if not self._runner.alive and self._pipeline.pending:
            self._start_late()
        self._consumer.request_stop(timeout)

    def close(self, timeout: float) -> FlushResult:
        """Stop for good: what can be neither delivered nor spooled is dropped."""
        watch, deadline = Watch(self._consumer), time.monotonic() + timeout
        # A signal may have interrupted a worker of this thread, which won't go on. Or `before_send` calls us in one.
        if not self._runner.alive and self._consumer.is_here and not self._consumer.supersede(0.0):
            return watch.result()
        if not self._runner.alive and self._pipeline.pending and not self._start_late():
            self._runner.run_here(deadline)
        if self._end(deadline):
            self._pipeline.drop_rest(f"not delivered within {max(timeout, 0.0):.1f} s")
        elif not self._consumer.is_here:
            logger.error("the worker does not end: it hangs in before_send; its events are neither delivered nor lost")
        return watch.result()

    def _end(self, deadline: float) -> bool:
        """Wait for the worker's end, and supersede it after *deadline*; ``False`` if neither is possible."""
        if self._runner.alive:  # also when another thread, or this one before a signal, already waits for the end
            self._consumer.request_stop(max(deadline - time.monotonic(), 0.0))
            if self._consumer.is_here:
                return False
            if not self._runner.join(deadline + _GRACE - time.monotonic()):
                if not self._consumer.supersede(deadline + 2 * _GRACE):
                    return False
                # It hangs in a call to the server, and won't touch the queue again when that returns.
                self._runner.save_here()
        self._running = False
        return True

    def _start_late(self) -> bool:
        """Start the thread for what is left; ``False`` if no thread starts any more."""
        try:
            self._runner.start()
        except RuntimeError as error:
            logger.info("no thread can start any more (%s); the calling one delivers what is left", error)
            return False
        return True

    def after_fork_in_child(self) -> None:
        """Forget the parent's thread; ours starts with the first event."""
        self._runner.after_fork_in_child()
        if self._running:
            self._running = False
            self.start_at_event()
        if at_fork.is_late() and self._pipeline.pending:
            self._pipeline.queue.start_now()

    def start_at_event(self) -> None:
        """Start the thread at the next event."""
        self._pipeline.queue.start_on_demand(self._start_now)

    def _start_now(self) -> None:
        at_exit.hook_other_registries()
        self._start()
