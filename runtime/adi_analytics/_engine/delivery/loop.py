"""The worker's loop: when to take events, and what to do with them. A generator of effects, see `effects`."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

from adi_analytics._engine.dead_letters.file import DeadLetterFile, dead_letter_path
from adi_analytics._engine.delivery.attempt import Delivery, GaveUpError
from adi_analytics._engine.delivery.effects import BREATHE, Steps, Wait
from adi_analytics._engine.delivery.spooled import Spooling
from adi_analytics._engine.delivery.work import Batch, SpooledWork
from adi_analytics._engine.queue.stats import WANTED
from adi_analytics._engine.rows.encode import RowEncoder
from adi_analytics._engine.rows.validate import decoder_of
from adi_analytics._shared.options import catalog_in
from adi_analytics._shared.version import __version__

if TYPE_CHECKING:
    from adi_analytics._engine.delivery.store import Store
    from adi_analytics._engine.delivery.unfinished import Unfinished
    from adi_analytics._engine.delivery.work import Work
    from adi_analytics._engine.queue.consumer import Consumer

logger = logging.getLogger("adi_analytics.worker")

_NEVER: Final = 2**62  # no number of events


class Core:
    """Everything that a worker decides.

    Args:
        consumer: The place of the consumer, which this core's runner has taken.
        unfinished: What the worker before this one left.
        store: The database.
    """

    def __init__(self, consumer: Consumer, unfinished: Unfinished, store: Store) -> None:
        settings = consumer.queue.settings
        self._consumer = consumer
        self._queue = consumer.queue
        self._books = consumer.books
        self._unfinished = unfinished
        self._settings = settings
        self._version = __version__
        self._encoder = RowEncoder(settings, decoder_of)
        self._file = DeadLetterFile(dead_letter_path(settings, catalog_in(settings).name, store.mark))
        self._delivery = Delivery(consumer, store, self._file, self._version, unfinished)
        self._spooling = Spooling(settings, self._books, unfinished, store)
        self._reported_unkeyed: set[str] = set()

    def run(self) -> Steps:
        """Deliver until a stop is requested and the queue is empty, or the stop's time is over."""
        try:
            while (yield from self._step()):
                self._report()
        except GaveUpError:
            yield from self.save()
        self._report(last=True)
        yield from self._delivery.close()

    def save(self) -> Steps:
        """Put everything in memory into the spool, if there is one, without a word to the database."""
        while self._spooling.on and (self._unfinished.batch is not None or self._take()):
            if not (yield from self._spill(online=False)):
                break
        self._consumer.reach()

    def _step(self) -> Steps:
        """Do the next thing; returns whether there is another."""
        consumer = self._consumer
        self._spooling.adopt()
        yield from self._idle()
        work = yield from self._choose()
        if work is None:
            consumer.reach()
            return not consumer.ending
        if (yield from self._delivery.attempt(work)):
            self._finish(work)
        else:
            if work is not self._unfinished.batch:
                consumer.reach()  # what is on disk is settled, for those who wait
            yield from self._delivery.pause(self._pressure, self._relieve)
        return True

    # ---- waiting for work ------------------------------------------------------------------------------------------

    def _idle(self) -> Steps:
        """Wait for a batch, for the end of the flush interval, or until a flush or a stop waits."""
        settings = self._settings
        end = time.monotonic() + settings.flush_interval
        if self._spooling.always:
            # The first event wakes the worker, and waits a little for others, then all go to disk.
            yield from self._wait(1, end)
            end = time.monotonic() + settings.spool_linger
        yield from self._wait(min(settings.batch_size, settings.max_queue), end)
        self._queue.unpark()

    def _wait(self, threshold: int, end: float) -> Steps:
        unfinished, spooling, consumer = self._unfinished, self._spooling, self._consumer
        while not (consumer.hurried or consumer.ending or unfinished.batch or unfinished.disk_work or spooling.waiting):
            left = end - time.monotonic()
            if left <= 0 or not self._queue.park(threshold):
                break
            yield Wait(min(left, self._spooling.readable_in))

    # ---- choosing and ending work ----------------------------------------------------------------------------------

    def _choose(self) -> Steps:
        """Return the next work, or ``None``: what was begun on disk, then events in memory, then what waits on disk."""
        unfinished, stopping = self._unfinished, self._consumer.stop_at is not None
        if unfinished.disk_work is not None and unfinished.disk_work.stuck:
            unfinished.set_aside()
        if unfinished.batch is not None and unfinished.batch.stuck:
            self._books.take(self._books.ledger.settled + self._settings.max_batch)  # into the batch
        if (unfinished.batch is not None or self._take()) and self._spooling.always:
            yield from self._spill(live=unfinished.may_be_live and self._delivery.healthy)
        if unfinished.disk_work is None and unfinished.batch is None and not stopping:
            unfinished.begin_disk_work(self._spooling.next_work() or unfinished.take_aside())
        return unfinished.disk_work or unfinished.batch

    def _take(self) -> bool:
        """Take a batch from the queue, which remembers it until it is settled."""
        items = self._books.take(self._settings.max_batch)
        if items:
            self._unfinished.begin_batch(Batch(self._books, self._settings, items, self._encoder, self._version))
        return bool(items)

    def _finish(self, work: Work) -> None:
        if isinstance(work, SpooledWork):
            self._spooling.finish(work)
            self._unfinished.end_disk_work()
        else:
            self._end_batch()
            # A segment between any two batches, so the spool of a busy client is delivered too.
            self._unfinished.begin_disk_work(self._spooling.next_work() if self._consumer.stop_at is None else None)
        if self._unfinished.disk_work is None:
            self._unfinished.begin_disk_work(self._unfinished.take_aside())  # the database takes rows, so try again
        self._consumer.reach()

    def _end_batch(self) -> None:
        # In this order: if a signal handler's exception comes between, the batch is empty, not forgotten.
        self._books.finish()
        self._unfinished.end_batch()

    # ---- the spool -------------------------------------------------------------------------------------------------

    def _pressure(self) -> int:
        """Return the number of queued events from which they go to disk while the server is unavailable."""
        if self._spooling.always:
            return 1
        if not self._spooling.on:
            return _NEVER
        return max(0, self._settings.max_queue // 2 - len(self._books.ledger.inflight))

    def _relieve(self) -> Steps:
        """Put events to disk; returns whether they went there."""
        if self._spooling.always:
            yield Wait(self._settings.spool_linger)
        while self._unfinished.batch is not None or (len(self._queue.items) >= self._pressure() and self._take()):
            if not (yield from self._spill()):
                return False
        return True

    def _spill(self, *, live: bool = False, online: bool = True) -> Steps:
        """Move the batch to disk; returns whether the disk took it. If not, it stays as it was, in memory.

        Args:
            live: Whether its rows are the next work, from memory.
            online: Whether its dead letters may go to their table.
        """
        batch = self._unfinished.batch
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
        self._end_batch()
        if kept.groups:
            self._unfinished.begin_disk_work(kept)
        return True

    # ---- reporting -------------------------------------------------------------------------------------------------

    def _report(self, *, last: bool = False) -> None:
        """Log what was lost or refused since the last time, at most once per interval unless it is the *last* time."""
        self._books.count("unhashed", self._encoder.take_unhashed())
        self._report_unkeyed()
        stats = self._books.stats()
        reasons = {reason: number for reason, number in stats.dropped_by_reason.items() if reason not in WANTED}
        self._report_growth("lost", "%d events lost; in all, by reason: %s", reasons, last=last)
        reasons = dict(stats.dead_lettered_by_reason)
        self._report_growth("refused", "%d events became dead letters; in all, by reason: %s", reasons, last=last)

    def _report_growth(self, about: str, line: str, reasons: dict[str, int], *, last: bool) -> None:
        total = sum(reasons.values())
        growth = total - self._unfinished.reported.get(about, 0)
        if growth and (self._unfinished.may_log(about) or last):
            logger.error(line, growth, reasons)
            self._unfinished.report(about, total)

    def _report_unkeyed(self) -> None:
        for event_type, names in self._encoder.unkeyed.items():
            if event_type not in self._reported_unkeyed:
                self._reported_unkeyed.add(event_type)
                logger.error(
                    "%s of %s is left out: the catalog says `store: hash`, and there is no key; set"
                    " ADI_ANALYTICS_HASH_KEY",
                    " and ".join(names),
                    event_type,
                )
