"""The intermediate representation of a catalog: what the loader makes of ``events.yaml`` and every backend reads.

Everything here is frozen, ordered as in the catalog, fully resolved (groups are expanded, defaults are filled in)
and valid: a backend never checks its input again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, TypeAlias

from adi_analytics_codegen.model.annotations import Annotations
from adi_analytics_codegen.model.kinds import FieldType, Format, MeasureKind, Operator, Sensitivity, Status, Store
from adi_analytics_codegen.model.people import Funnel, Members, Retention
from adi_analytics_codegen.model.rules import FieldRule

__all__ = [
    "COLUMN_REFERENCES",
    "DEFAULT_OUTPUTS",
    "ENVIRONMENT",
    "EVENT",
    "FORMATS",
    "HOSTNAME",
    "LATER",
    "META",
    "OUTPUTS",
    "SERVICE",
    "USER_ID",
    "Aggregate",
    "Catalog",
    "Choice",
    "Condition",
    "Deprecation",
    "Dimension",
    "Enum",
    "EnumValue",
    "Event",
    "Field",
    "FieldType",
    "Format",
    "Location",
    "Measure",
    "MeasureKind",
    "ObjectType",
    "Operator",
    "Ratio",
    "Refresh",
    "Sensitivity",
    "Status",
    "Storage",
    "Store",
    "Test",
]

OUTPUTS: Final = ("json_schema", "python", "sql", "typescript", "docs", "rust", "go")
"""Everything that a catalog can be made into."""

DEFAULT_OUTPUTS: Final = OUTPUTS[:5]
"""What a catalog is made into that does not say it."""

FORMATS: Final = (1, 2)
"""The formats of catalogs, oldest first. Every catalog of a format is one of each later format too."""

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

LATER: Final = {"since": 2}
"""Metadata of what came with a later format: the fingerprint of a catalog without it stays what it was."""

META: Final = {ENVIRONMENT: "environment", HOSTNAME: "hostname"}
"""References to members of the column `meta`, and what they are called there. Each is a string."""

COLUMN_REFERENCES: Final = (USER_ID, SERVICE, *META)


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A place in a catalog file. Lines and columns count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Deprecation:
    """Why a thing should no longer be used, and what to use instead."""

    reason: str = ""
    replaced_by: str | None = None


@dataclass(frozen=True, slots=True)
class EnumValue:
    """One value of an enum."""

    name: str
    at: Location
    description: str = ""
    deprecated: Deprecation | None = None
    member: str = ""
    """What it is called in languages whose enums have named members."""


@dataclass(frozen=True, slots=True)
class Enum:
    """A named set of strings. An open one may grow: readers must expect values that they do not know."""

    name: str
    class_name: str
    values: tuple[EnumValue, ...]
    at: Location
    open: bool = False
    description: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an event or of an object; or the items of a list or the values of a map, whose ``name`` is empty."""

    name: str
    type: FieldType
    at: Location
    description: str = ""
    optional: bool = False
    unit: str | None = None
    min: int | float | None = None
    max: int | float | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    min_items: int | None = None
    max_items: int | None = None
    enum: str | None = None
    """The name of the enum in :attr:`Catalog.enums`, for ``type: enum``."""
    items: Field | None = None
    """What is in a list, or the values of a map. They are ``optional`` if they may be null."""
    fields: tuple[Field, ...] = ()
    sensitivity: Sensitivity = Sensitivity.NONE
    store: Store = Store.KEEP
    store_stated: bool = False
    """Whether the catalog says ``store``, rather than leaving it to the sensitivity."""
    deprecated: Deprecation | None = None
    format: Format | None = field(default=None, metadata=LATER)
    """What the text of a string is. ``pattern`` has the pattern of the format."""
    precision: int | None = field(default=None, metadata=LATER)
    """How many digits a decimal has."""
    scale: int | None = field(default=None, metadata=LATER)
    """How many of the digits of a decimal come after the point."""
    wire: str | None = field(default=None, metadata=LATER)
    """What it is called in JSON, where the catalog says so."""

    class_name: str | None = field(default=None, metadata=LATER)
    """The class of an object whose type is one of :attr:`Catalog.types`; its ``fields`` are those of the type."""
    annotations: Annotations = field(default=Annotations(), compare=False)

    @property
    def whole_digits(self) -> int | None:
        """How many digits of a decimal come before the point."""
        return None if self.precision is None or self.scale is None else self.precision - self.scale

    @property
    def key(self) -> str:
        """What it is called in JSON."""
        return self.name if self.wire is None else self.wire


@dataclass(frozen=True, slots=True)
class ObjectType:
    """Objects that fields of several events have."""

    name: str
    class_name: str
    fields: tuple[Field, ...]
    at: Location
    description: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """An event: its identity, its life and its fields."""

    name: str
    class_name: str
    domain: str
    description: str
    owner: str
    fields: tuple[Field, ...]
    at: Location
    status: Status = Status.STABLE
    version: int = 1
    user_id_field: str | None = None
    """The field that fills the table's ``user_id`` column."""
    service_field: str | None = None
    """The field that fills the table's ``service`` column."""
    reserved: tuple[str, ...] = ()
    """Paths of removed fields, in the keys that they had in JSON: never to be used again."""
    deprecated: Deprecation | None = None
    examples: tuple[dict[str, Any], ...] = ()
    wire: str | None = field(default=None, metadata=LATER)
    """What it is called in JSON and in the column ``event_type``, where the catalog says so."""
    annotations: Annotations = field(default=Annotations(), compare=False)
    rules: tuple[FieldRule, ...] = field(default=(), metadata=LATER)

    @property
    def type(self) -> str:
        """What it is called in JSON and in the column ``event_type``."""
        return self.name if self.wire is None else self.wire

    def field(self, name: str) -> Field | None:
        """Return the field called *name*, or ``None``."""
        return next((f for f in self.fields if f.name == name), None)


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


@dataclass(frozen=True, slots=True)
class Storage:
    """How the events table is stored. ``None`` for an interval switches the feature off."""

    table: str = "analytics_events"
    chunk_interval: timedelta = timedelta(days=1)
    compress_after: timedelta | None = timedelta(days=7)
    retention: timedelta | None = timedelta(days=90)
    index_data: bool = False
    """Whether ``data`` gets a GIN index. It costs 30 to 45 % of the write rate."""


@dataclass(frozen=True, slots=True)
class Catalog:
    """A whole catalog."""

    name: str
    events: tuple[Event, ...]
    format: int = FORMATS[-1]
    owner: str = ""
    storage: Storage = field(default_factory=Storage)
    domains: dict[str, str] = field(default_factory=dict)
    """Name to description."""
    enums: tuple[Enum, ...] = ()
    aggregates: tuple[Aggregate, ...] = ()
    members: tuple[Members, ...] = field(default=(), metadata=LATER)
    retention: tuple[Retention, ...] = field(default=(), metadata=LATER)
    funnels: tuple[Funnel, ...] = field(default=(), metadata=LATER)
    reserved_events: tuple[str, ...] = ()
    """Types of removed events: never to be used again."""
    user_id: FieldType = field(default=FieldType.UUID, metadata=LATER)
    """The type of the table's column ``user_id``: uuid or string."""
    outputs: tuple[str, ...] = DEFAULT_OUTPUTS
    """What is generated from it, in the order of :data:`OUTPUTS`."""
    python_package: str = ""
    """The import name of the generated Python package. The loader fills it in where the file does not say it."""

    types: tuple[ObjectType, ...] = field(default=(), metadata=LATER)
    """Types of objects, each after those that it uses."""

    def event(self, name: str) -> Event | None:
        """Return the event called *name*, or ``None``."""
        return next((e for e in self.events if e.name == name), None)

    def enum(self, name: str) -> Enum | None:
        """Return the enum called *name*, or ``None``."""
        return next((e for e in self.enums if e.name == name), None)
