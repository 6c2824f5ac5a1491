"""The worker's loop: when to take events, and what to do with them. A generator of effects, see `_effects`."""

from __future__ import annotations

import time
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Final

from adi_analytics._batch import Batch
from adi_analytics._dead_letter_file import DeadLetterFile, dead_letter_path
from adi_analytics._deliver import Delivery, GaveUpError, logger
from adi_analytics._effects import Steps, Wait
from adi_analytics._encode import RowEncoder
from adi_analytics._store import Store
from adi_analytics._validate import decoder_of

if TYPE_CHECKING:
    from adi_analytics._queue import EventQueue

_MANY: Final = 2**62


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
        self._delivery = Delivery(
            queue,
            Store(settings.table, settings.statement_timeout),
            DeadLetterFile(dead_letter_path(settings)),
            self._version,
        )
        self._told_dropped = 0
        self._told_unkeyed: set[str] = set()

    def run(self) -> Steps:
        """Deliver until a stop is requested and the queue is empty, or the stop's time is over."""
        try:
            while True:
                yield from self._idle()
                if self._queue.unfinished is None and not self._take():
                    self._queue.notify()
                    if self._queue.stop_at is not None:
                        break
                    continue
                yield from self._deliver(self._queue.unfinished)
                self._tell()
        except GaveUpError:
            pass
        yield from self._delivery.close()

    def _idle(self) -> Steps:
        """Wait for a batch, the flush interval, or somebody in a hurry."""
        queue, settings = self._queue, self._settings
        end = time.monotonic() + settings.flush_interval
        while queue.unfinished is None and queue.stop_at is None and not queue.waiters:
            left = end - time.monotonic()
            if left <= 0 or not queue.park(settings.batch_size):
                break
            yield Wait(left)
        queue.unpark()

    def _take(self) -> bool:
        items = self._queue.take(self._settings.max_batch)
        if items:
            self._queue.unfinished = Batch(self._queue, items, self._encoder, self._version)
        return bool(items)

    def _deliver(self, batch: Batch) -> Steps:
        while not (yield from self._delivery.attempt(batch)):
            yield from self._delivery.pause()
        self._queue.finish()

    def _tell(self) -> None:
        """Say what was lost since the last time, at most once per interval."""
        self._queue.facts["unhashed"] = self._encoder.unhashed
        for event_type, names in self._encoder.unkeyed.items():
            if event_type not in self._told_unkeyed:
                self._told_unkeyed.add(event_type)
                logger.error(
                    "%s of %s is left out: the catalog says `store: hash`, and there is no key; set ADI_ANALYTICS_HASH_KEY",
                    " and ".join(names),
                    event_type,
                )
        stats = self._queue.stats()
        lost = stats.dropped - stats.dropped_by_reason.get("sampled", 0)
        if lost > self._told_dropped and self._delivery.may_log("dropped"):
            logger.error(
                "%d events lost since the last line, in all by reason: %s",
                lost - self._told_dropped,
                dict(stats.dropped_by_reason),
            )
            self._told_dropped = lost
