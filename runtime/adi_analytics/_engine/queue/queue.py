"""The producers' end: a bounded queue that takes events from any thread, and wakes the worker when it should.

Producers (any thread, signal handler or ``__del__``) take no lock.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Final

from adi_analytics._engine.queue.ledger import NEVER, Counter, Evictor, Item

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from adi_analytics._shared.options import Settings

_BLOCK_POLL: Final = 0.001  # seconds; a producer may not wait on a lock that a signal handler could need


class EventQueue:
    """The queue of one client, with its bound and its switches. A forked child renews it.

    Args:
        settings: The bound, what happens at it, and whether tracking is on.

    Attributes:
        items: The events that wait. `track` appends to it directly while it is shorter than ``attention``.
        attention: The length from which `track` must call `put`; 0 sends every event there.
        enabled: Whether `track` takes events at all.
        closed: Whether the client has ended; what comes later is counted and refused.
        too_deep: How many events were refused where the stack had no room for a call to `reject`; `track` adds to it.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.enabled = settings.enabled
        self.closed = False
        self._starter: Callable[[], None] | None = None
        self._start_at = 0.0
        self.renew()

    def renew(self, kept: Iterable[Item] = ()) -> None:
        """Begin with what is *kept*: at the start, and in a forked child, whose parent keeps the events."""
        self.items: deque[Item] = deque(kept)
        self._rejected = {reason: Counter() for reason in ("queue_full", "closed", "sampled", "internal_error")}
        self._evictor = Evictor(self.items)
        self._wake: Callable[[], None] = _no_consumer
        self._consumer_thread = 0
        self._parked = False
        self._threshold = 0
        self.too_deep = [0]
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
        # It is queued. Whatever goes wrong now must not have `track` count it once more, as an error.
        try:
            self._call_worker()
        except RecursionError:
            self.attention = 0  # the caller has no stack left: the next event does it
            self._parked = True
        except Exception:  # noqa: BLE001, S110 - as said
            pass

    def _call_worker(self) -> None:
        if self._starter is not None:
            if time.monotonic() >= self._start_at:
                self.start_now()
        elif self._parked and len(self.items) >= self._threshold:
            self._parked = False  # before waking: the next producer need not wake again
            self._set_attention()
            self._wake()

    def reject(self, reason: str) -> None:
        """Count an event that doesn't enter the queue."""
        self._rejected[reason].add()

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
        if self.in_consumer or asyncio._get_running_loop() is not None:  # noqa: SLF001 - the documented get_running_loop() raises, which costs more than the event
            return False
        deadline = time.monotonic() + self.settings.block_timeout
        self._wake()
        while len(self.items) >= self.settings.max_queue:
            if time.monotonic() >= deadline:
                return False
            time.sleep(_BLOCK_POLL)
        return True

    def _set_attention(self) -> None:
        while True:
            state = (self.closed, self.enabled, self._starter, self._parked, self._threshold)
            special = self.closed or not self.enabled or self.settings.strict or self._starter is not None
            limit = min(self._threshold - 1, self.settings.max_queue) if self._parked else self.settings.max_queue
            self.attention = 0 if special or self.settings.sample_rates else limit
            # Several threads come here. One that stored a value from before another's change sees the change now.
            if state == (self.closed, self.enabled, self._starter, self._parked, self._threshold):
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

    def start_on_demand(self, starter: Callable[[], None], pause: float = 0.0) -> None:
        """Call *starter*, which starts a worker, at the first event that comes after *pause* seconds."""
        self._starter, self._start_at = starter, time.monotonic() + pause
        self._set_attention()

    def start_never(self) -> None:
        """Forget the worker that waits for an event."""
        self._starter = None
        self._set_attention()

    def start_now(self) -> None:
        """Start the worker that waits for an event, if there is one."""
        # Taken before it is called: an event tracked while the worker starts must not start a second one.
        starter, self._starter = self._starter, None
        self._set_attention()
        if starter is None:
            return
        try:
            starter()
        except BaseException:
            self._starter, self.attention = starter, 0  # without a call: there may be no stack left for one
            raise

    # ---- for the consumer ------------------------------------------------------------------------------------------

    def attach(self, wake: Callable[[], None]) -> None:
        """Have *wake* called when the consumer must wake; its thread says `attach_thread`."""
        self._wake = wake

    def attach_thread(self) -> None:
        """The consumer runs in the calling thread from now on."""
        self._consumer_thread = threading.get_ident()

    def detach(self) -> None:
        """No consumer runs any more."""
        self._consumer_thread = 0
        self._wake = _no_consumer
        self.unpark()

    @property
    def in_consumer(self) -> bool:
        """Whether the calling thread is the consumer's."""
        return threading.get_ident() == self._consumer_thread

    def wake(self) -> None:
        """Wake the consumer, if there is one."""
        self._wake()

    def park(self, threshold: int) -> bool:
        """Announce that the consumer will wait for *threshold* events; ``False`` when they are there."""
        self._threshold = threshold
        self._parked = True
        self._set_attention()
        # Checked after the announcement: an event appended before it woke no one.
        return len(self.items) < threshold

    def unpark(self) -> None:
        """The consumer is at work and need not be woken."""
        self._parked = False
        self._set_attention()

    def move_to(self, batch: list[Item], number: int) -> None:
        """Move the oldest *number* events to *batch*, or as many as there are."""
        with contextlib.suppress(IndexError):  # a producer made room meanwhile; what was moved stays moved
            # One C call: no item is ever outside of both the queue and the batch.
            batch.extend(itertools.islice(iter(self.items.popleft, NEVER), number))

    # ---- readers ---------------------------------------------------------------------------------------------------

    @property
    def evicted(self) -> int:
        """The number of events that left the queue for newer ones."""
        return self._evictor.value

    def rejected(self) -> dict[str, int]:
        """Return the number of events that never entered the queue, by reason."""
        counts = {reason: counter.value for reason, counter in self._rejected.items()}
        counts["internal_error"] += self.too_deep[0]
        return {reason: number for reason, number in counts.items() if number}


def _no_consumer() -> None:
    """Do nothing: no worker runs."""
