"""The worker's loop: when to take events, and what to do with them. A generator of effects, see `_effects`."""

from __future__ import annotations

import time
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Final

from adi_analytics._engine.dead_letters.file import DeadLetterFile, dead_letter_path
from adi_analytics._engine.delivery.attempt import Delivery, GaveUpError, logger
from adi_analytics._engine.delivery.batch import Batch
from adi_analytics._engine.delivery.effects import BREATHE, Steps, Wait
from adi_analytics._engine.delivery.spooled import SpooledWork, Spooling
from adi_analytics._engine.delivery.statements import Store
from adi_analytics._engine.queue.stats import WANTED
from adi_analytics._engine.rows.encode import RowEncoder
from adi_analytics._engine.rows.validate import decoder_of

if TYPE_CHECKING:
    from adi_analytics._engine.delivery.batch import Work
    from adi_analytics._engine.queue.queue import EventQueue

_NEVER: Final = 2**62  # no number of events


def library_version() -> str:
    """Return the version of this package."""
    try:
        return version("adi-analytics")
    except PackageNotFoundError:
        return "unknown"


class Core:
    """Everything that a worker decides.

    Args:
        queue: Where the events come from; this core is its consumer.
    """

    def __init__(self, queue: EventQueue) -> None:
        settings = queue.settings
        self._queue = queue
        self._settings = settings
        self._version = library_version()
        self._encoder = RowEncoder(settings, decoder_of)
        store = Store(settings.table, settings.statement_timeout)
        self._file = DeadLetterFile(dead_letter_path(settings))
        self._delivery = Delivery(queue, store, self._file, self._version)
        self._spooling = Spooling(queue, self._delivery.may_log)
        self._told_unkeyed: set[str] = set()

    def run(self) -> Steps:
        """Deliver until a stop is requested and the queue is empty, or the stop's time is over."""
        try:
            while (yield from self._step()):
                self._tell()
        except GaveUpError:
            yield from self.save()
        self._tell(last=True)
        yield from self._delivery.close()

    def save(self) -> Steps:
        """Put everything in memory into the spool, if there is one, without a word to the database."""
        queue = self._queue
        while self._spooling.on and (queue.batch is not None or self._take()):
            if not (yield from self._spill(online=False)):
                break
        queue.reach()

    def _step(self) -> Steps:
        """Do the next thing; returns whether there is another."""
        queue = self._queue
        self._spooling.adopt()
        yield from self._idle()
        work = yield from self._choose()
        if work is None:
            queue.reach()
            return queue.stop_at is None
        if (yield from self._delivery.attempt(work)):
            self._finish(work)
        else:
            if work is not queue.batch:
                queue.reach()  # what is on disk is settled, for those who wait
            yield from self._delivery.pause(self._pressure, self._relieve)
        return True

    # ---- waiting for work ------------------------------------------------------------------------------------------

    def _idle(self) -> Steps:
        """Wait for a batch, the flush interval, or somebody in a hurry."""
        queue, settings = self._queue, self._settings
        end = time.monotonic() + settings.flush_interval
        if self._spooling.always:
            # The first event wakes the worker, and waits a little for others, then all go to disk.
            yield from self._wait(1, end)
            end = time.monotonic() + settings.spool_linger
        yield from self._wait(min(settings.batch_size, settings.max_queue), end)
        queue.unpark()

    def _wait(self, threshold: int, end: float) -> Steps:
        queue = self._queue
        while not (queue.hurried or queue.batch or queue.disk_work or self._spooling.waiting):
            left = end - time.monotonic()
            if left <= 0 or not queue.park(threshold):
                break
            yield Wait(min(left, self._spooling.readable_in))

    # ---- choosing and ending work ----------------------------------------------------------------------------------

    def _choose(self) -> Steps:
        """Return the next work, or ``None``: what was begun on disk, then events in memory, then what waits on disk."""
        queue = self._queue
        if (queue.batch is not None or self._take()) and self._spooling.always:
            yield from self._spill(live=queue.disk_work is None and self._delivery.healthy)
        if queue.disk_work is None and queue.batch is None and queue.stop_at is None:
            queue.disk_work = self._spooling.next_work()
        return queue.disk_work or queue.batch

    def _take(self) -> bool:
        """Take a batch from the queue, which remembers it until it is settled."""
        items = self._queue.take(self._settings.max_batch)
        if items:
            self._queue.batch = Batch(self._queue, items, self._encoder, self._version)
        return bool(items)

    def _finish(self, work: Work) -> None:
        queue = self._queue
        if isinstance(work, SpooledWork):
            self._spooling.finish(work)
            queue.disk_work = None
        else:
            queue.finish()
            # A segment between any two batches, so a busy client's spool gets its turn too.
            queue.disk_work = self._spooling.next_work() if queue.stop_at is None else None
        queue.reach()

    # ---- the spool -------------------------------------------------------------------------------------------------

    def _pressure(self) -> int:
        """Return the number of queued events from which they go to disk while the server is away."""
        if self._spooling.always:
            return 1
        if not self._spooling.on:
            return _NEVER
        return max(0, self._settings.max_queue // 2 - len(self._queue.ledger.inflight))

    def _relieve(self) -> Steps:
        """Put events to disk; returns whether they went there."""
        if self._spooling.always:
            yield Wait(self._settings.spool_linger)
        while self._queue.batch is not None or (len(self._queue.items) >= self._pressure() and self._take()):
            if not (yield from self._spill()):
                return False
        return True

    def _spill(self, *, live: bool = False, online: bool = True) -> Steps:
        """Move the batch to disk; returns whether the disk took it. If not, it stays as it was, in memory.

        Args:
            live: Whether its rows are the next work, from memory.
            online: Whether its dead letters may go to their table.
        """
        queue = self._queue
        batch = queue.batch
        if batch is None:
            return True
        for _ in batch.encode_rest():
            yield BREATHE
        kept = self._spooling.keep(batch, live=live)
        if kept is None:
            return False
        if batch.letters and not (online and self._delivery.healthy and (yield from self._delivery.attempt(batch))):
            while batch.letters:
                self._delivery.keep_in_file(batch, batch.letters.pop())
        queue.finish()
        if kept.groups:
            queue.disk_work = kept
        return True

    # ---- telling ---------------------------------------------------------------------------------------------------

    def _tell(self, *, last: bool = False) -> None:
        """Say what was lost or refused since the last time, at most once per interval unless it is the *last* time."""
        self._queue.facts["unhashed"] = self._encoder.unhashed
        self._tell_unkeyed()
        stats = self._queue.stats()
        reasons = {reason: number for reason, number in stats.dropped_by_reason.items() if reason not in WANTED}
        self._tell_growth("lost", "%d events lost; in all, by reason: %s", reasons, last=last)
        reasons = dict(stats.dead_lettered_by_reason)
        self._tell_growth("refused", "%d events became dead letters; in all, by reason: %s", reasons, last=last)

    def _tell_growth(self, about: str, line: str, reasons: dict[str, int], *, last: bool) -> None:
        told = self._queue.facts  # a later worker goes on where this one stops
        total = sum(reasons.values())
        growth = total - told.get(about, 0)
        if growth and (self._delivery.may_log(about) or last):
            logger.error(line, growth, reasons)
            told[about] = total

    def _tell_unkeyed(self) -> None:
        for event_type, names in self._encoder.unkeyed.items():
            if event_type not in self._told_unkeyed:
                self._told_unkeyed.add(event_type)
                logger.error(
                    "%s of %s is left out: the catalog says `store: hash`, and there is no key; set"
                    " ADI_ANALYTICS_HASH_KEY",
                    " and ".join(names),
                    event_type,
                )
