"""What a worker began and did not end. It outlives the worker, so that the next one goes on from there."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adi_analytics._engine.delivery.work import Batch, SpooledWork
    from adi_analytics._engine.spool.spool import Spool


class Unfinished:
    """The work in hand of one client's workers. Only the consumer of its queue changes it.

    Args:
        log_interval: Seconds between two log lines about the same thing, whichever worker writes them.

    Attributes:
        batch: The batch that is being delivered; the books count its events as in flight.
        disk_work: The rows from disk that are being delivered.
        aside: Rows from disk that fail, and wait for others to show whether the database takes any.
        spool: The spool, once a worker has opened it.
        reported: How many lost or refused events the log has mentioned so far.
        complained_at: When the log said that the database takes no events, if that is its last word about it.
    """

    def __init__(self, log_interval: float) -> None:
        self._log_interval = log_interval
        self._forget()

    def _forget(self) -> None:
        self.batch: Batch | None = None
        self.disk_work: SpooledWork | None = None
        self.aside: SpooledWork | None = None
        self.spool: Spool | None = None
        self.reported: dict[str, int] = {}
        self.complained_at: float | None = None
        self._logged_at: dict[str, float] = {}

    def begin_batch(self, batch: Batch) -> None:
        """Remember *batch* until it is settled."""
        self.batch = batch

    def end_batch(self) -> None:
        """All events of the batch are settled."""
        self.batch = None

    def begin_disk_work(self, work: SpooledWork | None) -> None:
        """Remember *work* until it is settled; ``None`` if there is none."""
        self.disk_work = work

    def end_disk_work(self) -> None:
        """All rows of the disk work are settled."""
        self.disk_work = None

    def set_aside(self) -> None:
        """Let other work come before the disk work."""
        if self.aside is None:
            self.aside, self.disk_work = self.disk_work, None

    def take_aside(self) -> SpooledWork | None:
        """Return what was set aside, to be tried again."""
        work, self.aside = self.aside, None
        return work

    @property
    def may_be_live(self) -> bool:
        """Whether rows written to disk may be delivered from memory at once."""
        # The live segment is cleared as a whole when its rows are settled.
        return self.disk_work is None and (self.aside is None or self.aside.segment is not None)

    def keep_spool(self, spool: Spool) -> None:
        """Use *spool* until `close`."""
        self.spool = spool

    def report(self, about: str, total: int) -> None:
        """Remember that the log has mentioned *total* events."""
        self.reported[about] = total

    def complain(self) -> None:
        """Remember that the log says that the database takes no events."""
        if self.complained_at is None:
            self.complained_at = time.monotonic()

    def end_complaint(self) -> None:
        """Remember that the log says that it takes events again."""
        self.complained_at = None

    def may_log(self, about: str) -> bool:
        """Whether the last line *about* this is long enough ago for another one."""
        now = time.monotonic()
        if now - self._logged_at.get(about, -1e9) < self._log_interval:
            return False
        self._logged_at[about] = now
        return True

    def close(self) -> None:
        """Leave what is on disk to other processes."""
        if self.spool is not None:
            self.spool.close()
            self.spool = None
        self.disk_work = self.aside = None

    def after_fork_in_child(self) -> None:
        """Leave everything to the parent."""
        spool = self.spool
        self._forget()
        if spool is not None:
            spool.after_fork_in_child()
