"""Waiting for delivery, in a thread and in asyncio, with a truthful answer."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING

from adi_analytics._engine.queue.queue import Waiter
from adi_analytics._engine.queue.stats import result_between, stats_from

if TYPE_CHECKING:
    from adi_analytics._engine.queue.queue import EventQueue
    from adi_analytics._engine.queue.results import FlushResult, Stats


class Watch:
    """Remembers the books at the start of a flush, to tell at its end what happened.

    Args:
        queue: The events.
    """

    def __init__(self, queue: EventQueue) -> None:
        snapshot = queue.snapshot()
        self._queue = queue
        self._before: Stats = stats_from(snapshot, queue.facts)
        self.position = snapshot.entered

    @property
    def idle(self) -> bool:
        """Whether there is nothing to wait for."""
        return self._before.pending == 0

    def result(self) -> FlushResult:
        """Return what happened since the start."""
        low_water = self._queue.low_water
        snapshot = self._queue.snapshot()
        after = stats_from(snapshot, self._queue.facts)
        # Evicted events may be younger than the batch in flight, so they alone can't tell that nothing is pending.
        in_flight = len(snapshot.ledger.inflight) - snapshot.ledger.settled
        settled = snapshot.ledger.finished + snapshot.ledger.settled + snapshot.evicted
        pending = min(max(self.position - settled, in_flight), after.pending, max(self.position - low_water, 0))
        return result_between(self._before, after, pending)


def flush(queue: EventQueue, timeout: float) -> FlushResult:
    """Wait until the events tracked so far are settled, at most *timeout* seconds."""
    watch = Watch(queue)
    queue.start_now()
    # In the worker's own thread nobody would be left to do the work.
    if not watch.idle and queue.owner is not None and queue.owner_thread != threading.get_ident():
        done = threading.Lock()
        done.acquire()
        waiter = Waiter(watch.position, done.release)
        try:
            queue.wait_for(waiter)
            if queue.owner is not None:  # else the worker ended meanwhile, and told those who waited then
                done.acquire(timeout=timeout)
        finally:
            queue.forget(waiter)
    return watch.result()


async def aflush(queue: EventQueue, timeout: float) -> FlushResult:  # noqa: ASYNC109 - the deadline is part of the answer
    """Wait as `flush` does, letting the event loop run."""
    watch = Watch(queue)
    queue.start_now()
    if queue.owner is None:
        await asyncio.sleep(0)  # a task that runs a worker may be about to begin
    if not watch.idle and queue.owner is not None:
        loop, done = asyncio.get_running_loop(), asyncio.Event()
        waiter = Waiter(watch.position, lambda: loop.call_soon_threadsafe(done.set))
        try:
            queue.wait_for(waiter)
            if queue.owner is None:
                timeout = 0.0
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await done.wait()
        finally:
            queue.forget(waiter)
    return watch.result()
