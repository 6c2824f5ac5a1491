"""The layout of the dashboard: which sections a catalog has, and what is in the first one.

Nothing here knows an aggregate by name: a new one in ``events.yaml`` has a section of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from adi_analytics.server.read.dashboard.grouping import beside_trailing
from adi_analytics.server.read.dashboard.measures import Family, family, is_merged, is_share
from adi_analytics.server.read.dashboard.panels import SINGLE, heading, panel_of, panels_of, public_measures
from adi_analytics.server.read.dashboard.people import people_panels
from adi_analytics.server.read.dashboard.shown import Shown
from adi_analytics.server.read.dashboard.titles import aggregate_title, shared_prefix, title_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from adi_analytics.query.model.describe import Aggregate, Described, Measure, People
    from adi_analytics.server.read.dashboard.panels import Panel
    from adi_analytics.server.read.dashboard.shown import ShownSection


SectionKind: TypeAlias = Literal["overview", "aggregate", "entity", "funnel", "retention"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of the dashboard: an aggregate, or a question about people."""

    id: str
    title: str
    kind: SectionKind
    name: str
    panels: tuple[Panel, ...]
    description: str = ""
    owner: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The dashboard of a catalog."""

    title: str
    time_zone: str
    sections: tuple[Section, ...] = field(default=())


def layout_of(described: Described, shown: Shown | None = None) -> Layout:
    """Return the layout of the dashboard of a catalog, as it wants to be *shown*."""
    shown = shown or Shown()
    inner = {offer.coarser.aggregate for one in described.aggregates if (offer := one.query) and offer.coarser}
    asked = [one for one in described.aggregates if one.query is not None and one.name not in inner]
    prefix = shared_prefix((one.name for one in asked), described.catalog)
    sections = [_aggregate(one, prefix, shown.section(one.name)) for one in asked]
    sections += [_people(one, one.people, shown) for one in described.aggregates if one.people is not None]
    order = [one.name for one in shown.sections]
    sections.sort(key=lambda section: order.index(section.name) if section.name in order else len(order))
    found = [section for section in sections if section.panels and not shown.section(section.name).hide]
    named = {one.name: one for one in asked}
    headlines = [(section.title, named[section.name]) for section in found if section.name in named]
    overview = _overview(headlines, shown)
    return Layout(
        title=shown.title or title_of(described.catalog),
        time_zone=_zone(described),
        sections=tuple([overview, *found] if overview.panels else found),
    )


def _zone(described: Described) -> str:
    zones = {one.bucket.time_zone or "UTC" for one in described.aggregates}
    return zones.pop() if len(zones) == 1 else "UTC"


def _overview(sections: Iterable[tuple[str, Aggregate]], shown: Shown) -> Section:
    """Return the section of the numbers that come first.

    The first group of an aggregate has the title of its section, another one that of its own measures.
    """
    tiles = []
    for section, one in sections:
        own = shown.section(one.name)
        for place, measures in enumerate(_headlines(one, own)):
            title = section if place == 0 else heading(measures, own)
            panel = panel_of(one, "tiles", measures, f"{one.name}.{measures[0].name}", own)
            single = None if all(is_merged(measure, one) for measure in measures) else SINGLE
            tiles.append(replace(panel, title=title, dimensions=(), granularity=single))
    return Section(id="overview", title="Overview", kind="overview", name="", panels=tuple(tiles))


def _headlines(aggregate: Aggregate, own: ShownSection) -> Iterator[list[Measure]]:
    """Yield the measures that say most: trailing counts and those of a bucket; the first count or sum and share."""
    shown = public_measures(aggregate, own)
    trailing = [one for one in shown if family(one) is Family.PEOPLE and beside_trailing(aggregate, one)]
    if trailing and not aggregate.dimensions:
        yield trailing
    counts = [measure for measure in shown if family(measure) in {Family.EVENTS, Family.SUMS}]
    shares = [measure for measure in shown if is_share(measure, aggregate) and is_merged(measure, aggregate)]
    if counts or shares:
        yield [*counts[:1], *shares[:1]]


def _aggregate(aggregate: Aggregate, prefix: str, own: ShownSection) -> Section:
    return Section(
        id=aggregate.name,
        title=own.title or aggregate_title(aggregate.name, prefix),
        kind="aggregate",
        name=aggregate.name,
        description=aggregate.description,
        owner=aggregate.owner,
        panels=tuple(panels_of(aggregate, own)),
    )


_KINDS: Final[dict[str, SectionKind]] = {"members": "entity", "retention": "retention", "funnel": "funnel"}


def _people(aggregate: Aggregate, people: People, shown: Shown) -> Section:
    counted = people.kind == "members"
    name = people.entity if counted else aggregate.name
    return Section(
        id=aggregate.name,
        title=shown.section(name).title or title_of("users" if name == "$user_id" else name),
        kind=_KINDS[people.kind],
        name=name,
        description=aggregate.description,
        owner=aggregate.owner,
        panels=tuple(people_panels(aggregate, people)),
    )
