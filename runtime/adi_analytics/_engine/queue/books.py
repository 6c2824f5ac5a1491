"""The books of one client: what the consumer took from the queue, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adi_analytics._engine.queue.ledger import Ledger
from adi_analytics._engine.queue.stats import Facts, Snapshot, stats_from

if TYPE_CHECKING:
    from adi_analytics._engine.queue.ledger import Item, Outcome
    from adi_analytics._engine.queue.queue import EventQueue
    from adi_analytics._engine.queue.stats import Count, Stats


class Books:
    """The ledger of a queue. Only its consumer writes here; any thread or signal handler may read.

    Args:
        queue: Where the events come from.

    Attributes:
        ledger: What was taken from the queue. It is replaced as a whole.
        facts: What is counted or known beside it.
    """

    def __init__(self, queue: EventQueue) -> None:
        self._queue = queue
        self.renew()

    def renew(self) -> None:
        """Begin empty: at the start, and in a forked child."""
        self.ledger = Ledger()
        self.facts = Facts()

    # ---- the consumer ----------------------------------------------------------------------------------------------

    def take(self, limit: int) -> list[Item]:
        """Move up to *limit* events from the queue into the batch in flight, and return the batch."""
        inflight = self.ledger.inflight
        self._queue.move_to(inflight, min(limit - len(inflight), len(self._queue.items)))
        return inflight

    def settle(self, outcome: Outcome, number: int, reason: str = "") -> None:
        """Account for *number* events of the batch."""
        self.ledger = self.ledger.settle(outcome, number, reason)

    def move(self, outcome: Outcome, number: int, reason: str = "") -> None:
        """Account for *number* spooled events."""
        self.ledger = self.ledger.move(outcome, number, reason)

    def finish(self) -> None:
        """Close the batch, all of whose events are settled."""
        self.ledger = self.ledger.finish()

    def count(self, name: Count, number: int = 1) -> None:
        """Add *number* to a fact that is a count."""
        setattr(self.facts, name, getattr(self.facts, name) + number)

    def set_connected(self, *, connected: bool) -> None:
        """Note whether the worker has a connection that works."""
        self.facts.connected = connected

    def note_error(self, code: str) -> None:
        """Note the SQLSTATE of the last fault, or the exception's name."""
        self.facts.last_error = code

    # ---- readers ---------------------------------------------------------------------------------------------------

    @property
    def open(self) -> int:
        """The number of events of the batch in flight that are not settled."""
        ledger = self.ledger
        return len(ledger.inflight) - ledger.settled

    def snapshot(self) -> Snapshot:
        """Return the books at one moment."""
        queue = self._queue
        while True:
            ledger, rejected, evicted = self.ledger, queue.rejected(), queue.evicted
            # sum(map(len)) is one C call, so an item on its way from the queue to the batch counts exactly once.
            waiting = sum(map(len, (queue.items, ledger.inflight)))
            if self.ledger is ledger and queue.evicted == evicted:
                return Snapshot(ledger, waiting, rejected, evicted)

    def stats(self) -> Stats:
        """Return the books in the public form."""
        return stats_from(self.snapshot(), self.facts)
