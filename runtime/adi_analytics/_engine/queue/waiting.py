"""Waiting for delivery, in a thread and in asyncio, with a truthful answer."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING

from adi_analytics._engine.queue.consumer import Waiter
from adi_analytics._engine.queue.stats import result_between, stats_from

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from adi_analytics._engine.queue.consumer import Consumer
    from adi_analytics._engine.queue.stats import FlushResult, Stats


class Watch:
    """Remembers the books at the start of a flush, to say at its end what happened.

    Args:
        consumer: Delivers the events and accounts for them.
    """

    def __init__(self, consumer: Consumer) -> None:
        books = consumer.books
        snapshot = books.snapshot()
        self._consumer = consumer
        self._books = books
        self._before: Stats = stats_from(snapshot, books.facts)
        self.position = snapshot.entered

    @property
    def idle(self) -> bool:
        """Whether there is nothing to wait for."""
        return self._before.pending == 0

    def result(self) -> FlushResult:
        """Return what happened since the start."""
        low_water = self._consumer.low_water
        snapshot = self._books.snapshot()
        after = stats_from(snapshot, self._books.facts)
        # Evicted events may be younger than the batch in flight, so they alone don't show that nothing is pending.
        in_flight = len(snapshot.ledger.inflight) - snapshot.ledger.settled
        settled = snapshot.ledger.finished + snapshot.ledger.settled + snapshot.evicted
        pending = min(max(self.position - settled, in_flight), after.pending, max(self.position - low_water, 0))
        return result_between(self._before, after, pending)


class Flushing:
    """A flush: the worker hurries in the ``with`` block, in which `wait` says what became of the events so far.

    Args:
        consumer: Delivers the events.
    """

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer
        self._watch = Watch(consumer)
        self._done = threading.Lock()
        self._done.acquire()
        self._waiter = Waiter(self._watch.position, self._done.release)
        self._waits = False

    def __enter__(self) -> Self:
        consumer = self._consumer
        if not self._watch.idle:
            consumer.queue.start_now()
            # The worker's own thread would wait for itself.
            self._waits = consumer.running and not consumer.is_here
        if self._waits:
            consumer.wait_for(self._waiter)
        return self

    def wait(self, timeout: float) -> FlushResult:
        """Wait until the events are settled, at most *timeout* seconds."""
        if self._waits and self._consumer.running:  # else the worker ended, and notified those who waited then
            self._done.acquire(timeout=max(timeout, 0.0))
        return self._watch.result()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.forget(self._waiter)


def flush(consumer: Consumer, timeout: float) -> FlushResult:
    """Wait until the events tracked so far are settled, at most *timeout* seconds."""
    with Flushing(consumer) as flushing:
        return flushing.wait(timeout)


async def aflush(consumer: Consumer, timeout: float) -> FlushResult:  # noqa: ASYNC109 - the deadline is part of the answer
    """Wait as `flush` does, letting the event loop run."""
    watch = Watch(consumer)
    if not watch.idle:
        consumer.queue.start_now()
    if not consumer.running:
        await asyncio.sleep(0)  # a task that runs a worker may be about to begin
    if not watch.idle and consumer.running:
        loop, done = asyncio.get_running_loop(), asyncio.Event()
        waiter = Waiter(watch.position, lambda: loop.call_soon_threadsafe(done.set))
        try:
            consumer.wait_for(waiter)
            if not consumer.running:
                timeout = 0.0
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await done.wait()
        finally:
            consumer.forget(waiter)
    return watch.result()
