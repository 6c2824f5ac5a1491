"""A question that is checked and complete: what the statements are written from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from adi_analytics.query.model.column import Column
    from adi_analytics.query.model.describe import Aggregate, Dimension
    from adi_analytics.query.model.facts import Facts
    from adi_analytics.query.model.result import Warn
    from adi_analytics.query.resolve.compare import Shift
    from adi_analytics.query.resolve.filters import Filters
    from adi_analytics.query.resolve.measures import Chosen
    from adi_analytics.query.resolve.times import Period


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments:
    """What was asked, as it was given; see :func:`adi_analytics.query.query`."""

    measures: Any = None
    dimensions: Any = ()
    filters: Any = None
    between: Any = None
    granularity: str = "bucket"
    time_zone: str | None = None
    compare: str | None = None
    order_by: Any = ()
    limit: int | None = None
    after: str | None = None
    fill: bool = True
    totals: bool = True
    personal: bool = False
    suppress_below: int | None = None
    distinct: str = "auto"


@dataclass(frozen=True, slots=True)
class Sort:
    """A column to sort by; what has no value comes last either way."""

    column: str
    descending: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question about one aggregate.

    Attributes:
        edges: The starts of the answer's buckets, and the end of the last one.
        chosen: The measures, each after those that it is made from.
        names: The measures asked for, in that order; some may be left out.
        public: Whether the public view is read, rather than the rows that it is made from.
        shift: How far back the period is that the range is compared with.
        columns: The columns of the answer.
        order: What the rows are sorted by; it tells any two rows apart.
        distinct: Where distinct counts over several buckets come from, if there is a choice.
        after: The values of the sorting columns in the row after which to go on.
    """

    aggregate: Aggregate
    facts: Facts
    period: Period
    edges: list[datetime]
    granularity: str
    zone: tzinfo
    zone_name: str
    dimensions: tuple[Dimension, ...]
    filters: Filters
    chosen: tuple[Chosen, ...]
    names: tuple[str, ...]
    public: bool
    compare: str | None
    shift: Shift | None
    compared: Period | None
    columns: tuple[Column, ...]
    order: tuple[Sort, ...]
    limit: int | None
    after: tuple[str | None, ...] | None
    fill: bool
    suppress_below: int | None
    key: str
    distinct: str
    warnings: tuple[Warn, ...]

    @property
    def shown(self) -> tuple[Chosen, ...]:
        """The measures that the answer has."""
        return tuple(entry for entry in self.chosen if entry.shown)

    @property
    def by_time(self) -> bool:
        """Whether the answer has a column of time."""
        return self.granularity != "total"
