"""Brings what is kept of trailing counts and of answers about people up to date: in pieces, a transaction each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final, LiteralString

from adi_analytics.migrate.options import Progress
from adi_analytics.migrate.server.connection import Connection, fetch_value

_PIECE: Final[LiteralString] = "select analytics_meta.recount_due(%s)"
_PLACE: Final[LiteralString] = """
select least(analytics_meta.stored_until(%s), now()) - nullif(min(k.until), '-infinity')
from analytics_meta.kept() k where k.rollup = %s
"""


def counted(connection: Connection) -> list[str]:
    """Return the aggregates and questions of which something is kept.

    None in a database that waits for the migration of this release.
    """
    if fetch_value(connection, "select to_regproc('analytics_meta.recount_some')") is None:
        return []
    rows = connection.execute(
        "select distinct rollup from analytics_meta.kept() join analytics_meta.aggregates using (rollup)"
        " where active order by rollup"
    )
    return [row[0] for row in rows]


def recount(connection: Connection, rollup: str, progress: Progress) -> int:
    """Bring what is kept of *rollup* up to date, if it is due; return how many pieces that were.

    Each piece is committed: a killed run is continued by the next one. Needs a connection that commits by itself.
    """
    pieces, total = 0, 0
    while fetch_value(connection, _PIECE, rollup):
        pieces += 1
        left: timedelta | None = fetch_value(connection, _PLACE, rollup, rollup)
        days = max(0, left.days) if left is not None else 0
        total = max(total, days)
        if total:
            progress.advance(f"keep the counts of {rollup}", total - days, total)
    return pieces


def recount_all(connection: Connection, rollups: Sequence[str], progress: Progress) -> None:
    """Bring what is kept of those of *rollups* that keep something up to date."""
    for rollup in counted(connection):
        if rollup in rollups:
            recount(connection, rollup, progress)
