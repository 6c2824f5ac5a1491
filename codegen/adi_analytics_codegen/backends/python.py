"""Python: a package with one module per domain, of frozen dataclasses that encode and decode themselves in C."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from adi_analytics_codegen.backends import json_schema
from adi_analytics_codegen.backends.class_facts import (
    class_variables,
    decorator,
    field_rules,
    infos,
    is_past,
    wire_names,
)
from adi_analytics_codegen.backends.describe import (
    class_text,
    decimal_text,
    enum_value_text,
    field_text,
    sentence,
    wire_text,
)
from adi_analytics_codegen.backends.layout import Group, OrNone, Part, laid_out
from adi_analytics_codegen.backends.text import HEADER, WIDTH, environment, import_line, py_docstring, py_string
from adi_analytics_codegen.model.fields import Field
from adi_analytics_codegen.model.fingerprint import fingerprint
from adi_analytics_codegen.model.kinds import FieldType
from adi_analytics_codegen.model.tables import dead_letters_table, late_after
from adi_analytics_codegen.model.text.formats import WORDS, pattern_of
from adi_analytics_codegen.model.text.naming import object_class_name
from adi_analytics_codegen.model.text.patterns import in_python
from adi_analytics_codegen.model.walk import every_field
from adi_analytics_codegen.model.wire import as_on_wire

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from adi_analytics_codegen.model.catalog import Catalog
    from adi_analytics_codegen.model.events import Event
    from adi_analytics_codegen.model.fields import Enum, ObjectType

_STANDARD: Final = {
    "Mapping": "collections.abc",
    "date": "datetime",
    "_date": "datetime",
    "datetime": "datetime",
    "Decimal": "decimal",
    "StrEnum": "enum",
    "Annotated": "typing",
    "Any": "typing",
    "ClassVar": "typing",
    "Literal": "typing",
    "UUID": "uuid",
}
"""Names that generated code takes from the standard library."""
_SCALARS: Final = {
    FieldType.UUID: "UUID",
    FieldType.STRING: "str",
    FieldType.INT: "int",
    FieldType.FLOAT: "float",
    FieldType.BOOL: "bool",
    FieldType.DATETIME: "datetime",
    FieldType.DATE: "date",
    FieldType.DECIMAL: "Decimal",
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
_PUBLIC: Final = (
    "CATALOG", "CATALOG_HASH", "CATALOG_NAME", "DECODERS", "EVENTS", "AnyEvent", "EventDecodeError", "FieldInfo",
    "field_info", "from_dict", "from_json", "from_stored", "to_dict", "to_json",
)  # fmt: skip
_MODULES: Final = (
    "__init__",
    "_catalog",
    "_codec",
    "_dataclass",
    "_fields",
    "_info",
    "_pydantic",
    "_registry",
    "_stored",
)


@dataclass(frozen=True, slots=True)
class _Class:
    """A class to generate: an event, or an object inside one."""

    name: str
    fields: tuple[Field, ...]
    event: Event | None = None
    text: str = ""


def render(catalog: Catalog) -> dict[str, str]:
    """Return the package of *catalog*."""
    return _Package(catalog).files()


class _Package:
    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.enum_classes = {enum.name: enum.class_name for enum in catalog.enums}
        self.templates = environment("python")
        every = [field for holder in (catalog.events, catalog.types) for one in holder for field in one.fields]
        self.date = "_date" if any(field.name == "date" for field in every_field(every)) else "date"
        """What the class ``date`` is called, which a field of that name hides."""
        self.by_domain = {
            domain: [made for event in catalog.events if event.domain == domain for made in _classes_of(event)]
            for domain in catalog.domains
        }
        self.types = [made for one in catalog.types for made in _classes_of_type(one)]

    def files(self) -> dict[str, str]:
        """Return the text of every module."""
        texts = self.class_texts()
        folder = f"python/{self.catalog.python_package}"
        files = {
            f"{folder}/{domain}.py": self.module(self.catalog.domains[domain], [texts[made.name] for made in classes])
            for domain, classes in self.by_domain.items()
            if classes
        }
        if self.catalog.enums:
            enums = [texts[enum.class_name] for enum in self.catalog.enums]
            files[f"{folder}/_enums.py"] = self.module("Enums of the catalog", enums)
        if self.types:
            shared = [texts[made.name] for made in self.types]
            files[f"{folder}/_types.py"] = self.module("Objects that events share", shared)
        context = self.context()
        for name in _MODULES:
            files[f"{folder}/{name}.py"] = self.render(f"{name}.py.jinja", **context)
        return {**files, f"{folder}/py.typed": ""}

    def render(self, template: str, **context: Any) -> str:
        return self.templates.get_template(template).render(header=f"# {HEADER}", **context)

    def context(self) -> dict[str, Any]:
        """Return what the templates of the package's own modules need."""
        events = [event.class_name for event in self.catalog.events]
        enums = [enum.class_name for enum in self.catalog.enums]
        modules = sorted(
            (domain, [made.name for made in made_in]) for domain, made_in in self.by_domain.items() if made_in
        )
        types = [made.name for made in self.types]
        names = [*types, *(name for _, named in modules for name in named)]
        return {
            "catalog": self.catalog,
            "hash": fingerprint(self.catalog),
            "dead_letters_table": dead_letters_table(self.catalog),
            "late_after": late_after(self.catalog),
            "format": 1 if self.catalog.user_id is FieldType.UUID and as_on_wire(self.catalog) is self.catalog else 2,
            "docstring": py_docstring(f"Events of the catalog {self.catalog.name}.", indent=0),
            "modules": [
                (module, sorted(named, key=_import_order))
                for module, named in ([("_types", types)] if types else []) + modules
            ],
            "event_modules": [
                (domain, sorted((made.name for made in self.by_domain[domain] if made.event), key=_import_order))
                for domain, _ in modules
            ],
            "enums": sorted(enums, key=_import_order),
            "exported": sorted([*_PUBLIC, *enums, *names], key=_import_order),
            "union": _union(events),
            "fields": [(event.type, list(infos(event.fields))) for event in self.catalog.events],
            "has_rules": any(event.rules for event in self.catalog.events),
            "has_past": any(is_past(event) for event in self.catalog.events),
        }

    def module(self, summary: str, texts: list[str]) -> str:
        """Return a module of classes with the imports that they need."""
        used = _names_in("\n\n".join(texts))
        standard: dict[str, list[str]] = {}
        for name, module in _STANDARD.items():
            if name in used:
                standard.setdefault(module, []).append(name)
        makers: list[str] = [name for name in ("dataclass", "deprecated") if name in used]
        own = {
            "._dataclass": makers,
            "._enums": self.defined_in(self.enum_classes.values(), used, texts),
            "._types": self.defined_in((made.name for made in self.types), used, texts),
        }
        imports = {
            "standard": [line for module, names in sorted(standard.items()) for line in _from(module, names)],
            "third_party": ["from msgspec import Meta"] if "Meta" in used else [],
            "own": [import_line(module, names) for module, names in own.items() if names],
        }
        return self.render(
            "module.py.jinja", docstring=py_docstring(sentence(summary), 0), imports=imports, classes=texts
        )

    def defined_in(self, names: Iterable[str], used: set[str], texts: list[str]) -> list[str]:
        """Return those of *names* that are used and come from another module than that of *texts*."""
        defined = set(re.findall(r"^class (\w+)", "\n".join(texts), re.MULTILINE))
        return sorted((set(names) & used) - defined, key=_import_order)

    def class_texts(self) -> dict[str, str]:
        """Return the text of every class, by name."""
        from adi_analytics_codegen.backends.datamodel import classes

        made = [*self.types, *(one for in_domain in self.by_domain.values() for one in in_domain)]
        definitions = {enum.class_name: _enum_definition(enum) for enum in self.catalog.enums}
        definitions |= {one.name: self.definition(one) for one in made}
        extra = {enum.class_name: _enum_extra(enum) for enum in self.catalog.enums}
        extra |= {one.name: self.template_data(one) for one in made}
        return classes(definitions, extra) if definitions else {}

    def definition(self, made: _Class) -> dict[str, Any]:
        """Return the JSON Schema of one class, with references to the classes of its objects."""
        return {
            "type": "object",
            "title": made.name,
            "properties": {field.name: self.property(made.name, field) for field in made.fields},
            "required": [field.name for field in made.fields if not field.optional],
        }

    def property(self, owner: str, field: Field) -> dict[str, Any]:
        if field.type is FieldType.OBJECT:
            return {"$ref": f"#/$defs/{object_class_name(owner, field)}"}
        if field.type is FieldType.LIST and field.items is not None:
            inner = replace(field.items, name=field.name)
            return {"type": "array", "items": self.property(owner, inner)}
        if field.type is FieldType.MAP:
            return {"type": "object"}  # its annotation is ours
        if field.type is FieldType.ENUM and field.enum is not None:
            return {"$ref": f"#/$defs/{self.enum_classes[field.enum]}"}
        return json_schema.plain_type(field.type)

    def template_data(self, made: _Class) -> dict[str, Any]:
        """Return what JSON Schema cannot say about one class."""
        return {
            "deprecated": decorator(made.event) if made.event and is_past(made.event) else "",
            "docstring": py_docstring(class_text(made.event) if made.event else made.text),
            "class_variables": [*_said_of(made), *wire_names(made.fields)],
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
        return " ".join(filter(None, [field_text(field), wire_text(field), kind, known]))

    def own_annotation(self, owner: str, field: Field) -> str:
        """Return annotation and default of *field* where JSON Schema is not enough to know it; else nothing."""
        part, before = self.annotation(owner, field), f"    {field.name}: "
        text = laid_out(part, before, "None" if field.optional else "")
        is_known = not _bounds(field) and field.type not in _OWN and not self.is_open(field.enum)
        return "" if is_known and "\n" not in text else text

    def annotation(self, owner: str, field: Field) -> Part:
        """Return the annotation of *field*, bounds included."""
        kind = self.type_part(owner, field)
        bounds = _bounds(field)
        if bounds:
            kind = Group("Annotated[", (kind, Group("Meta(", tuple(bounds), ")")), "]")
        return OrNone(kind) if field.optional else kind

    def type_part(self, owner: str, field: Field) -> Part:
        if field.type is FieldType.OBJECT:
            return object_class_name(owner, field)
        if field.type is FieldType.LIST and field.items is not None:
            return Group("tuple[", (self.annotation(owner, replace(field.items, name=field.name)), "..."), "]")
        if field.type is FieldType.MAP and field.items is not None:
            return Group("Mapping[", ("str", self.annotation(owner, replace(field.items, name=field.name))), "]")
        if field.type is FieldType.ENUM and field.enum is not None:
            return "str" if self.is_open(field.enum) else self.enum_classes[field.enum]
        return self.date if field.type is FieldType.DATE else _SCALARS[field.type]

    def is_open(self, name: str | None) -> bool:
        enum = self.catalog.enum(name or "")
        return enum is not None and enum.open


def _said_of(made: _Class) -> list[str]:
    return [*class_variables(made.event), *field_rules(made.event)] if made.event else []


def _classes_of(event: Event) -> Iterator[_Class]:
    """Yield the classes of *event*: those of its objects, innermost first, then its own."""
    yield from _object_classes(event.class_name, event.fields)
    yield _Class(event.class_name, event.fields, event)


def _classes_of_type(one: ObjectType) -> Iterator[_Class]:
    """Yield the classes of a type of objects: those of the objects inside it, then its own."""
    yield from _object_classes(one.class_name, one.fields)
    text = sentence(one.description) if one.description else f"An object of type {one.name}."
    yield _Class(one.class_name, one.fields, text=text)


def _object_classes(owner: str, fields: Iterable[Field]) -> Iterator[_Class]:
    for field in fields:
        if field.class_name is not None:
            continue
        if field.type is FieldType.OBJECT:
            name = object_class_name(owner, field)
            yield from _object_classes(name, field.fields)
            yield _Class(name, field.fields, text=f"The {field.name} of {owner}.")
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


def _enum_definition(enum: Enum) -> dict[str, Any]:
    return {
        "type": "string",
        "title": enum.class_name,
        "enum": [value.name for value in enum.values],
        "x-enum-varnames": [value.member for value in enum.values],
    }


def _enum_extra(enum: Enum) -> dict[str, Any]:
    doc = sentence(enum.description or f"Values of {enum.name}")
    note = "\n\nMore values may come: readers must expect values that they do not know." if enum.open else ""
    members = [
        {
            "name": value.member,
            "value": py_string(value.name),
            "docstring": py_docstring(text) if (text := enum_value_text(value)) else "",
        }
        for value in enum.values
    ]
    return {"docstring": py_docstring(doc + note), "members": members}


def _union(names: list[str]) -> str:
    line = f"AnyEvent: TypeAlias = {' | '.join(names)}"
    if len(line) <= WIDTH:
        return line
    together = " | ".join(names)
    inner = together if 4 + len(together) <= WIDTH else "\n    | ".join(names)
    return f"AnyEvent: TypeAlias = (\n    {inner}\n)"


def _import_order(name: str) -> tuple[int, str, str]:
    """Sort as ruff does: constants, then classes, then the rest, all without regard to case."""
    group = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    return group, name.lower(), name


def _from(module: str, names: list[str]) -> Iterator[str]:
    """Yield the lines that import *names*: first those by another name, which begin with an underscore."""
    yield from (f"from {module} import {name[1:]} as {name}" for name in names if name.startswith("_"))
    plain = [name for name in names if not name.startswith("_")]
    if plain:
        yield f"from {module} import {', '.join(plain)}"


def _names_in(code: str) -> set[str]:
    """Return the names that *code* uses; its strings are no names, and what it defines is not used."""
    nodes = (node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name))
    return {node.id for node in nodes if isinstance(node.ctx, ast.Load)}
