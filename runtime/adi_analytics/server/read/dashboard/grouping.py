"""Which measures share a chart: those of one unit, one kind of number, and one way to ask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from adi_analytics.server.read.dashboard.measures import Family, family, is_merged

if TYPE_CHECKING:
    from adi_analytics.query.model.describe import Aggregate, Measure

BAND: Final = 2
"""The percentiles of the same values from which they are drawn as a band."""


def groups_of(aggregate: Aggregate, measures: list[Measure], drawn: list[Measure]) -> list[list[Measure]]:
    """Return *measures* in groups that one chart can show.

    Args:
        aggregate: What has them.
        measures: What to group.
        drawn: All measures that charts show, some of them in charts of the catalog.
    """
    groups: dict[Any, list[Measure]] = {}
    has_band = any(_band(aggregate, measure, drawn) is not None for measure in drawn)
    for measure in measures:
        # The table has the average beside the percentiles; the chart of the band says more than a line of it.
        if not (measure.kind == "avg" and has_band and aggregate.dimensions):
            groups.setdefault(_group(aggregate, measure, measures), []).append(measure)
    return list(groups.values())


def _group(aggregate: Aggregate, measure: Measure, among: list[Measure]) -> tuple[Any, ...]:
    band = _band(aggregate, measure, among)
    if band is not None:
        return ("band", band)
    kind, merged = family(measure), is_merged(measure, aggregate)
    if kind is Family.PEOPLE and beside_trailing(aggregate, measure):
        return (kind, "trailing")
    alone = measure.name if kind in {Family.SUMS, Family.LEVELS, Family.QUOTIENTS} and measure.unit is None else ""
    return (kind, measure.unit, merged, alone)


def _band(aggregate: Aggregate, measure: Measure, among: list[Measure]) -> int | None:
    """Return the number of the values that several percentiles are of, *measure* among them."""
    distribution = aggregate.offer.distribution
    names = {one.name for one in among}
    for number, shared in enumerate(distribution.shared if distribution is not None else ()):
        if measure.name in shared and len(names.intersection(shared)) >= BAND:
            return number
    return None


def beside_trailing(aggregate: Aggregate, measure: Measure) -> bool:
    """Return whether *measure* counts over a trailing span, or the same in a bucket: they share the stored members."""
    if measure.trailing is not None:
        return True
    return measure.parts.relation is not None and any(one.trailing is not None for one in aggregate.measures)
