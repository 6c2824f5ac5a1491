"""The panels of an aggregate, decided by what its measures are.

What can't be answered in a panel is not put there: a measure that has a right value only for single stored rows has a
panel that asks for those, and no panel has values of personal fields.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from adi_analytics.query.resolve.measures import PERSONAL
from adi_analytics.server.read.dashboard.grouping import BAND, groups_of
from adi_analytics.server.read.dashboard.measures import Family, family, format_of, is_merged, shown_measure, title_in
from adi_analytics.server.read.dashboard.shown import ShownSection
from adi_analytics.server.read.dashboard.titles import title_of

if TYPE_CHECKING:
    from adi_analytics.query.model.describe import Aggregate, Bucket, Measure

Kind: TypeAlias = Literal["tiles", "series", "percentiles", "ratio", "table", "funnel", "retention", "lifecycle"]
SINGLE: Final = "bucket"
"""The granularity of stored rows."""

_DEFAULT: Final = ShownSection()


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A part of a section that shows one answer.

    Attributes:
        id: Its name within the section.
        path: Where its numbers are asked, below ``/api/analytics``.
        show: Of a question about people: what of it.
        buckets: Of a question about people: its buckets, with the width in seconds.
        measures: The members of a measure are ``name``, ``title``, ``unit``, ``format`` and ``exactness``.
        dimensions: What it can be broken down by, with ``name`` and ``title``.
        by: The dimension that it is broken down by at first; ``None`` for none, of a table for all.
        bucket: The column of time, if it shows the course of time.
        granularity: ``bucket`` if its measures only have values for stored rows; ``None`` for any.
    """

    id: str
    kind: Kind
    title: str
    path: str
    measures: tuple[Mapping[str, Any], ...] = ()
    dimensions: tuple[Mapping[str, str], ...] = ()
    by: str | None = None
    bucket: str | None = None
    granularity: str | None = None
    show: str | None = None
    buckets: Bucket | None = None


def public_measures(aggregate: Aggregate, own: ShownSection = _DEFAULT) -> list[Measure]:
    """Return the measures that answers may show, without those that the catalog hides."""
    shown = (one for one in aggregate.measures if one.sensitivity not in PERSONAL)
    return [one for one in shown if not own.measure(one.name).hide]


def panels_of(aggregate: Aggregate, own: ShownSection = _DEFAULT) -> list[Panel]:
    """Return charts by what measures have in common, after those of the catalog; then tables by dimensions."""
    return list(_Panels(aggregate, own).all())


@dataclass(frozen=True, slots=True)
class _Panels:
    aggregate: Aggregate
    own: ShownSection

    def all(self) -> Iterator[Panel]:
        aggregate = self.aggregate
        shown = public_measures(aggregate, self.own)
        numbers = [measure for measure in shown if family(measure) is not Family.SAMPLES]
        whole = [measure for measure in numbers if is_merged(measure, aggregate)]
        single = [measure for measure in shown if measure not in whole]
        open_ = len(aggregate.dimensions) == len(public_dimensions(aggregate))
        charted = [one for one in single if one in numbers and open_ and len(aggregate.dimensions) <= 1]
        drawn = [measure for measure in numbers if measure in whole or measure in charted]
        for title, group in self._stated(drawn):
            yield self._chart(group, title)
        stated = {name for panel in self.own.panels for name in panel.measures}
        for group in groups_of(aggregate, [measure for measure in drawn if measure.name not in stated], drawn):
            yield self._chart(group)
        if public_dimensions(aggregate) and whole:
            yield self._table(whole)
        rows = [measure for measure in single if measure not in charted]
        if rows and open_:
            column = aggregate.bucket.column
            panel = panel_of(aggregate, "table", rows, "rows", self.own)
            yield replace(panel, title=f"By {title_of(column).lower()}", bucket=column, granularity=SINGLE)

    def _stated(self, drawn: list[Measure]) -> Iterator[tuple[str, list[Measure]]]:
        """Yield the charts of the catalog, with what can be drawn of them."""
        for panel in self.own.panels:
            group = [measure for name in panel.measures for measure in drawn if measure.name == name]
            if group:
                yield panel.title, group

    def _table(self, measures: list[Measure]) -> Panel:
        panel = panel_of(self.aggregate, "table", measures, "table", self.own)
        by = self.own.by if any(one["name"] == self.own.by for one in panel.dimensions) else ""
        titles = [one["title"].lower() for one in panel.dimensions if by in {"", one["name"]}]
        last = titles.pop()
        before = f"{', '.join(titles)} and " if titles else ""
        return replace(panel, title=f"By {before}{last}", by=by or None)

    def _chart(self, group: list[Measure], title: str = "") -> Panel:
        aggregate, first = self.aggregate, group[0]
        kind: Kind = "series"
        if len(group) >= BAND and all(one.kind == "percentile" for one in group):
            kind = "percentiles"
        elif all(format_of(one, aggregate) == "percent" for one in group):
            kind = "ratio"
        panel = panel_of(aggregate, kind, group, first.name, self.own)
        panel = replace(panel, title=title or heading(group, self.own), bucket=aggregate.bucket.column)
        if all(is_merged(one, aggregate) for one in group):
            return panel
        by = panel.dimensions[0]["name"] if panel.dimensions else None  # without it there is no value
        return replace(panel, by=by, granularity=SINGLE)


def heading(group: list[Measure], own: ShownSection) -> str:
    """Return the title of what shows *group*: what the titles of the measures have in common, or a few of them."""
    titles = [title_in(one, own) for one in group]
    if len(titles) == 1:
        return titles[0]
    common = _common_end([title.split() for title in titles])
    if common:
        return common[0].upper() + common[1:]
    if len(titles) <= _FEW:
        titles = [titles[0], *(_within(title) for title in titles[1:])]
        return " and ".join((", ".join(titles[:-1]), titles[-1]))
    return _HEADINGS[family(group[0])]


def _within(title: str) -> str:
    """Return *title* as it is within a sentence."""
    return title if title.split(maxsplit=1)[0].isupper() else title[0].lower() + title[1:]


def _common_end(titles: list[list[str]]) -> str:
    found: list[str] = []
    for last in zip(*(reversed(words) for words in titles), strict=False):
        if len({word.lower() for word in last}) != 1:
            break
        found.insert(0, last[0])
    return " ".join(found)


_FEW: Final = 3
_HEADINGS: Final = {
    Family.EVENTS: "Counts", Family.PEOPLE: "Distinct counts", Family.SUMS: "Sums", Family.LEVELS: "Values",
    Family.SHARES: "Rates", Family.QUOTIENTS: "Quotients", Family.SAMPLES: "Samples",
}  # fmt: skip


def panel_of(
    aggregate: Aggregate, kind: Kind, measures: list[Measure], name: str, own: ShownSection = _DEFAULT
) -> Panel:
    """Return the panel called *name* that shows *measures* over a range as one, without a title."""
    return Panel(
        id=name,
        kind=kind,
        title="",
        path=f"/aggregates/{aggregate.name}",
        measures=tuple(shown_measure(one, aggregate, own) for one in measures),
        dimensions=public_dimensions(aggregate),
    )


def public_dimensions(aggregate: Aggregate) -> tuple[Mapping[str, str], ...]:
    """Return the dimensions that answers may show, with their titles."""
    shown = (one for one in aggregate.dimensions if one.sensitivity not in PERSONAL)
    return tuple({"name": one.name, "title": title_of(one.name)} for one in shown)
