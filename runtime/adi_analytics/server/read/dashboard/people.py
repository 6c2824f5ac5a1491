"""The panels of questions about people: members of an entity, retention, funnels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from adi_analytics.query.resolve.measures import PERSONAL
from adi_analytics.query.resolve.people import VIEWS
from adi_analytics.server.read.dashboard.panels import Panel, public_dimensions
from adi_analytics.server.read.dashboard.titles import title_of
from adi_analytics.server.read.people import GROUPS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adi_analytics.query.model.describe import Aggregate, People, Shown
    from adi_analytics.server.read.dashboard.panels import Kind

_PANELS: Final[dict[str, tuple[tuple[str, Kind, str], ...]]] = {
    "members": (("by_day", "tiles", ""),),
    "funnel": (("steps", "funnel", "Conversion"),),
    "retention": (("cohorts", "retention", "Who came back"), ("lifecycle", "lifecycle", "Lifecycle")),
}
"""Kind of question -> what each panel shows, its kind and its title."""

_PERCENT: Final = frozenset({"rate", "step_rate"})


def people_panels(aggregate: Aggregate, people: People) -> Iterator[Panel]:
    """Yield the panels of a question about people; none if no answer may show it."""
    if any(one.sensitivity in PERSONAL for one in people.dimensions):
        return
    name = (people.entity if people.kind == "members" else aggregate.name).removeprefix("$")
    for show, kind, title in _PANELS[people.kind]:
        _, columns = aggregate.view(VIEWS[people.kind][show])
        yield Panel(
            id=show,
            kind=kind,
            title=title,
            path=f"/{GROUPS[people.kind]}/{name}",
            show=show if len(VIEWS[people.kind]) > 1 else None,
            measures=tuple(_measure(one) for one in columns if one.role == "measure" and one.type != "bool"),
            dimensions=public_dimensions(aggregate),
            bucket=aggregate.bucket.column,
            buckets=aggregate.bucket,
        )


def _measure(column: Shown) -> dict[str, Any]:
    lasting = column.name.startswith("seconds_")
    title = f"Time to convert, {column.name.removeprefix('seconds_')}" if lasting else title_of(column.name)
    return {
        "name": column.name,
        "title": title,
        "unit": "s" if lasting else None,
        "format": "percent" if column.name in _PERCENT else "duration_s" if lasting else "number",
        "exactness": "exact",
    }
