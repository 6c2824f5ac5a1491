"""Questions about people: from arguments to a question that is checked and complete."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo
from typing import TYPE_CHECKING, Any, Final

from adi_analytics.query.model.column import Column
from adi_analytics.query.model.describe import unknown
from adi_analytics.query.model.errors import QueryArgumentError
from adi_analytics.query.model.result import Warn
from adi_analytics.query.resolve.filters import filters_of
from adi_analytics.query.resolve.grid import grid_of
from adi_analytics.query.resolve.measures import ASK_PERSONAL, PERSONAL
from adi_analytics.query.resolve.resolve import limit_of
from adi_analytics.query.resolve.times import period_of
from adi_analytics.query.resolve.zones import zone_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adi_analytics.query.model.column import Role
    from adi_analytics.query.model.describe import Aggregate, Shown
    from adi_analytics.query.model.facts import Facts
    from adi_analytics.query.resolve.filters import Filters
    from adi_analytics.query.resolve.times import Period

VIEWS: Final = {
    "members": {"by_day": "members_counts"},
    "retention": {"cohorts": "retention", "mean": "retention_mean", "lifecycle": "lifecycle"},
    "funnel": {"total": "funnel", "steps": "funnel_steps"},
}
"""Kind of question -> what it can show -> kind of the public view."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleArguments:
    """What was asked, as it was given; see :mod:`adi_analytics.query.people`."""

    kind: str
    show: str
    between: Any = None
    time_zone: str | None = None
    filters: Any = None
    limit: int | None = None
    personal: bool = False
    suppress_below: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleQuestion:
    """A question about people.

    Attributes:
        show: The kind of the public view that shows the answer.
        view: Its name.
        columns: The columns of the answer.
        period: The buckets that are asked for: of a retention its cohorts.
    """

    aggregate: Aggregate
    facts: Facts
    show: str
    view: str
    columns: tuple[Column, ...]
    period: Period
    zone: tzinfo
    zone_name: str
    filters: Filters
    limit: int | None
    suppress_below: int | None
    warnings: tuple[Warn, ...]


def resolve_people(aggregate: Aggregate, asked: PeopleArguments, facts: Facts) -> PeopleQuestion:
    """Return the question that *asked* means.

    Raises:
        QueryArgumentError: If an argument is wrong.
    """
    shows = VIEWS[asked.kind]
    if asked.show not in shows:
        raise unknown("show", f"view of a {asked.kind}", asked.show, shows)
    grid = grid_of(aggregate.bucket)
    zone_name = asked.time_zone or grid.zone_name
    zone = zone_of(zone_name)
    filters = filters_of(asked.filters, aggregate)
    period, widened = period_of(asked.between, zone, facts.now, grid)
    view, shown = aggregate.view(shows[asked.show])
    if not asked.personal:
        _require_public(aggregate)
    return PeopleQuestion(
        aggregate=aggregate, facts=facts, show=shows[asked.show], view=view,
        columns=tuple(_column(aggregate, view, one) for one in shown), period=period, zone=zone,
        zone_name=zone_name, filters=filters, limit=limit_of(asked.limit),
        suppress_below=limit_of(asked.suppress_below, "suppress_below"),
        warnings=tuple(_warnings(period, facts, widened=widened)),
    )  # fmt: skip


def _require_public(aggregate: Aggregate) -> None:
    for dimension in aggregate.dimensions:
        if dimension.sensitivity in PERSONAL:
            raise QueryArgumentError(
                "personal", f"{dimension.name} shows values of a {dimension.sensitivity} field", ASK_PERSONAL
            )


def _column(aggregate: Aggregate, view: str, shown: Shown) -> Column:
    role: Role = "bucket" if shown.role == "bucket" else "dimension" if shown.role == "dimension" else "measure"
    unit = "seconds" if shown.name.startswith("seconds_") and role == "measure" else None
    return Column(shown.name, shown.type, role, unit, description=aggregate.text(shown.name, view))


def _warnings(period: Period, facts: Facts, *, widened: bool) -> Iterator[Warn]:
    if widened:
        yield Warn("range-widened", f"The range was widened to whole buckets: {period.start} to {period.end}.")
    if facts.history_before is not None and period.start < facts.history_before:
        yield Warn("former-version", "Some buckets were computed by an earlier version of the question.")
