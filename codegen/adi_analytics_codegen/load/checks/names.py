"""Names that some target language cannot have, and names that collide there."""

from __future__ import annotations

import keyword
import sys
from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.model.text.naming import classes_of
from adi_analytics_codegen.model.walk import every_field, innermost

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adi_analytics_codegen.load.context import Context
    from adi_analytics_codegen.model.catalog import Catalog
    from adi_analytics_codegen.model.fields import Enum, EnumValue, Field, Location

_PYTHON_CLASSES: Final = frozenset(
    {
        "Annotated",
        "Any",
        "AnyEvent",
        "CATALOG",
        "ClassVar",
        "Decimal",
        "DECODERS",
        "EVENTS",
        "EventDecodeError",
        "False",
        "FieldInfo",
    }
    | {"Literal", "Mapping", "Meta", "None", "IntEnum", "StrEnum", "True", "TypeAlias", "UUID"}
)
_TYPESCRIPT_CLASSES: Final = frozenset({"EventOf", "EventType", "Extract", "JsonValue", "ReadonlyArray"})
_RESERVED_CLASSES: Final = _PYTHON_CLASSES | _TYPESCRIPT_CLASSES
"""Names that the generated code uses itself."""
_PYTHON_FIELDS: Final = frozenset({"bool", "datetime", "float", "int", "self", "str", "tuple"})
"""Names that annotations use, which a field of the same name would hide, and ``self``."""
_RESERVED_EVENTS: Final = frozenset({"events"})
"""Event names whose JSON Schema would take the place of the union's."""
_RESERVED_DOMAINS: Final = frozenset({"field_info", "from_dict", "from_json", "from_stored", "to_dict", "to_json"})
_PACKAGES: Final = frozenset({"adi_analytics", "adi_analytics_codegen", "msgspec"})


def check_names(catalog: Catalog, context: Context) -> None:
    """Report every name of *catalog* that cannot be generated."""
    for check in (_check_events, _check_wire, _check_fields, _check_members, _check_classes, _check_domains):
        check(catalog, context)


def check_package(name: str, at: Location, context: Context) -> None:
    """Report the name of a Python package that cannot be imported, or would hide another."""
    if keyword.iskeyword(name) or name in sys.stdlib_module_names or name in _PACKAGES:
        what = "is a keyword of Python" if keyword.iskeyword(name) else "is the name of another package"
        context.error(at, "python-name", f'"{name}" {what}', "choose another name", "catalog.python_package")


def _check_events(catalog: Catalog, context: Context) -> None:
    for event in catalog.events:
        subject = f"events.{event.name}"
        if event.type in catalog.reserved_events:
            message = f'"{event.type}" is under reserved_events'
            context.error(event.at, "reserved-name", message, "give the event another name", subject)
        if event.name in _RESERVED_EVENTS:
            message = f'no event can be called "{event.name}": its schema would be the schema of all events'
            context.error(event.at, "reserved-name", message, "give the event another name", subject)


def _check_wire(catalog: Catalog, context: Context) -> None:
    taken: dict[str, str] = {}
    for event in catalog.events:
        first = taken.setdefault(event.type, event.name)
        if first != event.name:
            message = f'events {first} and {event.name} would both be "{event.type}" in JSON'
            fix = "give one of them another name, or another wire name"
            context.error(event.at, "wire-collision", message, fix, f"events.{event.name}")
        _check_keys(event.fields, context)


def _check_keys(fields: Iterable[Field], context: Context) -> None:
    taken: dict[str, Field] = {}
    for field in fields:
        first = taken.setdefault(field.key, field)
        if first is not field:
            message = f'fields {first.name} and {field.name} would both be "{field.key}" in JSON'
            fix = "give one of them another name, or another wire name"
            context.error(field.at, "wire-collision", message, fix, _subject(context, field))
        _check_keys(innermost(field).fields, context)


def _check_fields(catalog: Catalog, context: Context) -> None:
    for event in catalog.events:
        for kind in event.fields:
            if "type" in {kind.name, kind.key}:
                message = '"type" holds the name of the event'
                context.error(kind.at, "reserved-name", message, "give the field another name", _subject(context, kind))
        for field in every_field(event.fields):
            for inner in field.fields if field.open else ():
                if inner.name == "extra" or inner.key == "\x7f":
                    message = f'"{inner.name}" holds the members of an open object that the catalog does not name'
                    context.error(inner.at, "reserved-name", message, "rename the field", _subject(context, inner))
            if keyword.iskeyword(field.name) or field.name in _PYTHON_FIELDS:
                what = "is a keyword of" if keyword.iskeyword(field.name) else "means something else in generated"
                message = f'"{field.name}" {what} Python'
                subject = _subject(context, field)
                context.error(field.at, "python-name", message, "give the field another name", subject)


def _subject(context: Context, field: Field) -> str:
    return context.subjects.get(field.at, "")


def _check_members(catalog: Catalog, context: Context) -> None:
    for enum in catalog.enums:
        taken: dict[str, str] = {}
        for value in enum.values:
            first = taken.setdefault(value.member, value.name)
            if first != value.name:
                message = f'values "{first}" and "{value.name}" would both be called {value.member}'
                fix = "give one of them a member name: {member: NAME}"
                context.error(value.at, "member-collision", message, fix, f"enums.{enum.name}")
            _check_value(enum, value, context)


def _check_value(enum: Enum, value: EnumValue, context: Context) -> None:
    name = value.name
    if not name or not name.isprintable() or len(name) > 200:  # noqa: PLR2004 - the message has it
        message = "an enum's value has 1 to 200 printable characters"
        context.error(value.at, "wrong-value", message, f"change {name[:40]!r}", f"enums.{enum.name}")


def _check_classes(catalog: Catalog, context: Context) -> None:
    taken: dict[str, str] = {}
    for name, subject, at in classes_of(catalog):
        if name in _RESERVED_CLASSES:
            message = f'class name "{name}" of {subject} is used by the generated code'
            context.error(at, "class-name", message, "set class_name, or rename it", subject)
        first = taken.setdefault(name, subject)
        if first != subject:
            message = f'{subject} and {first} would both be class "{name}"'
            context.error(at, "class-name", message, "set class_name for one of them, or rename it", subject)


def _check_domains(catalog: Catalog, context: Context) -> None:
    for event in catalog.events:
        if event.domain in _RESERVED_DOMAINS:
            message = f'no domain can be called "{event.domain}": generated code has a function of that name'
            context.error(event.at, "reserved-name", message, "rename the domain", f"events.{event.name}")
        if keyword.iskeyword(event.domain):
            message = f'domain "{event.domain}" is a keyword of Python, so no module can have its name'
            context.error(event.at, "python-name", message, "rename the domain", f"events.{event.name}")
