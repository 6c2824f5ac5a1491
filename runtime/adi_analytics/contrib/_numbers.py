"""The numbers of `Stats` as metrics: one table for all exporters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from adi_analytics._engine.queue.stats import Stats

# Name, description, the label's name ("" for none), and the value by label.
COUNTERS: Final[list[tuple[str, str, str, Callable[[Stats], Mapping[str, int]]]]] = [
    ("accepted", "Events taken by track()", "", lambda stats: {"": stats.accepted}),
    ("delivered", "Events committed to the table", "", lambda stats: {"": stats.delivered}),
    ("dead_lettered", "Events kept as dead letters", "reason", lambda stats: stats.dead_lettered_by_reason),
    ("dropped", "Events given up", "reason", lambda stats: stats.dropped_by_reason),
    ("duplicates", "Events that the table already held", "", lambda stats: {"": stats.duplicates}),
    ("recovered", "Events of dead processes delivered from their spools", "", lambda stats: {"": stats.recovered}),
    ("retries", "Attempts to deliver that failed and were made again", "", lambda stats: {"": stats.retries}),
    ("batches", "Transactions committed", "", lambda stats: {"": stats.batches}),
]
GAUGES: Final[list[tuple[str, str, Callable[[Stats], int]]]] = [
    ("pending", "Events in memory", lambda stats: stats.pending),
    ("spooled", "Events on disk", lambda stats: stats.spooled),
    ("connected", "1 if the worker has a connection that works", lambda stats: int(stats.connected)),
]
