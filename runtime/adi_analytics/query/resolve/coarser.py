"""Which part of a range percentiles can take from longer buckets: the same distribution, in fewer rows."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from adi_analytics.query.resolve.grid import Grid, grid_of
from adi_analytics.query.resolve.times import Period

if TYPE_CHECKING:
    from adi_analytics.query.model.facts import Coarser
    from adi_analytics.query.resolve.question import Question

_DAY: Final = timedelta(days=1)
_UTC: Final = frozenset({"UTC", "Etc/UTC"})


def coarse_part(question: Question, period: Period, *, previous: bool) -> Period | None:
    """Return the part of *period* that consists of stored longer buckets, each in one bucket of the answer.

    Args:
        question: The question.
        period: Its range, or the one before.
        previous: Whether it is the one before, whose buckets are moved to those of the range.
    """
    coarser = question.facts.coarser
    named = question.aggregate.offer.coarser
    if coarser is None or named is None or coarser.facts.watermark is None:
        return None
    asked = {dimension.name for dimension in question.dimensions} | question.filters.given.keys()
    grid = grid_of(coarser.aggregate.bucket)
    if not asked <= set(named.dimensions) or not _fit(question, grid, previous=previous) or not _readable(coarser):
        return None
    begins = [period.start, coarser.facts.incomplete_before, coarser.facts.history_before]
    start = grid.ceil(max(at for at in begins if at is not None))
    end = grid.floor(min(period.end, coarser.facts.watermark))
    return Period(start, end) if start < end else None


def _fit(question: Question, grid: Grid, *, previous: bool) -> bool:
    """Whether each longer bucket lies in one bucket of the answer."""
    if question.granularity == "total":
        return True
    if previous and (grid.width != _DAY or question.zone_name not in _UTC):
        return False
    return all(grid.floor(at) == at for at in question.edges)


def _readable(coarser: Coarser) -> bool:
    offered = coarser.aggregate.offer.distribution
    return offered is not None and offered.view in coarser.facts.readable
