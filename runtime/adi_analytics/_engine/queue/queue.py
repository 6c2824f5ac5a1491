"""Where the client and the worker meet: a bounded queue, the books, and who may wake or stop whom.

Producers (any thread, signal handler or ``__del__``) take no lock. Only the one consumer changes the books. It may be
given up while it waits for the outside world, for example for a server that hangs; `EventQueue.enter` then keeps it
from coming back, so no event is accounted for twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from adi_analytics._engine.process import at_exit, at_fork
from adi_analytics._engine.queue.ledger import NEVER, Counter, Evictor, Item, Ledger, Outcome
from adi_analytics._engine.queue.stats import Snapshot, result_between, stats_from

if TYPE_CHECKING:
    from collections.abc import Callable

    from adi_analytics._engine.delivery.batch import Batch
    from adi_analytics._engine.delivery.spooled import SpooledWork
    from adi_analytics._engine.queue.results import FlushResult, Stats
    from adi_analytics._engine.spool.spool import Spool
    from adi_analytics._shared.options import Settings

logger = logging.getLogger("adi_analytics.client")

_ALL: Final = 2**62
_BLOCK_POLL: Final = 0.001  # seconds; a producer may not wait on a lock that a signal handler could need


class SupersededError(Exception):
    """Raised in a consumer that was given up: another one has its events."""


@dataclass(slots=True, eq=False)
class Waiter:
    """Somebody who waits until the events before *position* are settled.

    Attributes:
        position: The number of events that left or must leave the queue.
        notify: Called once, from the worker.
    """

    position: int
    notify: Callable[[], object]


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """What ties a worker to its client; made by `AnalyticsClient.create`.

    Attributes:
        queue: The client's events.
    """

    queue: EventQueue

    @property
    def settings(self) -> Settings:
        """The options of both."""
        return self.queue.settings


class EventQueue:
    """The queue, its bound and its books; one per client, renewed in a forked child."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.enabled = settings.enabled
        self.closed = False
        self.starter: Callable[[], None] | None = None  # starts a worker at the next event; set in a forked child
        self.closer: Callable[[float], FlushResult] | None = None  # ends the worker for good; set by it
        self.renew()
        at_fork.register(self)
        at_exit.register(self)

    def renew(self) -> None:
        """Begin empty: at the start, and in a forked child, whose parent keeps the events."""
        self.items: deque[Item] = deque()
        self.ledger = Ledger()
        self.facts: dict[str, Any] = {"connected": False, "last_error": ""}
        self.low_water = 0  # every event before this position is settled
        # What is being delivered; kept here so that the next worker goes on where a stopped one ended.
        self.batch: Batch | None = None
        self.disk_work: SpooledWork | None = None
        self.spool: Spool | None = None
        self.stop_at: float | None = None
        self.waiters: deque[Waiter] = deque()
        self.owner: object = None
        self.owner_thread = 0
        self.wake: Callable[[], None] = _nobody
        self._rejected = {reason: Counter() for reason in ("queue_full", "closed", "sampled", "internal_error")}
        self._evictor = Evictor(self.items)
        self._lock = threading.RLock()  # a signal handler may interrupt the holder and end the same client
        self._outside = False
        self._parked = False
        self._threshold = 0
        self.attention = 0
        self._set_attention()

    # ---- producers -------------------------------------------------------------------------------------------------

    def put(self, item: Item) -> None:
        """Queue *item* on the careful path: the queue is full, the worker parked, or the client not plainly open."""
        if self.closed:
            self.reject("closed")
            return
        if len(self.items) >= self.settings.max_queue and not self._make_room():
            self.reject("queue_full")
            return
        self.items.append(item)
        if self.starter is not None:
            self.start_now()
        elif self._parked and len(self.items) >= self._threshold:
            self._parked = False  # before waking: the next producer need not wake again
            self._set_attention()
            self.wake()

    def reject(self, reason: str) -> None:
        """Count an event that doesn't enter the queue."""
        self._rejected[reason].add()

    def start_now(self) -> None:
        """Start the worker that waits for the first event, if one does."""
        # Taken before it is called: an event tracked while the worker starts must not start a second one.
        starter, self.starter = self.starter, None
        self._set_attention()
        if starter is not None:
            starter()

    def _make_room(self) -> bool:
        match self.settings.when_full:
            case "drop_oldest":
                with contextlib.suppress(IndexError):  # the worker emptied the queue meanwhile
                    self._evictor.evict()
                return True
            case "block":
                return self._wait_for_room()
            case _:
                return False

    def _wait_for_room(self) -> bool:
        if threading.get_ident() == self.owner_thread or asyncio._get_running_loop() is not None:  # noqa: SLF001 - the documented get_running_loop() raises, which costs more than the event
            return False
        deadline = time.monotonic() + self.settings.block_timeout
        self.wake()
        while len(self.items) >= self.settings.max_queue:
            if time.monotonic() >= deadline:
                return False
            time.sleep(_BLOCK_POLL)
        return True

    def _set_attention(self) -> None:
        """Set the queue length from which `track` takes the careful path: 0 sends every event there."""
        while True:
            state = (self.closed, self.enabled, self.starter, self._parked, self._threshold)
            special = self.closed or not self.enabled or self.settings.strict or self.starter is not None
            limit = min(self._threshold - 1, self.settings.max_queue) if self._parked else self.settings.max_queue
            self.attention = 0 if special or self.settings.sample_rates else limit
            # Several threads come here. Whoever stored what another's change made wrong, sees it now and mends it.
            if state == (self.closed, self.enabled, self.starter, self._parked, self._threshold):
                return

    # ---- switches --------------------------------------------------------------------------------------------------

    def set_enabled(self, *, enabled: bool) -> None:
        """Turn tracking on or off."""
        self.enabled = enabled
        self._set_attention()

    def close(self) -> None:
        """Refuse events from now on."""
        self.closed = True
        self._set_attention()

    def end(self, timeout: float) -> FlushResult:
        """Refuse events from now on, deliver those there are, and drop what can't be delivered in time."""
        self.start_now()
        self.close()
        if self.closer is not None:
            return self.closer(timeout)
        before = self.stats()
        self.drop_rest("no worker was started")
        return result_between(before, self.stats(), 0)

    def drop_rest(self, why: str) -> None:
        """Drop what is left in memory, and leave what is on disk to others; not if there is a consumer."""
        owner = object()
        if not self.acquire(owner, _nobody):
            return  # another thread ends the same client
        try:
            lost = self.abandon("shutdown")
            if lost:
                logger.error("%d events lost at the end: %s", lost, why)
            if self.spool is not None:
                self.spool.close()
                self.spool = None
            self.disk_work = None
        finally:
            self.release(owner)

    def close_at_exit(self) -> None:
        """Do what `end` does before the process ends."""
        if self.owner is not None or self.stats().pending:
            self.end(self.settings.shutdown_timeout)

    def after_fork_in_child(self) -> None:
        """Begin empty; the parent delivers its events itself."""
        spool = self.spool
        self.renew()
        if spool is not None:
            spool.after_fork_in_child()

    def start_on_demand(self, starter: Callable[[], None]) -> None:
        """Call *starter* at the next event."""
        self.starter = starter
        self._set_attention()

    def request_stop(self, timeout: float) -> None:
        """Ask the consumer to deliver what there is and to end, at the latest *timeout* seconds from now.

        Of two who ask, the more patient one is heard.
        """
        if self.owner is not None:
            self.stop_at = max(self.stop_at or 0.0, time.monotonic() + timeout)
            self.wake()

    @property
    def hurried(self) -> bool:
        """Whether somebody waits for the consumer: a flush, or a stop."""
        return bool(self.waiters) or self.stop_at is not None

    # ---- the consumer ----------------------------------------------------------------------------------------------

    def acquire(self, owner: object, wake: Callable[[], None]) -> bool:
        """Make *owner* the consumer; ``False`` if there is one."""
        with self._lock:
            if self.owner is not None:
                return False
            self.owner = owner
            self.owner_thread = threading.get_ident()
            self.wake = wake
            self._outside = False
            return True

    def release(self, owner: object) -> None:
        """End the consumer's time; those who wait learn what was done."""
        with self._lock:
            if self.owner is not owner:
                return
            self._disown()
        self._notify_all()

    def leave(self) -> None:
        """The consumer goes to wait for the outside world; until `enter` it may be superseded."""
        self._outside = True

    def enter(self, owner: object) -> None:
        """The consumer is back.

        Raises:
            SupersededError: If it was given up meanwhile; it must not touch the queue again.
        """
        with self._lock:
            if self.owner is not owner:
                raise SupersededError
            self._outside = False

    def supersede(self, deadline: float) -> bool:
        """Give up a consumer that waits for the outside world; ``False`` if it did not leave before *deadline*."""
        while True:
            # With a timeout, because a signal handler may have interrupted the holder.
            if self._lock.acquire(timeout=_BLOCK_POLL):
                try:
                    if self.owner is None or self._outside:
                        self._disown()
                        return True
                finally:
                    self._lock.release()
            if time.monotonic() >= deadline:
                return False
            time.sleep(_BLOCK_POLL)

    def _disown(self) -> None:
        self.wake()  # one that was given up, so that it finds out and ends
        self.owner, self.owner_thread = None, 0
        self.wake = _nobody
        self.stop_at = None
        self.facts["connected"] = False
        self._parked = False
        self._set_attention()

    def take(self, limit: int) -> list[Item]:
        """Move up to *limit* items into the books' batch and return it."""
        inflight = self.ledger.inflight
        number = min(limit - len(inflight), len(self.items))
        with contextlib.suppress(IndexError):  # a producer made room meanwhile; what was moved stays moved
            # One C call: no item is ever outside of both the queue and the books.
            inflight.extend(itertools.islice(iter(self.items.popleft, NEVER), number))
        return inflight

    def settle(self, outcome: Outcome, number: int, reason: str = "") -> None:
        """Account for *number* items of the batch."""
        self.ledger = self.ledger.settle(outcome, number, reason)

    def move(self, outcome: Outcome, number: int, reason: str = "") -> None:
        """Account for *number* spooled events."""
        self.ledger = self.ledger.move(outcome, number, reason)

    def finish(self) -> None:
        """Close the batch, all of whose items are settled."""
        self.ledger = self.ledger.finish()
        self.batch = None

    def reach(self) -> None:
        """Tell those who wait how far the events are settled."""
        if not self.ledger.inflight:  # else the events evicted are younger than the batch
            self.low_water = self.ledger.finished + self._evictor.value
        self.notify()

    def abandon(self, reason: str) -> int:
        """Drop everything in memory; only for who superseded the consumer, or found none."""
        self.take(_ALL)
        lost = len(self.ledger.inflight) - self.ledger.settled
        if lost:
            self.settle("dropped", lost, reason)
        self.finish()
        self.reach()
        return lost

    def add_fact(self, name: str, number: int = 1) -> None:
        """Add to a number that only the consumer changes."""
        self.facts[name] = self.facts.get(name, 0) + number

    def park(self, threshold: int) -> bool:
        """Announce that the consumer will wait for *threshold* events; ``False`` when they are there."""
        self._threshold = threshold
        self._parked = True
        self._set_attention()
        # Checked after the announcement: an event appended before it was not told to wake anybody.
        return len(self.items) < threshold

    def unpark(self) -> None:
        """The consumer is at work: nobody need wake it."""
        self._parked = False
        self._set_attention()

    # ---- those who wait --------------------------------------------------------------------------------------------

    def notify(self) -> None:
        """Tell those whose events are settled."""
        for waiter in list(self.waiters):
            if waiter.position <= self.low_water:
                self.forget(waiter)
                waiter.notify()

    def _notify_all(self) -> None:
        for waiter in list(self.waiters):
            self.forget(waiter)
            waiter.notify()

    def wait_for(self, waiter: Waiter) -> None:
        """Register *waiter* and hurry the consumer."""
        self.waiters.append(waiter)
        self.wake()

    def forget(self, waiter: Waiter) -> None:
        """Remove *waiter*, who may be gone already."""
        with contextlib.suppress(ValueError):
            self.waiters.remove(waiter)

    # ---- readers ---------------------------------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """Return the books at one moment, from any thread or signal handler."""
        while True:
            ledger, rejected, evicted = self.ledger, self._rejections(), self._evictor.value
            # sum(map(len)) is one C call, so an item on its way from the queue to the batch counts exactly once.
            waiting = sum(map(len, (self.items, ledger.inflight)))
            if self.ledger is ledger and self._evictor.value == evicted:
                return Snapshot(ledger, waiting, rejected, evicted)

    def _rejections(self) -> dict[str, int]:
        return {reason: counter.value for reason, counter in self._rejected.items() if counter.value}

    def stats(self) -> Stats:
        """Return the books in the public form."""
        return stats_from(self.snapshot(), self.facts)


def _nobody() -> None:
    """Wake nobody: no worker runs."""
