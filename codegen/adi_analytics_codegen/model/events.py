"""An event, as the loader resolves it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from adi_analytics_codegen.model.annotations import Annotations
from adi_analytics_codegen.model.fields import LATER, Deprecation, Field, Location
from adi_analytics_codegen.model.kinds import Status
from adi_analytics_codegen.model.rules import FieldRule
from adi_analytics_codegen.model.shown import Shown

__all__ = ["Event"]


@dataclass(frozen=True, slots=True, repr=False)
class Event(Shown):
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
