"""The books in the form that users see, and the outcome of a flush."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from adi_analytics._engine.queue.ledger import Ledger


WANTED: Final = frozenset({"sampled", "before_send"})
"""Reasons for which the program itself drops events."""

Count = Literal["duplicates", "recovered", "batches", "retries", "unhashed", "hook_errors"]
"""The facts that are counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlushResult:
    """What became of the events while a flush (or a stop, or a close) waited.

    Attributes:
        ok: Whether every event tracked before it is now safe: none pending, none lost meanwhile.
        delivered: Events that reached the table.
        spooled: Growth of the number of events on disk, to be delivered later; negative when the spool shrank.
        dead_lettered: Events that the server or the catalog refused; kept as dead letters.
        pending: Events tracked before the call that still wait in memory.
        dropped: Events lost: dropped for any reason of `Stats.dropped_by_reason` but ``sampled`` and ``before_send``,
            which the program wants.
    """

    ok: bool
    delivered: int
    spooled: int
    dead_lettered: int
    pending: int
    dropped: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """The books of one client in one process.

    Always ``accepted == delivered + dead_lettered + spooled + dropped + pending``.

    Attributes:
        accepted: Calls of `track` on an enabled client.
        delivered: Events committed to the table, whether first or again (see ``duplicates``).
        dead_lettered: Events kept as dead letters, in the table or the file.
        spooled: Events on disk now, not yet delivered.
        dropped: Events that will not be delivered.
        pending: Events in memory: queued or being delivered.
        dropped_by_reason: ``queue_full``, ``sampled``, ``closed``, ``shutdown``, ``before_send``,
            ``before_send_error``, ``spool_full``, ``spool_damaged``, ``dead_letter_failed``, ``internal_error``,
            ``not_stored`` (a trigger of the table left the row out).
        dead_lettered_by_reason: ``invalid_event``, ``encoding``, ``too_large``, ``row_rejected``.
        duplicates: Rows that the table already held; part of ``delivered``.
        recovered: Events of other, dead processes delivered from their spools; outside of the sum.
        batches: Transactions committed.
        retries: Attempts that failed and were made again.
        unhashed: Fields left out because ``store: hash`` has no key.
        hook_errors: Times that ``before_send`` raised.
        connected: Whether the worker has a connection that works.
        last_error: The SQLSTATE of the last fault, or the exception's name; empty when there was none.
    """

    accepted: int
    delivered: int
    dead_lettered: int
    spooled: int
    dropped: int
    pending: int
    dropped_by_reason: Mapping[str, int]
    dead_lettered_by_reason: Mapping[str, int]
    duplicates: int
    recovered: int
    batches: int
    retries: int
    unhashed: int
    hook_errors: int
    connected: bool
    last_error: str


@dataclass(slots=True)
class Facts:
    """What the worker counts and knows beside the ledger; described in `Stats`."""

    duplicates: int = 0
    recovered: int = 0
    batches: int = 0
    retries: int = 0
    unhashed: int = 0
    hook_errors: int = 0
    connected: bool = False
    last_error: str = ""


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


def stats_from(snapshot: Snapshot, facts: Facts) -> Stats:
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
        **asdict(facts),
    )


def lost(reasons: Mapping[str, int]) -> int:
    """Return how many events were dropped that the program did not want dropped."""
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
