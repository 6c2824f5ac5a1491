"""The consumer's end: which worker owns the queue, who may stop or replace it, and who waits for it.

A queue has one consumer at a time. While it waits for the outside world, for example for a server that hangs, it may be
superseded; `Consumer.enter` then keeps it from coming back, so no event is accounted for twice.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from adi_analytics._engine.queue.books import Books
    from adi_analytics._engine.queue.queue import EventQueue

_ALL: Final = 2**62
_POLL: Final = 0.001  # seconds between two looks at whether the consumer can be superseded


class SupersededError(Exception):
    """Raised in a consumer that was superseded: another one has its events."""


@dataclass(slots=True, eq=False)
class Waiter:
    """Somebody who waits until the events before *position* are settled.

    Attributes:
        position: The number of events that left or must leave the queue.
        notify: Called once, from the worker.
    """

    position: int
    notify: Callable[[], object]


class Consumer:
    """The place of the one consumer, which a worker takes and gives back.

    Args:
        queue: Where the events come from.
        books: Where the consumer accounts for them.

    Attributes:
        stop_at: When the consumer must have ended, on the monotonic clock; ``None`` if it need not end.
        low_water: Every event before this position is settled.
        retired: Whether nobody can track any more, so the consumer ends when nothing is left.
    """

    def __init__(self, queue: EventQueue, books: Books) -> None:
        self.queue = queue
        self.books = books
        self.retired = False
        self.renew()

    def renew(self) -> None:
        """Begin without an owner: at the start, and in a forked child, where the parent's worker doesn't run."""
        self.stop_at: float | None = None
        self.low_water = 0
        self._waiters: deque[Waiter] = deque()
        self._owner: object = None
        self._outside = False
        self._when_outside: Callable[[], None] | None = None
        self._lock = threading.RLock()  # a signal handler may interrupt the holder and end the same client

    # ---- ownership -------------------------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether the queue has a consumer."""
        return self._owner is not None

    @property
    def is_here(self) -> bool:
        """Whether the calling thread is the consumer's: if it waited for the consumer, it would wait forever."""
        return self.running and self.queue.in_consumer

    def acquire(self, owner: object, wake: Callable[[], None], *, here: bool = True) -> bool:
        """Make *owner* the consumer, in the calling thread if it is *here*; ``False`` if there is one."""
        with self._lock:
            if self._owner is not None:
                return False
            self._owner = owner
            self.stop_at = None  # a stop that was asked of the one before, at the moment when it ended
            self.queue.attach(wake)
            if here:
                self.queue.attach_thread()
            self._outside = False
            return True

    def release(self, owner: object) -> None:
        """End the consumer's time; those who wait learn what was done."""
        with self._lock:
            if self._owner is not owner:
                return
            self._disown()
        self._notify_all()
        self._call_back()

    def leave(self) -> None:
        """The consumer goes to wait for the outside world; until `enter` it may be superseded."""
        self._outside = True
        if self._when_outside is not None:
            self._call_back()

    def when_outside(self, callback: Callable[[], None]) -> None:
        """Call *callback* in the consumer's thread as soon as the consumer may be superseded."""
        self._when_outside = callback

    def _call_back(self) -> None:
        callback, self._when_outside = self._when_outside, None
        if callback is not None:
            callback()

    @property
    def interrupted(self) -> bool:
        """Whether the calling code interrupts the consumer at its work, which can't go on until that code returns."""
        return self.is_here and not self._outside

    def enter(self, owner: object) -> None:
        """The consumer is back.

        Raises:
            SupersededError: If it was superseded meanwhile; it must not touch the queue again.
        """
        with self._lock:
            if self._owner is not owner:
                raise SupersededError
            self._outside = False

    def supersede(self, deadline: float) -> bool:
        """Take its place from a consumer that waits for the outside world.

        Returns ``False`` if it did not begin to wait before *deadline*.
        """
        while True:
            # With a timeout, because a signal handler may have interrupted the holder.
            if self._lock.acquire(timeout=_POLL):
                try:
                    if self._owner is None or self._outside:
                        self._disown()
                        return True
                finally:
                    self._lock.release()
            if time.monotonic() >= deadline:
                return False
            time.sleep(_POLL)

    def _disown(self) -> None:
        self.queue.wake()  # a superseded consumer finds out, and ends
        self._owner = None
        self.queue.detach()
        self.stop_at = None
        self.books.set_connected(connected=False)

    # ---- stopping and waiting --------------------------------------------------------------------------------------

    def request_stop(self, timeout: float) -> None:
        """Ask the consumer to deliver what there is and to end, at the latest *timeout* seconds from now.

        If several ask, the longest time counts.
        """
        if self._owner is not None:
            self.stop_at = max(self.stop_at or 0.0, time.monotonic() + timeout)
            self.queue.wake()

    def retire(self) -> None:
        """Ask the consumer to end when everything is delivered, however long that takes."""
        self.retired = True
        self.queue.wake()

    @property
    def ending(self) -> bool:
        """Whether the consumer is to end when nothing is left."""
        return self.retired or self.stop_at is not None

    @property
    def hurried(self) -> bool:
        """Whether a flush or a stop waits for the consumer."""
        return bool(self._waiters) or self.stop_at is not None

    def wait_for(self, waiter: Waiter) -> None:
        """Register *waiter* and hurry the consumer."""
        self._waiters.append(waiter)
        self.queue.wake()

    def forget(self, waiter: Waiter) -> None:
        """Remove *waiter*, who may be gone already."""
        with contextlib.suppress(ValueError):
            self._waiters.remove(waiter)

    def reach(self) -> None:
        """Find out how far the events are settled, and notify those who wait for that."""
        ledger = self.books.ledger
        if not ledger.inflight:  # else the events evicted are younger than the batch
            self.low_water = ledger.finished + self.queue.evicted
        for waiter in list(self._waiters):
            if waiter.position <= self.low_water:
                self.forget(waiter)
                waiter.notify()

    def _notify_all(self) -> None:
        for waiter in list(self._waiters):
            self.forget(waiter)
            waiter.notify()

    def abandon(self, reason: str) -> int:
        """Drop every event in memory, and return how many; only the consumer may."""
        self.books.take(_ALL)
        lost = self.books.open
        if lost:
            self.books.settle("dropped", lost, reason)
        self.books.finish()
        self.reach()
        return lost
