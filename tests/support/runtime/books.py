"""Checks of the accounting."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from adi_analytics import AnalyticsClient, Stats


def balanced(client: AnalyticsClient) -> Stats:
    """Return the client's books, which must add up."""
    stats = client.stats()
    assert stats.accepted == stats.delivered + stats.dead_lettered + stats.spooled + stats.dropped + stats.pending, (
        stats
    )
    assert stats.pending >= 0, stats
    assert sum(stats.dropped_by_reason.values()) == stats.dropped, stats
    assert sum(stats.dead_lettered_by_reason.values()) == stats.dead_lettered, stats
    return stats


def settled(client: AnalyticsClient, condition: Callable[[Stats], object], *, timeout: float = 30.0) -> Stats:
    """Return the client's books as soon as *condition* holds; they must add up all the time."""
    deadline = time.monotonic() + timeout
    while True:
        stats = balanced(client)
        if condition(stats):
            return stats
        assert time.monotonic() < deadline, f"not in time: {stats}"
        time.sleep(0.01)
