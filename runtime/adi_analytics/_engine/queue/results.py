"""What the client answers: statistics and the outcome of a flush."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


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
        dropped: Events given up.
        pending: Events in memory: queued or being delivered.
        dropped_by_reason: ``queue_full``, ``sampled``, ``closed``, ``shutdown``, ``before_send``,
            ``before_send_error``, ``spool_full``, ``spool_damaged``, ``dead_letter_failed``, ``internal_error``.
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
