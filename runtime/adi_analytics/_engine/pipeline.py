"""What a client and its worker share, and how it ends: at a close, at the end of the process, in a forked child."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from adi_analytics._engine.delivery.unfinished import Unfinished
from adi_analytics._engine.process import at_exit, at_fork
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


@dataclass(frozen=True, slots=True)
class Closer:
    """Ends a client's worker for good.

    Attributes:
        begin: Asks it to end within so many seconds, and does not wait.
        close: Waits for its end, so many seconds at most; less than none if others used up the time.
    """

    begin: Callable[[float], None]
    close: Callable[[float], FlushResult]


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
        self._closer: Closer | None = None

    def flushing(self) -> waiting.Flushing:
        """Return a flush that has not begun."""
        return waiting.Flushing(self.consumer)

    def stats(self) -> Stats:
        """Return the books in the public form."""
        return self.books.stats()

    # ---- ending ----------------------------------------------------------------------------------------------------

    def offer_closer(self, closer: Closer) -> None:
        """Let *closer* end the worker for good, unless there is another."""
        self._closer = self._closer or closer

    def set_closer(self, closer: Closer) -> None:
        """Let *closer* end the worker for good: of several workers, it is the one that runs."""
        self._closer = closer

    def begin_end(self, timeout: float) -> None:
        """Begin to do what `end` does, without waiting, so that several clients can end at the same time."""
        self.queue.start_never()  # the closer starts a worker, if one is needed
        self.queue.close()
        if self._closer is not None:
            self._closer.begin(timeout)

    def end(self, timeout: float) -> FlushResult:
        """Refuse events from now on, deliver those there are, and drop what can't be delivered in time."""
        self.queue.start_never()
        self.queue.close()
        if self._closer is not None:
            return self._closer.close(timeout)
        before = self.stats()
        self.drop_rest("no worker was started")
        return result_between(before, self.stats(), 0)

    @property
    def shutdown_timeout(self) -> float:
        """How long the end of the process may wait for this client, in seconds."""
        return self.settings.shutdown_timeout

    @property
    def pending(self) -> int:
        """The number of events in memory."""
        return self.stats().pending

    @property
    def refused(self) -> int:
        """The number of events that came after the end."""
        return self.stats().dropped_by_reason.get("closed", 0)

    @property
    def alive(self) -> bool:
        """Whether there is anything to end."""
        return self.consumer.running or self.pending > 0

    @property
    def interrupted(self) -> bool:
        """Whether the calling code, a signal handler, interrupts the worker at its work."""
        return self.consumer.interrupted

    def when_outside(self, callback: Callable[[], None]) -> None:
        """Call *callback* as soon as the worker that it would interrupt has a moment."""
        self.consumer.when_outside(callback)

    def retire(self) -> None:
        """Let the worker end when everything is delivered: the client is gone, and nobody can track any more.

        May be called at any moment, such as in a destructor.
        """
        self.queue.close()
        self.queue.start_never()
        self.consumer.retire()
        if not self.consumer.running:
            self._hold()

    def leave(self, owner: object) -> None:
        """The worker that acquired the consumer's place as *owner* has ended."""
        self.consumer.release(owner)
        if self.consumer.retired and not self._hold():
            self.drop_rest("")  # nothing is left but perhaps an open spool

    def _hold(self) -> bool:
        """Keep the events of a client that is gone for the end of the process; returns whether there are any."""
        if self.pending and self._closer is not None:  # without one, a worker may still be made
            at_exit.hold(self)
        return self.pending > 0

    def __del__(self) -> None:
        """Say what is lost when neither a client nor a worker can come any more."""
        if self.queue.items:
            logger.error("%d events lost: their client was dropped before a worker was made", len(self.queue.items))

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
        """Begin empty; the parent delivers its events itself.

        Late, events of the child are there too. It sends all, because a second delivery of the parent's does no harm.
        """
        if at_fork.is_late() and self.consumer.running:
            logger.warning(
                "this process was forked without Python's hooks, and its first events waited for the worker of its"
                " parent. Under uWSGI, set lazy-apps = true"
            )
        self.queue.renew(list(self.queue.items) if at_fork.is_late() else ())
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
