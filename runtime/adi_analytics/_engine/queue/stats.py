"""The queue's books in the form that users see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from adi_analytics._engine.queue.results import FlushResult, Stats

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adi_analytics._engine.queue.ledger import Ledger


WANTED: Final = frozenset({"sampled", "before_send"})
"""Reasons for which the program itself drops events."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The books at one moment.

    Attributes:
        ledger: The worker's part.
        waiting: Events in the queue and in the worker's batch.
        rejected: Events that never entered the queue, by reason.
        evicted: Events that left it for newer ones.
    """

    ledger: Ledger
    waiting: int
    rejected: dict[str, int]
    evicted: int

    @property
    def entered(self) -> int:
        """Events that ever entered the queue; the next one's position."""
        return self.ledger.finished + self.evicted + self.waiting


def stats_from(snapshot: Snapshot, facts: Mapping[str, Any]) -> Stats:
    """Add up *snapshot*."""
    ledger = snapshot.ledger
    reasons = ledger.by_reason("dropped")
    for reason, number in [*snapshot.rejected.items(), ("queue_full", snapshot.evicted)]:
        if number:
            reasons[reason] = reasons.get(reason, 0) + number
    rejected = sum(snapshot.rejected.values())
    return Stats(
        accepted=snapshot.entered + rejected,
        delivered=ledger.total("delivered"),
        dead_lettered=ledger.total("dead_lettered"),
        spooled=ledger.total("spooled"),
        dropped=sum(reasons.values()),
        pending=snapshot.waiting - ledger.settled,
        dropped_by_reason=reasons,
        dead_lettered_by_reason=ledger.by_reason("dead_lettered"),
        **{name: facts.get(name, 0) for name in ("duplicates", "recovered", "batches", "retries", "unhashed")},
        hook_errors=facts.get("hook_errors", 0),
        connected=facts["connected"],
        last_error=facts["last_error"],
    )


def lost(reasons: Mapping[str, int]) -> int:
    """Return how many events were dropped that nobody wanted dropped."""
    return sum(number for reason, number in reasons.items() if reason not in WANTED)


def result_between(before: Stats, after: Stats, pending: int) -> FlushResult:
    """Return what happened between *before* and *after*, with *pending* events still waiting."""
    dropped = lost(after.dropped_by_reason) - lost(before.dropped_by_reason)
    return FlushResult(
        ok=pending == 0 and dropped == 0,
        delivered=after.delivered - before.delivered,
        spooled=after.spooled - before.spooled,
        dead_lettered=after.dead_lettered - before.dead_lettered,
        pending=pending,
        dropped=dropped,
    )


def combined(first: FlushResult, second: FlushResult) -> FlushResult:
    """Return the result of two waits, one after the other."""
    return FlushResult(
        ok=second.pending == 0 and first.dropped + second.dropped == 0,
        delivered=first.delivered + second.delivered,
        spooled=first.spooled + second.spooled,
        dead_lettered=first.dead_lettered + second.dead_lettered,
        pending=second.pending,
        dropped=first.dropped + second.dropped,
    )
