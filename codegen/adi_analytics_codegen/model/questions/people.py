"""Questions about people, as the catalog declares them: who came, who came back, and how far they got.

Everything here is stored like an aggregate: a row per member and bucket, from which the public views are computed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeAlias

from adi_analytics_codegen.model.annotations import Annotations
from adi_analytics_codegen.model.fields import LATER
from adi_analytics_codegen.model.shown import Shown

if TYPE_CHECKING:
    from datetime import timedelta

    from adi_analytics_codegen.model.fields import Location
    from adi_analytics_codegen.model.kinds import FieldType
    from adi_analytics_codegen.model.questions.aggregates import Dimension, Refresh, Test
    from adi_analytics_codegen.model.questions.calendars import Calendar

MOST_STEPS: Final = 8
"""Steps that a funnel can have: what it costs grows with their square."""

LEAST_STEPS: Final = 2


class Mode(StrEnum):
    """Which buckets of a member begin a cohort."""

    FIRST_TIME = "first_time"
    RECURRING = "recurring"


class On(StrEnum):
    """Which return counts for a period: one in that period, or one in it or a later period of the table."""

    ON = "on"
    ON_OR_AFTER = "on_or_after"


class Order(StrEnum):
    """How the steps of a funnel must follow each other."""

    ORDERED = "ordered"
    STRICT = "strict"
    ANY = "any"


@dataclass(frozen=True, slots=True, repr=False)
class Entity(Shown):
    """What is counted: a person, or a thing that a field of events names.

    Attributes:
        name: ``$user_id``, or the entity's own name.
        of: The column reference or the field that identifies a member.
    """

    name: str
    of: str
    type: FieldType
    at: Location
    description: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Selection(Shown):
    """Which rows count: those of one event that pass ``where``, or with ``event=None`` every row.

    Attributes:
        others: What counts just as well: the rest of a list.
    """

    event: str | None
    where: tuple[Test, ...]
    at: Location
    others: tuple[Selection, ...] = field(default=(), metadata={"since": 2})

    @property
    def each(self) -> tuple[Selection, ...]:
        """This and the others: a row that one of them selects counts."""
        return (self, *self.others)


@dataclass(frozen=True, slots=True, repr=False)
class Step(Shown):
    """A step of a funnel."""

    name: str
    selection: Selection


@dataclass(frozen=True, slots=True, repr=False)
class Members(Shown):
    """The members of an entity: when each came first and last, and how many came in each bucket.

    Attributes:
        name: The public view of the counts by bucket.
        list_name: The public view with a row per member.
    """

    name: str
    list_name: str
    entity: Entity
    bucket_name: str
    bucket_width: timedelta
    refresh: Refresh
    at: Location
    description: str = ""
    version: int = 1
    owner: str = ""
    annotations: Annotations = field(default=Annotations(), compare=False)
    calendar: Calendar | None = field(default=None, metadata=LATER)

    @property
    def selections(self) -> tuple[Selection, ...]:
        """The rows that are read: every one."""
        return (Selection(None, (), self.at),)


@dataclass(frozen=True, slots=True, repr=False)
class Retention(Shown):
    """Who came back: cohorts by the bucket of their start, and how many of each returned in later buckets.

    Attributes:
        periods: How many buckets after that of the start are looked at.
    """

    name: str
    entity: Entity
    start: Selection
    returns: Selection
    bucket_name: str
    bucket_width: timedelta
    periods: int
    refresh: Refresh
    at: Location
    mode: Mode = Mode.FIRST_TIME
    on: On = On.ON
    description: str = ""
    version: int = 1
    owner: str = ""
    annotations: Annotations = field(default=Annotations(), compare=False)
    calendar: Calendar | None = field(default=None, metadata=LATER)

    @property
    def selections(self) -> tuple[Selection, ...]:
        """The rows that are read."""
        return (*self.start.each, *self.returns.each)


@dataclass(frozen=True, slots=True, repr=False)
class Funnel(Shown):
    """How far members got: steps that each must reach within a span after the first.

    Attributes:
        within: The longest time from the first step to the last.
        exclude: Rows that end every attempt that has begun.
        dimension: What the counts are grouped by: a field of the row that begins an attempt.
    """

    name: str
    entity: Entity
    steps: tuple[Step, ...]
    within: timedelta
    bucket_name: str
    bucket_width: timedelta
    refresh: Refresh
    at: Location
    order: Order = Order.ORDERED
    exclude: tuple[Selection, ...] = ()
    dimension: Dimension | None = None
    description: str = ""
    version: int = 1
    owner: str = ""
    annotations: Annotations = field(default=Annotations(), compare=False)
    calendar: Calendar | None = field(default=None, metadata=LATER)

    @property
    def selections(self) -> tuple[Selection, ...]:
        """The rows that are read; of a strict funnel every one, because any may come between two steps."""
        every = (Selection(None, (), self.at),) if self.order is Order.STRICT else ()
        return (*every, *(one for step in self.steps for one in step.selection.each), *self.exclude)


Question: TypeAlias = Members | Retention | Funnel
"""Anything of this module that is stored."""


def section(question: Question) -> str:
    """Return the path of *question* in the catalog, as findings print it."""
    if isinstance(question, Members):
        return f"entities.{question.entity.name}"
    return f"{'retention' if isinstance(question, Retention) else 'funnels'}.{question.name}"


def reads_every_event(question: Question) -> bool:
    """Whether rows of all events are read, those of events that the catalog does not have yet too."""
    return any(selection.event is None for selection in question.selections)
