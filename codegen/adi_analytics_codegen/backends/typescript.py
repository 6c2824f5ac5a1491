"""TypeScript: a module of types and constants for senders and readers, and a client that sends events over HTTP."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.backends.describe import (
    class_text,
    deprecation_text,
    enum_value_text,
    field_notes,
    sentence,
)
from adi_analytics_codegen.backends.text import HEADER, environment, wrapped
from adi_analytics_codegen.model.fields import Deprecation, Field
from adi_analytics_codegen.model.kinds import FieldType, Status

if TYPE_CHECKING:
    from adi_analytics_codegen.model.catalog import Catalog
    from adi_analytics_codegen.model.events import Event
    from adi_analytics_codegen.model.fields import Enum, EnumValue, ObjectType

_SCALARS: Final = {
    FieldType.UUID: "string",
    FieldType.STRING: "string",
    FieldType.INT: "number",
    FieldType.FLOAT: "number",
    FieldType.BOOL: "boolean",
    FieldType.DATETIME: "string",
    FieldType.DATE: "string",
    FieldType.DECIMAL: "string",
    FieldType.JSON: "JsonValue",
}
_IDENTIFIER: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")


def render(catalog: Catalog) -> dict[str, str]:
    """Return the module of *catalog*, and the client of its events."""
    module = _Module(catalog)
    templates = environment("typescript")
    text = templates.get_template("events.ts.jinja").render(
        header=HEADER,
        catalog=catalog,
        doc=doc,
        ts=ts_string,
        enums=[(enum.class_name, _enum_doc(enum), _enum_type(enum), _enum_members(enum)) for enum in catalog.enums],
        types=[(one.class_name, doc(one.description), module.members(one)) for one in catalog.types],
        events=[(event, _event_doc(event), module.body(event)) for event in catalog.events],
    )
    client = templates.get_template("client.ts.jinja").render(header=HEADER)
    return {"typescript/client.ts": client, "typescript/events.ts": text}


class _Module:
    def __init__(self, catalog: Catalog) -> None:
        self.enum_classes = {enum.name: enum.class_name for enum in catalog.enums}

    def body(self, event: Event) -> str:
        """Return the members of the interface of *event*."""
        return "\n".join([f"  readonly type: {ts_string(event.type)};", *(self.member(f, 2) for f in event.fields)])

    def members(self, one: Field | ObjectType, indent: int = 2) -> str:
        """Return the members of the interface of objects such as *one*."""
        more = [f"{' ' * indent}readonly [key: string]: unknown;"] if one.open else []
        return "\n".join([*(self.member(field, indent) for field in one.fields), *more])

    def member(self, field: Field, indent: int) -> str:
        """Return the declaration of *field*, with its comment."""
        margin = " " * indent
        comment = doc(_tagged(field_notes(field), field.deprecated), indent)
        mark = "?" if field.may_be_left_out else ""
        return f"{comment}{margin}readonly {ts_key(field.key)}{mark}: {self.or_null(field, indent)};"

    def or_null(self, field: Field, indent: int) -> str:
        """Return the type of the values of *field*, and null if it may be."""
        null = " | null" if field.optional and field.type is not FieldType.JSON else ""
        return self.type_of(field, indent) + null

    def inside(self, field: Field, indent: int) -> str:
        """Return the type of what is in a list or a map."""
        assert field.items is not None  # noqa: S101 - the loader gives every list and map what is in it
        return self.or_null(replace(field.items, name=field.name), indent)

    def type_of(self, field: Field, indent: int) -> str:
        """Return the type of the values of *field*."""
        if field.class_name is not None:
            return field.class_name
        if field.type is FieldType.OBJECT:
            members = self.members(field, indent + 2)
            return f"{{\n{members}\n{' ' * indent}}}"
        if field.type is FieldType.LIST:
            return f"ReadonlyArray<{self.inside(field, indent)}>"
        if field.type is FieldType.MAP:
            return f"{{ readonly [key: string]: {self.inside(field, indent)} }}"
        if field.enum is not None:
            return self.enum_classes[field.enum]
        return _SCALARS[field.type] if field.const is None else json.dumps(field.const)


def _event_doc(event: Event) -> str:
    keys = {field.name: field.key for field in event.fields}
    past = event.status in {Status.DEPRECATED, Status.RETIRED}
    return _tagged(class_text(event, keys.__getitem__), (event.deprecated or Deprecation()) if past else None)


def _tagged(text: str, deprecation: Deprecation | None) -> str:
    """Return *text* with the tag that makes editors strike the name through."""
    if deprecation is None:
        return text
    tag = deprecation_text("", deprecation).removeprefix(": ").removeprefix(". ")
    return f"{text}\n\n@deprecated {tag}".strip().rstrip(".") + "."


def _enum_type(enum: Enum) -> str:
    values = [_enum_value(value) for value in enum.values]
    # `string & {}` keeps the known values in completion, where plain `string` would swallow them.
    other = f"({'number' if enum.is_int else 'string'} & {{}})"
    return "\n".join(f"  | {value}" for value in [*values, *([other] if enum.open else [])])


def _enum_value(value: EnumValue) -> str:
    return ts_string(value.name) if value.number is None else str(value.number)


def _enum_members(enum: Enum) -> str:
    return "\n".join(f"{doc(_member_doc(value), 2)}  {value.member}: {_enum_value(value)}," for value in enum.values)


def _member_doc(value: EnumValue) -> str:
    return _tagged(sentence(value.description) if value.description else "", value.deprecated)


def _enum_doc(enum: Enum) -> str:
    known = [f"{value.name}: {text}" for value in enum.values if (text := enum_value_text(value))]
    note = ["More values may come."] if enum.open else []
    return "\n\n".join([*filter(None, [enum.description]), *note, *known])


def ts_string(text: str) -> str:
    """Return *text* as a string literal."""
    return json.dumps(text, ensure_ascii=True)


def ts_key(key: str) -> str:
    """Return *key* as the name of a property."""
    return key if _IDENTIFIER.fullmatch(key) else ts_string(key)


def doc(text: str, indent: int = 0) -> str:
    """Return *text* as a documentation comment with a newline at its end; nothing for an empty text."""
    margin = " " * indent
    lines = wrapped(text.replace("*/", "*\\/"), 117 - indent)
    if not lines:
        return ""
    if len(lines) == 1:
        return f"{margin}/** {lines[0]} */\n"
    return f"{margin}/**\n" + "".join(f"{margin} * {line}".rstrip() + "\n" for line in lines) + f"{margin} */\n"
