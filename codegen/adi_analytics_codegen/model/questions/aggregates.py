"""Aggregates: their conditions, measures and dimensions, as the loader resolves them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final, TypeAlias

from adi_analytics_codegen.model.annotations import Annotations
from adi_analytics_codegen.model.fields import LATER, Location
from adi_analytics_codegen.model.kinds import FieldType, MeasureKind, Operator
from adi_analytics_codegen.model.questions.calendars import Calendar
from adi_analytics_codegen.model.shown import Shown

__all__ = [
    "COLUMN_REFERENCES",
    "ENVIRONMENT",
    "EVENT",
    "HOSTNAME",
    "META",
    "SERVICE",
    "USER_ID",
    "Aggregate",
    "Choice",
    "Condition",
    "Dimension",
    "Measure",
    "Ratio",
    "Refresh",
    "Term",
    "Test",
    "in_order",
]

USER_ID: Final = "$user_id"
"""Reference to the ``user_id`` column of the events table, in an aggregate."""

SERVICE: Final = "$service"
"""Reference to the ``service`` column of the events table, in an aggregate."""

ENVIRONMENT: Final = "$environment"
"""Reference to the environment that a row came from, in an aggregate."""

HOSTNAME: Final = "$hostname"
"""Reference to the host that a row came from, in an aggregate."""

EVENT: Final = "event"
"""The event's name, in a condition of an aggregate."""

META: Final = {ENVIRONMENT: "environment", HOSTNAME: "hostname"}
"""References to members of the column `meta`, and what they are called there. Each is a string."""

COLUMN_REFERENCES: Final = (USER_ID, SERVICE, *META)


@dataclass(frozen=True, slots=True, repr=False)
class Condition(Shown):
    """One test of a row. All tests of a ``where`` must hold.

    ``field`` is ``event`` (the event's name), a reference such as ``$user_id``, or a field's name.
    ``value`` is a tuple for ``in``, a bool for ``exists``, a scalar otherwise.
    """

    field: str
    op: Operator
    value: Any
    at: Location


@dataclass(frozen=True, slots=True, repr=False)
class Choice(Shown):
    """One test of a row, made of others: all tests of at least one branch must hold, or of none if ``negated``.

    Each test inside is true or false of a row, never unknown, so a negation holds of every row that fails.
    """

    branches: tuple[tuple[Test, ...], ...]
    at: Location
    negated: bool = False


Test: TypeAlias = "Condition | Choice"


@dataclass(frozen=True, slots=True, repr=False)
class Term(Shown):
    """A part of a computed value, which is the sum of such parts.

    Attributes:
        factor: The digits of a number, with its sign, by which the product of the fields is multiplied.
        fields: The fields to multiply, with their types; none where the part is the number alone.
    """

    factor: str
    fields: tuple[tuple[str, FieldType], ...]


def in_order(terms: Iterable[Term]) -> tuple[Term, ...]:
    """Return *terms* in the one order that they have: the longest products first, then by name."""
    ordered = (replace(term, fields=tuple(sorted(term.fields))) for term in terms)
    return tuple(sorted(ordered, key=lambda term: (-len(term.fields), term.fields)))


@dataclass(frozen=True, slots=True, repr=False)
class Measure(Shown):
    """A value computed from the rows of a bucket that pass ``where``.

    Attributes:
        of: The field or column reference read; ``None`` for ``count``.
        times: The fields by which it is multiplied in each row, for a ``sum`` or ``avg``, with their types.
        type: The type of what ``of`` names; ``None`` for ``count``.
        quantile: The fraction, between 0 and 1, of a ``percentile``.
        trailing: For ``distinct``: count over this span that ends with the bucket, instead of the bucket alone.
        mergeable: For ``distinct``: also keep a sketch, which estimates the count over any range.
        terms: For a ``sum`` or ``avg`` of a computed value that is more than a product: its parts. ``of`` is a field
            of the first.
    """

    name: str
    kind: MeasureKind
    at: Location
    of: str | None = None
    type: FieldType | None = None
    quantile: float | None = None
    trailing: timedelta | None = None
    where: tuple[Test, ...] = ()
    description: str = ""
    times: tuple[tuple[str, FieldType], ...] = field(default=(), metadata=LATER)
    mergeable: bool = field(default=False, metadata=LATER)
    terms: tuple[Term, ...] = field(default=(), metadata=LATER)

    @property
    def parts(self) -> tuple[Term, ...]:
        """What it adds up or averages of each row, in the form that a field, a product and a computed value share."""
        if self.of is None or self.type is None:
            return ()
        return self.terms or (Term("1", ((self.of, self.type), *self.times)),)

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields and column references that it reduces."""
        return tuple(dict.fromkeys(name for part in self.parts for name, _ in part.fields))

    @property
    def has_unit(self) -> bool:
        """Whether its value has the unit of the fields that it reads, as far as they agree: no product has."""
        return all(len(part.fields) == 1 for part in self.parts)

    def renamed(self, named: Callable[[str], str]) -> Measure:
        """Return it with *named* applied to the names of the fields that it reduces."""
        return replace(
            self,
            of=None if self.of is None else named(self.of),
            times=tuple((named(name), kind) for name, kind in self.times),
            terms=in_order(
                replace(t, fields=tuple((named(name), kind) for name, kind in t.fields)) for t in self.terms
            ),
        )


@dataclass(frozen=True, slots=True, repr=False)
class Ratio(Shown):
    """A value derived from counts and sums: the numerators' sum over the denominators' sum, null over zero."""

    name: str
    numerator: tuple[str, ...]
    denominator: tuple[str, ...]
    at: Location
    description: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Dimension(Shown):
    """A column to group by. ``of`` is a field's name or a column reference."""

    name: str
    of: str
    type: FieldType
    at: Location
    description: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Refresh(Shown):
    """When a rollup is brought up to date: ``every`` so often, the buckets between ``window`` ago and ``lag`` ago."""

    every: timedelta
    window: timedelta
    lag: timedelta


@dataclass(frozen=True, slots=True, repr=False)
class Aggregate(Shown):
    """A rollup of events by time bucket and dimensions.

    Attributes:
        sources: Names of the events read, in catalog order; ``from: all`` gives every event's.
        all_events: Whether the catalog said ``from: all``. Such an aggregate reads the rows of all events.
        each: The path of a list whose items are the rows that it reads; empty when it reads rows of events.
        coarser_than: The aggregate whose percentiles it keeps by longer buckets; empty for one that the catalog names.
        calendar: Whose days, weeks or months the buckets are; ``None`` for equally long ones, counted in UTC.
    """

    name: str
    description: str
    sources: tuple[str, ...]
    bucket_name: str
    bucket_width: timedelta
    refresh: Refresh
    measures: tuple[Measure, ...]
    at: Location
    dimensions: tuple[Dimension, ...] = ()
    derived: tuple[Ratio, ...] = ()
    where: tuple[Test, ...] = ()
    all_events: bool = False
    version: int = 1
    owner: str = ""
    annotations: Annotations = field(default=Annotations(), compare=False)
    each: str = field(default="", metadata=LATER)
    coarser_than: str = field(default="", metadata=LATER)
    calendar: Calendar | None = field(default=None, metadata=LATER)
