"""Go: one package of structs, others for stored rows, and what checks both against the catalog."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.backends.describe import (
    broken_rule_text,
    class_text,
    deprecation_text,
    enum_value_text,
    field_notes,
    sentence,
)
from adi_analytics_codegen.backends.text import HEADER, UNPRINTABLE, environment, wrapped
from adi_analytics_codegen.model.fields import Deprecation, Field
from adi_analytics_codegen.model.fingerprint import fingerprint
from adi_analytics_codegen.model.kinds import FieldType, Status, Store
from adi_analytics_codegen.model.text.formats import pattern_of
from adi_analytics_codegen.model.text.naming import object_class_name
from adi_analytics_codegen.model.text.spelling import automaton, go_field, variant
from adi_analytics_codegen.model.walk import innermost, stored_fields

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adi_analytics_codegen.model.catalog import Catalog
    from adi_analytics_codegen.model.events import Event
    from adi_analytics_codegen.model.fields import Enum, ObjectType

_SCALARS: Final = {
    FieldType.UUID: "string",
    FieldType.STRING: "string",
    FieldType.INT: "int64",
    FieldType.FLOAT: "float64",
    FieldType.BOOL: "bool",
    FieldType.DATETIME: "string",
    FieldType.DATE: "string",
    FieldType.DECIMAL: "string",
    FieldType.JSON: "json.RawMessage",
}
_KINDS: Final = {
    FieldType.UUID: "isUUID",
    FieldType.INT: "isInt",
    FieldType.FLOAT: "isFloat",
    FieldType.BOOL: "isBool",
    FieldType.DATETIME: "isTime",
    FieldType.DATE: "isDate",
    FieldType.ENUM: "isEnum",
    FieldType.LIST: "isList",
    FieldType.MAP: "isMap",
    FieldType.OBJECT: "isObject",
    FieldType.JSON: "isJSON",
}
_STORES: Final = {Store.HASH: "isHashed", Store.DROP: "isDropped"}
_TAB: Final = "\t"
_NIL: Final = (FieldType.LIST, FieldType.MAP, FieldType.JSON)
"""Types that can be nil without a pointer."""


def render(catalog: Catalog) -> dict[str, str]:
    """Return the package of *catalog*."""
    package = _Package(catalog)
    structs = [text for kind in catalog.types for text in package.shared(kind.class_name, kind)]
    structs += [text for event in catalog.events for text in package.structs(event)]
    rows = [text for kind in catalog.types for text in package.shared(f"Stored{kind.class_name}", kind, is_row=True)]
    rows += [text for event in catalog.events for text in package.row_structs(event)]
    context = {
        "header": HEADER,
        "catalog": catalog,
        "hash": fingerprint(catalog),
        "go": go_string,
        "table": _table_name,
        "rules": _rules_of,
        "enums": [_enum(enum) for enum in catalog.enums],
        "tables": [package.table(event) for event in catalog.events],
        "uses_raw": any("json.RawMessage" in text for text in structs),
    }
    templates = environment("go")
    return {
        f"go/events/{name}.go": templates.get_template(f"{name}.go.jinja").render(
            **context, events=rows if name == "stored" else structs
        )
        for name in ("codec", "events", "schema", "stored")
    }


class _Package:
    def __init__(self, catalog: Catalog) -> None:
        self.enums = {enum.name: enum for enum in catalog.enums}

    def structs(self, event: Event) -> Iterator[str]:
        """Yield the structs of *event* as it is sent: those of its objects, innermost first, then its own."""
        for name, fields, text, is_open in _objects(event.class_name, event.fields):
            yield self.object(name, fields, text, is_open=is_open)
        name = event.class_name
        yield "\n\n".join(
            [
                self.struct(name, event.fields, _event_text(event)),
                _method(name, "EventType", "string", go_string(event.type), "returns the name of the event."),
                _method(name, "EventVersion", "int64", str(event.version), "returns the version of the event."),
                (
                    "// Validate checks bounds, patterns, the forms of uuids and times, and the rules between\n"
                    "// fields, as FromJSON does.\n"
                    f"func (e {name}) Validate() error {{\n"
                    f"\treturn validate({go_string(event.type)}, {_table_name(event)}, e{_rules_of(event)})\n}}"
                ),
                _marshal_event(name, _fills(event.fields, "e")),
            ]
        )

    def object(
        self, name: str, fields: tuple[Field, ...], text: str, *, is_open: bool = False, is_row: bool = False
    ) -> str:
        """Return the struct of an object, and what writes it where a list or map may be nil, or where it is open."""
        made, fills = self.struct(name, fields, text, is_open=is_open), [] if is_row else _fills(fields, "o")
        if is_open:
            return f"{made}\n\n{_open_methods(name, fields, fills)}"
        return f"{made}\n\n{_marshal_object(name, fills)}" if fills else made

    def shared(self, owner: str, kind: ObjectType, *, is_row: bool = False) -> Iterator[str]:
        """Yield the structs of objects that events share."""
        fields = _row_fields(kind.fields) if is_row else kind.fields
        text = f"{owner}: {sentence(kind.description or f'objects of the type {kind.name}')}"
        for name, inner, about, is_open in (*_objects(owner, fields), (owner, fields, text, kind.open)):
            yield self.object(name, inner, about, is_open=is_open, is_row=is_row)

    def row_structs(self, event: Event) -> Iterator[str]:
        """Yield the structs of the rows of *event*."""
        fields = _row_fields(event.fields)
        owner = f"Stored{event.class_name}"
        for name, inner, text, is_open in _objects(owner, fields):
            yield self.object(name, inner, text, is_open=is_open, is_row=True)
        text = f"{owner} is a row of the event {event.name}."
        method = _method(owner, "EventType", "string", go_string(event.type), "returns the name of the event.")
        yield f"{self.struct(owner, fields, text)}\n\n{method}"

    def struct(self, name: str, fields: tuple[Field, ...], text: str, *, is_open: bool = False) -> str:
        """Return the definition of a struct."""
        if not fields and not is_open:
            return f"{doc(text)}type {name} struct{{}}"
        members = "\n\n".join([*(self.member(field, name) for field in fields), *([_EXTRA] if is_open else [])])
        return f"{doc(text)}type {name} struct {{\n{members}\n}}"

    def member(self, field: Field, owner: str) -> str:
        """Return the declaration of *field*."""
        name, notes = go_field(field.name), field_notes(field)
        text = f"{notes}\n\n{_deprecated(field.deprecated)}".strip() if field.deprecated else notes
        kind = self.type_of(field, owner)
        if field.optional and field.type not in _NIL:
            kind = f"*{kind}"
        key = "-," if field.key == "-" and not field.optional else field.key
        tag = f"{key},omitzero" if field.optional else key
        comment = doc(text, _TAB) if text else ""
        return f'{comment}{_TAB}{name} {kind} `json:"{tag}"`'

    def type_of(self, field: Field, owner: str) -> str:
        """Return the type of the values of *field*."""
        if field.type is FieldType.OBJECT:
            return object_class_name(owner, field)
        if field.items is not None:
            inner = self.type_of(replace(field.items, name=field.name), owner)
            inner = f"*{inner}" if field.items.optional and field.items.type not in _NIL else inner
            return f"map[string]{inner}" if field.type is FieldType.MAP else f"[]{inner}"
        if field.enum is not None:
            return self.enums[field.enum].class_name
        return _SCALARS[field.type]

    def table(self, event: Event) -> str:
        """Return the table of the fields of *event*."""
        lines = "".join(f"\t{{{self.facts(field)}}},\n" for field in event.fields)
        body = f"\n{lines}" if lines else ""
        made = f"var {_table_name(event)} = []field{{{body}}}"
        return f"{made}\n\n{_rules(event)}" if event.rules else made

    def facts(self, field: Field) -> str:
        """Return what the table says of *field*, without braces."""
        is_list = field.items is not None
        pattern = pattern_of(field)
        least, most = (field.min_items, field.max_items) if is_list else (field.min_length, field.max_length)
        pairs: dict[str, str | None] = {
            "name": go_string(field.key) if field.name else None,
            "kind": _KINDS.get(field.type),
            "optional": "true" if field.optional else None,
            "store": _STORES.get(field.store),
            **_range(field),
            "least": str(least) if least else None,
            "most": None if most is None else f"ref({most})",
            "pattern": None if pattern is None else go_string(automaton(pattern)),
        }
        for key, value in (("constant", field.const), ("def", field.default)):
            if value is not None:
                pairs[key] = go_string(json.dumps(value, ensure_ascii=False))
        if field.enum is not None and not self.enums[field.enum].open:
            enum = self.enums[field.enum]
            pairs["listedInt" if enum.is_int else "listed"] = f"is{enum.class_name}"
        if field.items is not None:
            pairs["item"] = f"&field{{{self.facts(field.items)}}}"
        if field.fields:
            inner = ", ".join(f"{{{self.facts(one)}}}" for one in field.fields)
            pairs["fields"] = f"[]field{{{inner}}}"
        if field.open:
            pairs["open"] = "true"
        return ", ".join(f"{key}: {value}" for key, value in pairs.items() if value is not None)


def _row_fields(fields: tuple[Field, ...]) -> tuple[Field, ...]:
    """Return what a row has for *fields*, with structs of its own for objects that events share."""
    return tuple(map(_of_row, stored_fields(fields, may_lack=True)))


def _of_row(field: Field) -> Field:
    return replace(
        field,
        class_name=field.class_name and f"Stored{field.class_name}",
        items=field.items and _of_row(field.items),
        fields=tuple(map(_of_row, field.fields)),
    )


def _range(field: Field) -> dict[str, str | None]:
    if field.type is FieldType.INT:
        least = None if field.min is None else math.ceil(field.min)
        most = None if field.max is None else math.floor(field.max)
        return {
            "minInt": None if least is None or least <= -(2**63) else f"ref[int64]({least})",
            "maxInt": None if most is None or most >= 2**63 - 1 else f"ref[int64]({most})",
        }
    if field.type is FieldType.FLOAT:
        bounds = {"min": field.min, "max": field.max}
        return {key: None if value is None else f"ref({float(value)!r})" for key, value in bounds.items()}
    return {}


def _table_name(event: Event) -> str:
    return f"fieldsOf{event.class_name}"


def _rules_of(event: Event) -> str:
    """Return the arguments after the others that name the rules of *event*."""
    return f", rulesOf{event.class_name}..." if event.rules else ""


def _rules(event: Event) -> str:
    keys = {field.name: go_string(field.key) for field in event.fields}
    lines = []
    for rule in event.rules:
        first, *others = rule.kind.split("_")
        kind = first + "".join(map(str.capitalize, others))
        named = ", ".join(keys[name] for name in rule.fields)
        lines.append(f"\t{{{kind}, []string{{{named}}}, {go_string(broken_rule_text(rule, event))}}},\n")
    return f"var rulesOf{event.class_name} = []rule{{\n{''.join(lines)}}}"


def _objects(owner: str, fields: tuple[Field, ...]) -> Iterator[tuple[str, tuple[Field, ...], str, bool]]:
    for field in fields:
        inner = innermost(field)
        if inner.type is FieldType.OBJECT and inner.class_name is None:
            name = object_class_name(owner, field)
            yield from _objects(name, inner.fields)
            yield name, inner.fields, f"{name} is the {field.name} of {owner}.", inner.open


def _event_text(event: Event) -> str:
    text = f"{event.class_name} is the event {event.name}.\n\n{class_text(replace(event, status=Status.STABLE))}"
    if event.status in {Status.DEPRECATED, Status.RETIRED}:
        return f"{text}\n\n{_deprecated(event.deprecated or Deprecation())}"
    return f"{text}\n\nDraft." if event.status is Status.DRAFT else text


def _deprecated(deprecation: Deprecation) -> str:
    note = deprecation_text("", deprecation).removeprefix(": ").removeprefix(".").strip()
    return f"Deprecated: {note or 'no longer in use.'}"


def _fills(fields: tuple[Field, ...], receiver: str) -> list[str]:
    """Return the lines that make empty lists of nil ones where a list is required, and fill in constants."""
    words = {FieldType.LIST: "filled", FieldType.MAP: "filledMap"}
    nil = [field for field in fields if field.type in words and not field.optional]
    names = [(f"{receiver}.{go_field(field.name)}", words[field.type]) for field in nil]
    lines = [f"\t{name} = {word}({name})\n" for name, word in names]
    for field in fields:
        if field.const and not field.optional:
            name = f"{receiver}.{go_field(field.name)}"
            value = go_string(field.const) if isinstance(field.const, str) else json.dumps(field.const)
            zero = '""' if isinstance(field.const, str) else "0"
            test = f"!{name}" if field.const is True else f"{name} == {zero}"
            lines.append(f"\tif {test} {{\n\t\t{name} = {value}\n\t}}\n")
    return lines


def _method(name: str, method: str, kind: str, value: str, text: str) -> str:
    return f"// {method} {text}\nfunc (e {name}) {method}() {kind} {{\n\treturn {value}\n}}"


def _marshal_event(name: str, fills: list[str]) -> str:
    return (
        "// MarshalJSON writes type and the fields in the order of the catalog.\n"
        f"func (e {name}) MarshalJSON() ([]byte, error) {{\n"
        f"\ttype fields {name}\n{''.join(fills)}"
        '\treturn marshal(struct {\n\t\tType string `json:"type"`\n\t\tfields\n\t}{e.EventType(), fields(e)})\n}'
    )


def _marshal_object(name: str, fills: list[str]) -> str:
    return (
        "// MarshalJSON writes the fields in the order of the catalog.\n"
        f"func (o {name}) MarshalJSON() ([]byte, error) {{\n"
        f"\ttype fields {name}\n{''.join(fills)}\treturn marshal(fields(o))\n}}"
    )


_EXTRA: Final = (
    '\t// Extra has the members that the catalog does not name.\n\tExtra map[string]json.RawMessage `json:"-"`'
)


def _open_methods(name: str, fields: tuple[Field, ...], fills: list[str]) -> str:
    known = "".join(f", {go_string(field.key)}" for field in fields)
    return (
        "// MarshalJSON writes the fields in the order of the catalog, then the members that it does not name.\n"
        f"func (o {name}) MarshalJSON() ([]byte, error) {{\n"
        f"\ttype fields {name}\n{''.join(fills)}\treturn marshalOpen(fields(o), o.Extra)\n}}\n\n"
        "// UnmarshalJSON reads the fields, and keeps the members that the catalog does not name.\n"
        f"func (o *{name}) UnmarshalJSON(data []byte) error {{\n"
        f"\ttype fields {name}\n\treturn unmarshalOpen(data, (*fields)(o), &o.Extra{known})\n}}"
    )


def _enum(enum: Enum) -> str:
    """Return the type of *enum* and its constants."""
    name = enum.class_name
    note = "\n\nMore values may come." if enum.open else ""
    text = f"{name}: {sentence(enum.description or f'values of {enum.name}')}{note}"
    members = []
    for value in enum.values:
        notes = enum_value_text(replace(value, deprecated=None))
        about = f"{notes}\n\n{_deprecated(value.deprecated)}".strip() if value.deprecated else notes
        constant = f"\t{name}{variant(value)} {name} = {value.number if enum.is_int else go_string(value.name)}"
        members.append(f"{doc(about, _TAB) if about else ''}{constant}")
    kind, called = ("int64", "number") if enum.is_int else ("string", "text")
    made = f"{doc(text)}type {name} {kind}\n\nconst (\n" + "\n\n".join(members) + "\n)"
    if enum.open:
        return made
    values = ", ".join(f"{name}{variant(value)}" for value in enum.values)
    return (
        f"{made}\n\nfunc is{name}({called} {kind}) bool {{\n\tswitch {name}({called}) {{\n\tcase {values}:\n"
        "\t\treturn true\n\t}\n\treturn false\n}"
    )


def go_string(text: str) -> str:
    """Return *text* as a string literal."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return '"' + UNPRINTABLE.sub(_escape, escaped) + '"'


def _escape(found: re.Match[str]) -> str:
    code = ord(found.group())
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - what \u can hold


def doc(text: str, margin: str = "") -> str:
    """Return *text* as a documentation comment with a newline at its end."""
    safe = UNPRINTABLE.sub(lambda found: "\n" if found.group() == "\n" else " ", text)
    lines = [_START.sub(r"(\1)", line) for line in wrapped(safe, 117 - 4 * len(margin))]
    return "".join(f"{margin}// {line}".rstrip() + "\n" for line in lines)


_START: Final = re.compile(r"^([-+*#•]|[0-9]+[.)]|\[)(?=\s|.*\]:|$)")
"""What gofmt may take for a list, a heading or a link's address."""
