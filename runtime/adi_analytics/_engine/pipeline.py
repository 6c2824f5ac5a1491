"""What a client and its worker share, and how it ends: at a close, at the end of the process, in a forked child."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from adi_analytics._engine.delivery.unfinished import Unfinished
from adi_analytics._engine.queue import waiting
from adi_analytics._engine.queue.books import Books
from adi_analytics._engine.queue.consumer import Consumer
from adi_analytics._engine.queue.queue import EventQueue
from adi_analytics._engine.queue.stats import result_between

if TYPE_CHECKING:
    from collections.abc import Callable

    from adi_analytics._engine.queue.stats import FlushResult, Stats
    from adi_analytics._shared.options import Settings

logger = logging.getLogger("adi_analytics.client")


class Pipeline:
    """The way of one client's events: the queue, its consumer with the books, and what a worker left unfinished.

    Each of them is written by its own methods only. A forked child begins all of them anew.

    Args:
        settings: The options of the client.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.queue = EventQueue(settings)
        self.books = Books(self.queue)
        self.consumer = Consumer(self.queue, self.books)
        self.unfinished = Unfinished(settings.log_interval)
        self._closer: Callable[[float], FlushResult] | None = None

    def flush(self, timeout: float) -> FlushResult:
        """Wait until the events tracked so far are settled, at most *timeout* seconds."""
        return waiting.flush(self.consumer, timeout)

    def stats(self) -> Stats:
        """Return the books in the public form."""
        return self.books.stats()

    # ---- ending ----------------------------------------------------------------------------------------------------

    def offer_closer(self, closer: Callable[[float], FlushResult]) -> None:
        """Let *closer* end the worker for good, unless there is another."""
        self._closer = self._closer or closer

    def set_closer(self, closer: Callable[[float], FlushResult]) -> None:
        """Let *closer* end the worker for good: of several workers, it is the one that runs."""
        self._closer = closer

    def end(self, timeout: float) -> FlushResult:
        """Refuse events from now on, deliver those there are, and drop what can't be delivered in time."""
        self.queue.start_now()
        self.queue.close()
        if self._closer is not None:
            return self._closer(timeout)
        before = self.stats()
        self.drop_rest("no worker was started")
        return result_between(before, self.stats(), 0)

    def close_at_exit(self) -> None:
        """Do what `end` does before the process ends."""
        if self.consumer.running or self.stats().pending:
            self.end(self.settings.shutdown_timeout)

    def drop_rest(self, why: str) -> None:
        """Drop what is left in memory, and leave what is on disk to others; not if there is a consumer."""
        owner = object()
        if not self.consumer.acquire(owner, _nothing):
            return  # another thread ends the same client
        try:
            lost = self.abandon("shutdown")
            if lost:
                logger.error("%d events lost at the end: %s", lost, why)
            self.unfinished.close()
        finally:
            self.consumer.release(owner)

    def abandon(self, reason: str) -> int:
        """Drop every event in memory, and return how many; only the consumer may, or whoever found none."""
        lost = self.consumer.abandon(reason)
        self.unfinished.end_batch()
        return lost

    def after_fork_in_child(self) -> None:
        """Begin empty; the parent delivers its events itself."""
        self.queue.renew()
        self.books.renew()
        self.consumer.renew()
        self.unfinished.after_fork_in_child()


def _nothing() -> None:
    """Do nothing: this consumer never waits."""


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """What ties a worker to its client; made by `AnalyticsClient.create`."""

    _pipeline: Pipeline = field(repr=False)

    @property
    def settings(self) -> Settings:
        """The options of both."""
        return self._pipeline.settings
