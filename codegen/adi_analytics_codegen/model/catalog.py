"""The intermediate representation of a catalog: what the loader makes of ``events.yaml`` and every backend reads.

Everything in the model is frozen, ordered as in the catalog, fully resolved (groups are expanded, defaults are filled
in) and valid: a backend never checks its input again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from adi_analytics_codegen.model.dashboard import Dashboard, Definition
from adi_analytics_codegen.model.events import Event
from adi_analytics_codegen.model.fields import LATER, Enum, ObjectType
from adi_analytics_codegen.model.kinds import FieldType
from adi_analytics_codegen.model.questions.aggregates import Aggregate
from adi_analytics_codegen.model.questions.people import Funnel, Members, Retention
from adi_analytics_codegen.model.shown import Shown

__all__ = ["DEFAULT_OUTPUTS", "FORMATS", "OUTPUTS", "Catalog", "Storage"]

OUTPUTS: Final = ("json_schema", "python", "sql", "typescript", "docs", "rust", "go", "clickhouse")
"""Everything that a catalog can be made into."""

DEFAULT_OUTPUTS: Final = OUTPUTS[:5]
"""What a catalog is made into that does not say it."""

FORMATS: Final = (1, 2)
"""The formats of catalogs, oldest first. Every catalog of a format is one of each later format too."""


@dataclass(frozen=True, slots=True, repr=False)
class Storage(Shown):
    """How the events table is stored. ``None`` for an interval switches the feature off."""

    table: str = "analytics_events"
    chunk_interval: timedelta = timedelta(days=1)
    compress_after: timedelta | None = timedelta(days=7)
    retention: timedelta | None = timedelta(days=90)
    index_data: bool = False
    """Whether ``data`` gets a GIN index. It costs 30 to 45 % of the write rate."""


@dataclass(frozen=True, slots=True, repr=False)
class Catalog(Shown):
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

    dashboard: Dashboard = field(default=Dashboard(), compare=False)
    """How it is shown."""
    definitions: tuple[Definition, ...] = field(default=(), compare=False)
    """Its own text, by what the lines define."""

    def event(self, name: str) -> Event | None:
        """Return the event called *name*, or ``None``."""
        return next((e for e in self.events if e.name == name), None)

    def enum(self, name: str) -> Enum | None:
        """Return the enum called *name*, or ``None``."""
        return next((e for e in self.enums if e.name == name), None)
