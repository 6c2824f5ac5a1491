"""Fields, and the enums and object types that they use, as the loader resolves them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from adi_analytics_codegen.model.annotations import Annotations
from adi_analytics_codegen.model.kinds import FieldType, Format, Sensitivity, Store
from adi_analytics_codegen.model.shown import Shown

__all__ = ["LATER", "Deprecation", "Enum", "EnumValue", "Field", "Location", "ObjectType"]

LATER: Final = {"since": 2}
"""Metadata of what came with a later format: the fingerprint of a catalog without it stays what it was."""


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A place in a catalog file. Lines and columns count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, repr=False)
class Deprecation(Shown):
    """Why a thing should no longer be used, and what to use instead."""

    reason: str = ""
    replaced_by: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class EnumValue(Shown):
    """One value of an enum."""

    name: str
    at: Location
    description: str = ""
    deprecated: Deprecation | None = None
    member: str = ""
    """What it is called in languages whose enums have named members."""
    number: int | None = field(default=None, metadata=LATER)
    """What it is in JSON, where the values of the enum are whole numbers."""

    @property
    def json(self) -> str | int:
        """What it is in JSON."""
        return self.name if self.number is None else self.number


@dataclass(frozen=True, slots=True, repr=False)
class Enum(Shown):
    """A named set of strings, or of whole numbers. An open one may grow: readers must expect values that it lacks."""

    name: str
    class_name: str
    values: tuple[EnumValue, ...]
    at: Location
    open: bool = False
    description: str = ""
    type: FieldType = field(default=FieldType.STRING, metadata=LATER)
    """The type of its values: string or int."""

    @property
    def is_int(self) -> bool:
        """Whether its values are whole numbers."""
        return self.type is FieldType.INT


@dataclass(frozen=True, slots=True, repr=False)
class Field(Shown):
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
    """The name of the enum in :attr:`Catalog.enums`, for ``type: enum``. The type is int if its values are numbers."""
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
    const: str | int | bool | None = field(default=None, metadata=LATER)
    """The one value that it has, as JSON has it."""
    default: str | float | bool | None = field(default=None, metadata=LATER)
    """What a sender means that leaves it out, as JSON has it. It is stored. A constant is its own, if not optional."""
    open: bool = field(default=False, metadata=LATER)
    """Whether an object may have members that the catalog does not name."""
    annotations: Annotations = field(default=Annotations(), compare=False)

    @property
    def may_be_left_out(self) -> bool:
        """Whether a sender may leave it out."""
        return self.optional or self.default is not None

    @property
    def whole_digits(self) -> int | None:
        """How many digits of a decimal come before the point."""
        return None if self.precision is None or self.scale is None else self.precision - self.scale

    @property
    def key(self) -> str:
        """What it is called in JSON."""
        return self.name if self.wire is None else self.wire


@dataclass(frozen=True, slots=True, repr=False)
class ObjectType(Shown):
    """Objects that fields of several events have."""

    name: str
    class_name: str
    fields: tuple[Field, ...]
    at: Location
    description: str = ""
    open: bool = field(default=False, metadata=LATER)
    """Whether its objects may have members that the catalog does not name."""
