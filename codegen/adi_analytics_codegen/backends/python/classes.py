"""The classes of the generated Python: what datamodel-code-generator needs to know of each, and what it does not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from adi_analytics_codegen.backends import json_schema
from adi_analytics_codegen.backends.describe import (
    class_text,
    decimal_text,
    enum_value_text,
    field_text,
    fixed_text,
    sentence,
    wire_text,
)
from adi_analytics_codegen.backends.python.facts import (
    class_variables,
    decorator,
    field_rules,
    is_past,
    open_objects,
    wire_names,
)
from adi_analytics_codegen.backends.python.layout import Group, OrNone, Part, laid_out
from adi_analytics_codegen.backends.text import py_docstring, py_string
from adi_analytics_codegen.model.fields import Field
from adi_analytics_codegen.model.kinds import FieldType
from adi_analytics_codegen.model.text.formats import WORDS, pattern_of
from adi_analytics_codegen.model.text.naming import object_class_name
from adi_analytics_codegen.model.text.patterns import in_python
from adi_analytics_codegen.model.walk import every_field

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from adi_analytics_codegen.model.catalog import Catalog
    from adi_analytics_codegen.model.events import Event
    from adi_analytics_codegen.model.fields import Enum, ObjectType

_SCALARS: Final = {
    FieldType.UUID: "UUID",
    FieldType.STRING: "str",
    FieldType.INT: "int",
    FieldType.FLOAT: "float",
    FieldType.BOOL: "bool",
    FieldType.DATETIME: "datetime",
    FieldType.DATE: "date",
    FieldType.DECIMAL: "Decimal",
    FieldType.ENUM: "str",
    FieldType.JSON: "Any",
}
_META: Final = {
    "min": "ge",
    "max": "le",
    "min_length": "min_length",
    "max_length": "max_length",
    "pattern": "pattern",
    "min_items": "min_length",
    "max_items": "max_length",
}


@dataclass(frozen=True, slots=True)
class Class:
    """A class to generate: an event, or an object inside one."""

    name: str
    fields: tuple[Field, ...]
    event: Event | None = None
    text: str = ""
    open: bool = False


class Classes:
    """Describes the classes of one catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.enum_classes = {enum.name: enum.class_name for enum in catalog.enums}
        every = [field for holder in (catalog.events, catalog.types) for one in holder for field in one.fields]
        self.date = "_date" if any(field.name == "date" for field in every_field(every)) else "date"
        """What the class ``date`` is called, which a field of that name hides."""

    def definition(self, made: Class) -> dict[str, Any]:
        """Return the JSON Schema of one class, with references to the classes of its objects."""
        return {
            "type": "object",
            "title": made.name,
            "properties": {field.name: self.property(made.name, field) for field in made.fields},
            "required": [field.name for field in made.fields if not field.may_be_left_out],
        }

    def property(self, owner: str, field: Field) -> dict[str, Any]:
        """Return the JSON Schema of *field* of the class *owner*."""
        if field.type is FieldType.OBJECT:
            return {"$ref": f"#/$defs/{object_class_name(owner, field)}"}
        if field.type is FieldType.LIST and field.items is not None:
            inner = replace(field.items, name=field.name)
            return {"type": "array", "items": self.property(owner, inner)}
        if field.type is FieldType.MAP:
            return {"type": "object"}  # its annotation is ours
        if field.enum is not None:
            return {"$ref": f"#/$defs/{self.enum_classes[field.enum]}"}
        return json_schema.plain_type(field.type)

    def template_data(self, made: Class) -> dict[str, Any]:
        """Return what JSON Schema cannot say about one class."""
        return {
            "deprecated": decorator(made.event) if made.event and is_past(made.event) else "",
            "docstring": py_docstring(class_text(made.event) if made.event else made.text),
            "class_variables": [
                *_said_of(made),
                *wire_names(made.fields),
                *open_objects(made.fields, is_open=made.open),
            ],
            "is_open": made.open,
            "members": [
                {
                    "name": field.name,
                    "annotation": self.own_annotation(made.name, field),
                    "docstring": py_docstring(doc) if (doc := self.doc(field)) else "",
                }
                for field in made.fields
            ],
        }

    def doc(self, field: Field) -> str:
        """Return the description of *field*, with the known values of an open enum, which is typed ``str``."""
        known = f"Known values: {self.enum_classes[field.enum]}." if field.enum and self.is_open(field.enum) else ""
        kind = WORDS[field.format] if field.format else decimal_text(field) if field.precision else ""
        return " ".join(filter(None, [field_text(field), wire_text(field), kind, known, fixed_text(field)]))

    def own_annotation(self, owner: str, field: Field) -> str:
        """Return annotation and default of *field* where JSON Schema is not enough to know it; else nothing."""
        part, before = self.annotation(owner, field), f"    {field.name}: "
        text = laid_out(part, before, self.given(field))
        is_fixed = field.const is not None or field.default is not None
        is_known = not is_fixed and not _bounds(field) and field.type not in _OWN and not self.is_open(field.enum)
        return "" if is_known and "\n" not in text else text

    def given(self, field: Field) -> str:
        """Return what the constructor gives *field* where the caller does not; nothing where the caller must."""
        if field.optional:
            return "None"
        value = field.default if field.const is None else field.const
        if value is None:
            return ""
        enum = self.catalog.enum(field.enum or "")
        if enum is not None and not enum.open:
            return next(f"{enum.class_name}.{one.member}" for one in enum.values if one.json == value)
        text = _literal(value)
        return f"Decimal({text})" if field.type is FieldType.DECIMAL else text

    def annotation(self, owner: str, field: Field) -> Part:
        """Return the annotation of *field*, bounds included."""
        kind = self.type_part(owner, field)
        bounds = _bounds(field)
        if bounds:
            kind = Group("Annotated[", (kind, Group("Meta(", tuple(bounds), ")")), "]")
        return OrNone(kind) if field.optional else kind

    def type_part(self, owner: str, field: Field) -> Part:
        """Return the annotation of *field* without its bounds."""
        if field.type is FieldType.OBJECT:
            return object_class_name(owner, field)
        if field.type is FieldType.LIST and field.items is not None:
            return Group("tuple[", (self.annotation(owner, replace(field.items, name=field.name)), "..."), "]")
        if field.type is FieldType.MAP and field.items is not None:
            return Group("Mapping[", ("str", self.annotation(owner, replace(field.items, name=field.name))), "]")
        if field.const is not None:
            return Group("Literal[", (_literal(field.const),), "]")
        if field.enum is not None and not self.is_open(field.enum):
            return self.enum_classes[field.enum]
        return self.date if field.type is FieldType.DATE else _SCALARS[field.type]

    def is_open(self, name: str | None) -> bool:
        """Return whether there is an enum called *name*, and it is open."""
        enum = self.catalog.enum(name or "")
        return enum is not None and enum.open


def _literal(value: Any) -> str:
    """Return a text, a number or a truth as Python writes it."""
    return py_string(value) if isinstance(value, str) else repr(value).replace("e+", "e")


def _said_of(made: Class) -> list[str]:
    return [*class_variables(made.event), *field_rules(made.event)] if made.event else []


def classes_of(event: Event) -> Iterator[Class]:
    """Yield the classes of *event*: those of its objects, innermost first, then its own."""
    yield from _object_classes(event.class_name, event.fields)
    yield Class(event.class_name, event.fields, event)


def classes_of_type(one: ObjectType) -> Iterator[Class]:
    """Yield the classes of a type of objects: those of the objects inside it, then its own."""
    yield from _object_classes(one.class_name, one.fields)
    text = sentence(one.description) if one.description else f"An object of type {one.name}."
    yield Class(one.class_name, one.fields, text=text, open=one.open)


def _object_classes(owner: str, fields: Iterable[Field]) -> Iterator[Class]:
    for field in fields:
        if field.class_name is not None:
            continue
        if field.type is FieldType.OBJECT:
            name = object_class_name(owner, field)
            yield from _object_classes(name, field.fields)
            yield Class(name, field.fields, text=f"The {field.name} of {owner}.", open=field.open)
        elif field.items is not None:
            yield from _object_classes(owner, [replace(field.items, name=field.name)])


_OWN: Final = {FieldType.LIST, FieldType.MAP, FieldType.DATE}
"""Types whose annotations are ours."""


def _bounds(field: Field) -> list[str]:
    """Return what ``Meta`` is called with. To ``msgspec``, a decimal is a string: see ``_dataclass.py``."""
    if field.type is FieldType.DECIMAL:
        pattern = py_string(in_python(pattern_of(field) or ""))
        return [f"pattern={pattern}", f'extra={{"scale": {field.scale}}}']
    bounds = [
        f"{word}={py_string(in_python(value)) if isinstance(value, str) else repr(value).replace('e+', 'e')}"
        for key, word in _META.items()
        if (value := getattr(field, key)) is not None
    ]
    return [*bounds, "tz=True"] if field.type is FieldType.DATETIME else bounds


def enum_definition(enum: Enum) -> dict[str, Any]:
    """Return the JSON Schema of *enum*, with the names of its members."""
    return {
        "type": "integer" if enum.is_int else "string",
        "title": enum.class_name,
        "enum": [value.json for value in enum.values],
        "x-enum-varnames": [value.member for value in enum.values],
    }


def enum_extra(enum: Enum) -> dict[str, Any]:
    """Return what JSON Schema cannot say about *enum*."""
    doc = sentence(enum.description or f"Values of {enum.name}")
    note = "\n\nMore values may come: readers must expect values that they do not know." if enum.open else ""
    members = [
        {
            "name": value.member,
            "value": repr(value.number) if enum.is_int else py_string(value.name),
            "docstring": py_docstring(text) if (text := enum_value_text(value)) else "",
        }
        for value in enum.values
    ]
    base = "IntEnum" if enum.is_int else "StrEnum"
    return {"docstring": py_docstring(doc + note), "members": members, "base": base}
