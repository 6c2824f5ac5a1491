"""Exact books without a lock on the caller's side.

The rule behind every number here: one call into C is one step. Neither a thread switch nor a signal handler can come
between its parts, so a number changed by such a call, or an attribute set once, is never seen half done.
"""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Outcome = Literal["delivered", "dead_lettered", "spooled", "dropped"]
Item = tuple[Any, Any, int, "Mapping[str, Any] | None"]
"""A tracked event: the event, its id, nanoseconds since 1970, and the context's values."""

NEVER: Final = object()
"""Equal to no item, so ``iter(popleft, NEVER)`` ends only when nothing is left."""


class Counter:
    """Counts up from many threads and signal handlers at once, exactly, without a lock."""

    __slots__ = ("_last", "_numbers")

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._last: deque[int] = deque((0,), maxlen=1)

    def add(self) -> None:
        """Count one."""
        self._last.extend(itertools.islice(self._numbers, 1))

    @property
    def value(self) -> int:
        """The number of calls of `add` so far."""
        return self._last[0]


class Evictor:
    """Takes the oldest item from a queue and counts it, in one step."""

    __slots__ = ("_last", "_pairs")

    def __init__(self, items: deque[Item]) -> None:
        # zip() pops first: on an empty queue its IndexError leaves the count as it was.
        self._pairs = zip(iter(items.popleft, NEVER), itertools.count(1), strict=False)
        self._last: deque[Any] = deque((("", 0),), maxlen=1)

    def evict(self) -> None:
        """Take the oldest item; raises `IndexError` when there is none."""
        self._last.extend(itertools.islice(self._pairs, 1))

    @property
    def value(self) -> int:
        """The number of items taken so far."""
        number: int = self._last[0][1]
        return number


@dataclass(frozen=True, slots=True)
class Ledger:
    """What the worker took from the queue and what became of it. Replaced as a whole, so readers see one state.

    Attributes:
        inflight: The items of the batch in work. Grows by C calls straight from the queue, see `EventQueue.take`.
        settled: How many of them are accounted for already.
        finished: Items of earlier batches, all accounted for.
        outcomes: Items by outcome and reason; the sum is always ``finished + settled``.
    """

    inflight: list[Item] = field(default_factory=list)
    settled: int = 0
    finished: int = 0
    outcomes: Mapping[tuple[Outcome, str], int] = field(default_factory=dict)

    def settle(self, outcome: Outcome, number: int, reason: str = "") -> Ledger:
        """Return the books after *number* items in flight had this *outcome*."""
        key = (outcome, reason)
        outcomes = {**self.outcomes, key: self.outcomes.get(key, 0) + number}
        return Ledger(self.inflight, self.settled + number, self.finished, outcomes)

    def move(self, outcome: Outcome, number: int, reason: str = "") -> Ledger:
        """Return the books after *number* spooled events had this *outcome*."""
        outcomes = dict(self.outcomes)
        changes: list[tuple[tuple[Outcome, str], int]] = [((outcome, reason), number), (("spooled", ""), -number)]
        for key, change in changes:
            outcomes[key] = outcomes.get(key, 0) + change
        return Ledger(self.inflight, self.settled, self.finished, outcomes)

    def finish(self) -> Ledger:
        """Return the books with the batch closed; every item in flight must be settled."""
        if self.settled != len(self.inflight):
            raise AssertionError(f"a batch of {len(self.inflight)} events has {self.settled} outcomes")
        return Ledger([], 0, self.finished + self.settled, self.outcomes)

    def total(self, outcome: Outcome) -> int:
        """Return the number of events with this *outcome*, for all reasons."""
        return sum(number for (name, _), number in self.outcomes.items() if name == outcome)

    def by_reason(self, outcome: Outcome) -> dict[str, int]:
        """Return the number of events with this *outcome* by reason."""
        return {reason: number for (name, reason), number in self.outcomes.items() if name == outcome and number}
