"""Aggregates: their conditions, measures and dimensions, as the loader resolves them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, TypeAlias

from adi_analytics_codegen.model.annotations import Annotations
from adi_analytics_codegen.model.fields import LATER, Location
from adi_analytics_codegen.model.kinds import FieldType, MeasureKind, Operator

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
    "Test",
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


@dataclass(frozen=True, slots=True)
class Condition:
    """One test of a row. All tests of a ``where`` must hold.

    ``field`` is ``event`` (the event's name), a reference such as ``$user_id``, or a field's name.
    ``value`` is a tuple for ``in``, a bool for ``exists``, a scalar otherwise.
    """

    field: str
    op: Operator
    value: Any
    at: Location


@dataclass(frozen=True, slots=True)
class Choice:
    """One test of a row, made of others: all tests of at least one branch must hold, or of none if ``negated``.

    Each test inside is true or false of a row, never unknown, so a negation holds of every row that fails.
    """

    branches: tuple[tuple[Test, ...], ...]
    at: Location
    negated: bool = False


Test: TypeAlias = "Condition | Choice"


@dataclass(frozen=True, slots=True)
class Measure:
    """A value computed from the rows of a bucket that pass ``where``.

    Attributes:
        of: The field or column reference read; ``None`` for ``count``.
        times: The fields by which it is multiplied in each row, for a ``sum`` or ``avg``, with their types.
        type: The type of what ``of`` names; ``None`` for ``count``.
        quantile: The fraction, between 0 and 1, of a ``percentile``.
        trailing: For ``distinct``: count over this span that ends with the bucket, instead of the bucket alone.
        mergeable: For ``distinct``: also keep a sketch, which estimates the count over any range.
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

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields and column references that it reduces."""
        return () if self.of is None else (self.of, *(name for name, _ in self.times))


@dataclass(frozen=True, slots=True)
class Ratio:
    """A value derived from counts and sums: the numerators' sum over the denominators' sum, null over zero."""

    name: str
    numerator: tuple[str, ...]
    denominator: tuple[str, ...]
    at: Location
    description: str = ""


@dataclass(frozen=True, slots=True)
class Dimension:
    """A column to group by. ``of`` is a field's name or a column reference."""

    name: str
    of: str
    type: FieldType
    at: Location
    description: str = ""


@dataclass(frozen=True, slots=True)
class Refresh:
    """When a rollup is brought up to date: ``every`` so often, the buckets between ``window`` ago and ``lag`` ago."""

    every: timedelta
    window: timedelta
    lag: timedelta


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A rollup of events by time bucket and dimensions.

    Attributes:
        sources: Names of the events read, in catalog order; ``from: all`` gives every event's.
        all_events: Whether the catalog said ``from: all``. Such an aggregate reads the rows of all events.
        each: The path of a list whose items are the rows that it reads; empty when it reads rows of events.
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
