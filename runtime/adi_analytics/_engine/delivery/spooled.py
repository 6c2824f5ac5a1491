"""What the worker writes to the spool, what it reads back, and the books of both."""

from __future__ import annotations

import errno
import logging
import math
import time
from typing import TYPE_CHECKING, Final

from adi_analytics._engine.delivery.work import SpooledWork
from adi_analytics._engine.spool.segment import MAGIC, size_of
from adi_analytics._engine.spool.spool import Spool, SpoolFullError, SpoolUnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adi_analytics._engine.delivery.store import Store
    from adi_analytics._engine.delivery.unfinished import Unfinished
    from adi_analytics._engine.delivery.work import Batch
    from adi_analytics._engine.queue.books import Books
    from adi_analytics._engine.queue.ledger import Outcome
    from adi_analytics._shared.options import Settings

logger = logging.getLogger("adi_analytics.worker")

_ADOPT_INTERVAL: Final = 1.0  # seconds between two looks for the segments of dead processes
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_READ_PAUSE: Final = 1.0  # seconds before a segment that could not be read is tried again


class Spooling:
    """Puts batches into the spool and takes work out of it.

    Args:
        settings: The spool's policies.
        books: Where the rows are accounted for.
        unfinished: Keeps the spool from one worker to the next.
        store: Says whether to keep apart the batches that were sent, and which files are of its kind of database.
    """

    def __init__(self, settings: Settings, books: Books, unfinished: Unfinished, store: Store) -> None:
        self._settings = settings
        self._books = books
        self._store = store
        self._unfinished = unfinished
        self._may_log = unfinished.may_log
        self._adopt_at = 0.0
        self._read_at = 0.0
        self._given_up = 0
        self._spool: Spool | None = self._open()

    def _open(self) -> Spool | None:
        if self._settings.spool != "off" and self._unfinished.spool is None:
            try:
                self._unfinished.keep_spool(Spool(self._settings, self._store.mark))
            except SpoolUnavailableError as error:
                logger.error("%s", error)  # noqa: TRY400 - its text says all; a traceback would add our own lines
        return self._unfinished.spool

    @property
    def on(self) -> bool:
        """Whether there is a spool."""
        return self._spool is not None

    @property
    def always(self) -> bool:
        """Whether every event goes to disk before it is delivered."""
        return self._spool is not None and self._settings.spool == "always"

    @property
    def waiting(self) -> bool:
        """Whether there is work on disk."""
        return self._spool is not None and self._spool.waiting and time.monotonic() >= self._read_at

    @property
    def readable_in(self) -> float:
        """Seconds until what is on disk can be read again; ``inf`` if nothing is there."""
        if self._spool is None or not self._spool.waiting:
            return math.inf
        return max(self._read_at - time.monotonic(), 0.0)

    def keep(self, batch: Batch, *, live: bool) -> SpooledWork | None:
        """Write the rows of *batch*, all encoded, to disk and account for them.

        Args:
            batch: Keeps its letters.
            live: Whether the rows are to be delivered now, from memory.

        Returns:
            The work, empty unless *live*; ``None`` if the disk did not take it.
        """
        rows, edges = batch.rows, batch.edges if self._store.knows_batches else ()
        if rows and not self._write(rows, edges, live=live):
            return None
        batch.take_rows()
        self._books.settle("spooled", len(rows))
        return SpooledWork(self.account, rows if live else [], None, edges if live else ())

    def _write(self, rows: list[bytes], edges: Sequence[int], *, live: bool) -> bool:
        spool = self._spool
        if len(MAGIC) + size_of(rows, edges) > self._settings.spool_max_bytes:  # dropping a segment would not make room
            self._complain("the batch is larger than spool_max_bytes")
            return False
        while spool is not None:
            try:
                if live:
                    spool.append_live(rows, edges)
                else:
                    spool.append(rows, edges)
            except SpoolFullError:
                if not self._drop_oldest(spool):
                    self._complain("it holds spool_max_bytes")
                    return False
            except OSError as error:
                # Only a full disk gets room by that; with any other fault the segments are safe where they are.
                if error.errno not in _FULL or not self._drop_oldest(spool):
                    self._complain(error.strerror or "the disk failed")
                    return False
            else:
                return True
        return False

    def _drop_oldest(self, spool: Spool) -> bool:
        """Give up the oldest segment, if that is what the user chose; returns whether there is room again."""
        if self._settings.spool_full != "drop_oldest":
            return False
        try:
            segment = spool.drop_oldest()
        except OSError:
            return False  # the caller logs what could not be written
        if segment is None:
            return False
        if segment.lock is not None:  # our books don't know its events
            self._given_up += 1
            if self._may_log("spool given up"):
                line = "the spool is full: gave up events of processes that ended, %d segments so far, the last is %s"
                logger.error(line, self._given_up, segment.path.name)
        elif segment.count:
            self.account("dropped", segment.count, "spool_full")
        return True

    def _complain(self, problem: str) -> None:
        if self._may_log("spool"):
            logger.error("the spool takes no events (%s); they stay in memory, where max_queue rules", problem)

    def _log_trouble(self, about: str, deed: str, error: OSError) -> None:
        if self._may_log("spool " + about):
            logger.error("the spool can't %s: %s", deed, error.strerror)

    def next_work(self) -> SpooledWork | None:
        """Return the work of the oldest segment on disk, or ``None`` if there is none, or none can be read now."""
        if self._spool is None or time.monotonic() < self._read_at:
            return None
        try:
            found = self._spool.next()
        except OSError as error:
            self._read_at = time.monotonic() + _READ_PAUSE
            self._log_trouble("read", "read a segment, which waits", error)
            return None
        if found is None:
            return None
        segment, content = found
        if segment.count is not None and segment.count > len(content.rows):
            self.account("dropped", segment.count - len(content.rows), "spool_damaged")
        account = self.account if segment.lock is None else self._account_recovered
        return SpooledWork(account, content.rows, segment, content.edges)

    def finish(self, work: SpooledWork) -> None:
        """All rows of *work* are settled."""
        if self._spool is None:
            return
        if work.segment is None:
            self._spool.delivered_live()
        else:
            try:
                self._spool.remove(work.segment)
            except OSError as error:
                self._log_trouble("remove", "remove what is delivered", error)

    def adopt(self) -> None:
        """Take over what dead processes left, now and then."""
        now = time.monotonic()
        if self._spool is not None and now >= self._adopt_at:
            self._adopt_at = now + _ADOPT_INTERVAL
            try:
                self._spool.adopt()
            except OSError as error:
                self._log_trouble("adopt", "look for what dead processes left", error)

    def account(self, outcome: Outcome, number: int, reason: str) -> None:
        """Account for events of this process that were on disk."""
        self._books.move(outcome, number, reason)

    def _account_recovered(self, outcome: Outcome, number: int, _reason: str) -> None:
        """Account for events of another process."""
        if outcome == "delivered":  # the others are in the table of dead letters, or logged when they are lost
            self._books.count("recovered", number)
