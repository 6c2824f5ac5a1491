"""What a worker began and did not end. It outlives the worker, so that the next one goes on from there."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adi_analytics._engine.delivery.work import Batch, SpooledWork
    from adi_analytics._engine.spool.spool import Spool


class Unfinished:
    """The work in hand of one client's workers. Only the consumer of its queue changes it.

    Attributes:
        batch: The batch that is being delivered; the books count its events as in flight.
        disk_work: The rows from disk that are being delivered.
        spool: The spool, once a worker has opened it.
        reported: How many lost or refused events the log has mentioned so far.
    """

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self.batch: Batch | None = None
        self.disk_work: SpooledWork | None = None
        self.spool: Spool | None = None
        self.reported: dict[str, int] = {}

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

    def keep_spool(self, spool: Spool) -> None:
        """Use *spool* until `close`."""
        self.spool = spool

    def report(self, about: str, total: int) -> None:
        """Remember that the log has mentioned *total* events."""
        self.reported[about] = total

    def close(self) -> None:
        """Leave what is on disk to other processes."""
        if self.spool is not None:
            self.spool.close()
            self.spool = None
        self.disk_work = None

    def after_fork_in_child(self) -> None:
        """Leave everything to the parent."""
        spool = self.spool
        self._forget()
        if spool is not None:
            spool.after_fork_in_child()
