"""Rust: one module of serde types, a copy of them for stored rows, and what checks both against the catalog."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from adi_analytics_codegen.backends.describe import class_text, field_notes, sentence
from adi_analytics_codegen.backends.rust.enums import enum_text
from adi_analytics_codegen.backends.rust.layout import (
    arm,
    call,
    deprecated,
    doc,
    float_literal,
    let,
    member,
    rules,
    rust_string,
    tuple_variant,
    use,
)
from adi_analytics_codegen.backends.text import HEADER, environment
from adi_analytics_codegen.model.fields import Deprecation, Field
from adi_analytics_codegen.model.fingerprint import fingerprint
from adi_analytics_codegen.model.kinds import FieldType, Status, Store
from adi_analytics_codegen.model.text.formats import pattern_of
from adi_analytics_codegen.model.text.naming import object_class_name
from adi_analytics_codegen.model.text.spelling import automaton, rust_field
from adi_analytics_codegen.model.walk import every_field, innermost, stored_fields

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from adi_analytics_codegen.model.catalog import Catalog
    from adi_analytics_codegen.model.events import Event
    from adi_analytics_codegen.model.fields import ObjectType

_SCALARS: Final = {
    FieldType.UUID: "String",
    FieldType.STRING: "String",
    FieldType.INT: "i64",
    FieldType.FLOAT: "f64",
    FieldType.BOOL: "bool",
    FieldType.DATETIME: "String",
    FieldType.DATE: "String",
    FieldType.DECIMAL: "String",
    FieldType.JSON: "Value",
}
_KINDS: Final = {
    FieldType.UUID: "Kind::Uuid",
    FieldType.BOOL: "Kind::Bool",
    FieldType.DATETIME: "Kind::Time",
    FieldType.DATE: "Kind::Date",
    FieldType.JSON: "Kind::Json",
}


_EXTRA: Final = """    /// Members that the catalog does not name.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,"""


def render(catalog: Catalog) -> dict[str, str]:
    """Return the module of *catalog*."""
    module = _Module(catalog)
    return {f"rust/events/{name}.rs": module.file(name) for name in ("codec", "mod", "schema", "stored")}


@dataclass(frozen=True, slots=True)
class _Struct:
    name: str
    fields: tuple[Field, ...]
    text: str
    event: Event | None = None
    open: bool = False


class _Module:
    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.enums = {enum.name: enum for enum in catalog.enums}

    def file(self, name: str) -> str:
        """Return the text of one file."""
        template = environment("rust").get_template(f"{name}.rs.jinja")
        context = {"mod": self.types, "stored": self.stored, "schema": self.schema, "codec": self.codec}[name]()
        return template.render(header=HEADER, catalog=self.catalog, rs=rust_string, **context)

    def codec(self) -> dict[str, Any]:
        return {"uses_patterns": self.uses_patterns()}

    def uses_patterns(self) -> bool:
        return any(pattern_of(field) for event in self.catalog.events for field in every_field(event.fields))

    def types(self) -> dict[str, Any]:
        """Return what the template of the types needs."""
        structs = [self.struct(one) for kind in self.catalog.types for one in _shared(kind, kind.fields)]
        structs += [self.struct(one) for event in self.catalog.events for one in _structs(event, event.fields)]
        return {
            "uses_patterns": self.uses_patterns(),
            "uses_maps": _uses_maps(structs),
            "hash": fingerprint(self.catalog),
            "enums": [enum_text(enum) for enum in self.catalog.enums],
            "events": structs,
            "tuple_variant": tuple_variant,
            "arm": arm,
            "each": self.each,
            "each_validate": self.each("validate"),
        }

    def each(self, wanted: str) -> str:
        """Return the body of a method that does the same for each event."""
        if not self.catalog.events:
            return "        match *self {}"
        arms = (
            arm(f"Self::{event.class_name}(event)", "event.validate()", 12)
            if wanted == "validate"
            else arm(f"Self::{event.class_name}(_)", f"{event.class_name}::{wanted}", 12)
            for event in self.catalog.events
        )
        return "        match self {\n" + "\n".join(arms) + "\n        }"

    def stored(self) -> dict[str, Any]:
        """Return what the template of the rows needs."""
        types = [(kind, stored_fields(kind.fields, may_lack=True)) for kind in self.catalog.types]
        rows = [(replace(event, rules=()), stored_fields(event.fields, may_lack=True)) for event in self.catalog.events]
        structs = [self.struct(one, is_row=True) for kind, fields in types for one in _shared(kind, fields)]
        structs += [self.struct(one, is_row=True) for event, fields in rows for one in _structs(event, fields)]
        # A hash is a text, whatever it is made of.
        enums = self._enums_in(field for _, fields in [*types, *rows] for field in fields)
        return {
            "events": structs,
            "enums": use("super", enums),
            "tuple_variant": tuple_variant,
            "arm": arm,
            "uses_maps": _uses_maps(structs),
        }

    def _enums_in(self, fields: Iterable[Field]) -> list[str]:
        return sorted({self.enums[field.enum].class_name for field in every_field(fields) if field.enum is not None})

    def schema(self) -> dict[str, Any]:
        """Return what the template of the tables needs."""
        tables = [self.table(event) for event in self.catalog.events]
        code = "\n".join(tables)
        uses = {"Field": "&[Field]", "Kind": " kind: Kind::", "Store": " store: Store::"}
        names = [name for name, use_of_it in uses.items() if use_of_it in code]
        return {"tables": tables, "names": use("super::codec", names)}

    def struct(self, struct: _Struct, *, is_row: bool = False) -> str:
        """Return the definition of *struct*, and for an event what `Event` asks for."""
        lines = [doc(struct.text).rstrip("\n")]
        past = struct.event and struct.event.status in {Status.DEPRECATED, Status.RETIRED}
        if struct.event and past and not is_row:
            lines.append(deprecated(struct.event.deprecated or Deprecation(), 0))
        lines.append(f"#[derive(Clone, Debug, {'Default, ' if is_row else ''}PartialEq, Serialize, Deserialize)]")
        if not is_row and not struct.open:
            lines.append("#[serde(deny_unknown_fields)]")
        fields = [self.member(field, struct.name, is_row=is_row) for field in struct.fields]
        fields += [_EXTRA] if struct.open else []
        lines += [f"pub struct {struct.name} {{", *fields, "}"] if fields else [f"pub struct {struct.name} {{}}"]
        text = "\n".join(lines)
        if struct.event is None:
            return text
        return f"{text}\n\n{_row(struct.name) if is_row else _trait(struct.event)}"

    def member(self, field: Field, owner: str, *, is_row: bool) -> str:
        """Return the declaration of *field*."""
        name = rust_field(field.name)
        lines = [doc(field_notes(field), 4).rstrip("\n")] if field_notes(field) else []
        if field.deprecated is not None and not is_row:
            lines.append(deprecated(field.deprecated, 4))
        if name.removeprefix("r#") != field.key:
            lines.append(f"    #[serde(rename = {rust_string(field.key)})]")
        if field.optional:
            lines.append('    #[serde(skip_serializing_if = "Option::is_none")]')
        kind = self.type_of(field, owner)
        kind = f"Option<{kind}>" if field.optional else kind
        return "\n".join([*lines, member(name, kind)])

    def type_of(self, field: Field, owner: str) -> str:
        """Return the type of the values of *field*."""
        if field.type is FieldType.OBJECT:
            return object_class_name(owner, field)
        if field.items is not None:
            inner = self.type_of(replace(field.items, name=field.name), owner)
            inner = f"Option<{inner}>" if field.items.optional else inner
            return f"BTreeMap<String, {inner}>" if field.type is FieldType.MAP else f"Vec<{inner}>"
        if field.enum is not None:
            return self.enums[field.enum].class_name
        return _SCALARS[field.type]

    def table(self, event: Event) -> str:
        """Return the table of the fields of *event*."""
        return f"pub(super) const {event.name.upper()}: &[Field] = {self._fields(event.fields, 0)};"

    def _fields(self, fields: tuple[Field, ...], indent: int) -> str:
        if len(fields) == 1:  # rustfmt saves the lines
            return f"&[{self._field(fields[0], indent)}]"
        margin = " " * indent
        inner = "".join(f"{margin}    {self._field(field, indent + 4)},\n" for field in fields)
        return f"&[\n{inner}{margin}]" if fields else "&[]"

    def _field(self, field: Field, indent: int) -> str:
        size = _size(field)
        pairs = {
            "name": rust_string(field.key) if field.name else None,
            "kind": None if field.type in {FieldType.STRING, FieldType.DECIMAL} else self._kind(field, indent + 4),
            "optional": "true" if field.optional else None,
            "store": None if field.store is Store.KEEP else f"Store::{field.store.capitalize()}",
            "is_open": "true" if field.open else None,
            "size": size if size != "(0, usize::MAX)" else None,
        }
        for key, value in (("constant", field.const), ("default", field.default)):
            if value is not None:
                pairs[key] = f"Some({rust_string(json.dumps(value, ensure_ascii=False))})"
        pattern = pattern_of(field)
        if pattern is not None:
            pairs["pattern"] = f"Some({rust_string(automaton(pattern))})"
        margin = " " * indent
        lines = "".join(f"{margin}    {key}: {value},\n" for key, value in pairs.items() if value is not None)
        return f"Field {{\n{lines}{margin}    ..Field::PLAIN\n{margin}}}" if lines else "Field::PLAIN"

    def _kind(self, field: Field, indent: int) -> str:
        before = indent + len("kind: ")
        if field.enum is not None:
            enum = self.enums[field.enum]
            kind = "Kind::IntEnum" if enum.is_int else "Kind::Enum"
            return call(kind, [f"super::{enum.class_name}::is_known"], indent, before)
        if field.type is FieldType.INT:
            return call("Kind::Int", _int_range(field), indent, before)
        if field.type is FieldType.FLOAT:
            return call("Kind::Float", _float_range(field), indent, before)
        if field.type is FieldType.OBJECT:
            return f"Kind::Object({self._fields(field.fields, indent)})"
        if field.items is not None:
            word = "Map" if field.type is FieldType.MAP else "List"
            return f"Kind::{word}(&{self._field(field.items, indent)})"
        return _KINDS[field.type]


def _uses_maps(structs: list[str]) -> bool:
    return any("BTreeMap<" in text for text in structs)


def _structs(event: Event, fields: tuple[Field, ...]) -> Iterator[_Struct]:
    """Yield the structs of *event*: those of its objects, innermost first, then its own."""
    yield from _object_structs(event.class_name, fields)
    yield _Struct(event.class_name, fields, class_text(event), event)


def _shared(kind: ObjectType, fields: tuple[Field, ...]) -> Iterator[_Struct]:
    """Yield the structs of objects that events share."""
    yield from _object_structs(kind.class_name, fields)
    text = sentence(kind.description or f"Objects of the type {kind.name}")
    yield _Struct(kind.class_name, fields, text, open=kind.open)


def _object_structs(owner: str, fields: tuple[Field, ...]) -> Iterator[_Struct]:
    for field in fields:
        inner = innermost(field)
        if inner.type is FieldType.OBJECT and inner.class_name is None:
            name = object_class_name(owner, field)
            yield from _object_structs(name, inner.fields)
            yield _Struct(name, inner.fields, f"The {field.name} of {owner}.", open=inner.open)


def _row(name: str) -> str:
    return f"impl codec::Row for {name} {{\n{let(4, 'type Sent =', f'super::{name}')}\n}}"


def _trait(event: Event) -> str:
    return "\n".join(
        [
            f"impl Event for {event.class_name} {{",
            let(4, "const EVENT_TYPE: &'static str =", rust_string(event.type)),
            f"    const EVENT_VERSION: i64 = {event.version};",
            let(4, "const FIELDS: &'static [Field] =", f"schema::{event.name.upper()}"),
            *rules(event),
            "}",
            "",
            f"impl From<{event.class_name}> for AnyEvent {{",
            f"    fn from(event: {event.class_name}) -> Self {{",
            f"        Self::{event.class_name}(event)",
            "    }",
            "}",
        ]
    )


def _size(field: Field) -> str:
    is_list = field.items is not None
    least, most = (field.min_items, field.max_items) if is_list else (field.min_length, field.max_length)
    return f"({least or 0}, {'usize::MAX' if most is None else most})"


def _int_range(field: Field) -> list[str]:
    least = None if field.min is None else math.ceil(field.min)
    most = None if field.max is None else math.floor(field.max)
    return [
        "i64::MIN" if least is None or least <= -(2**63) else str(least),
        "i64::MAX" if most is None or most >= 2**63 - 1 else str(most),
    ]


def _float_range(field: Field) -> list[str]:
    return [
        "f64::MIN" if field.min is None else float_literal(field.min),
        "f64::MAX" if field.max is None else float_literal(field.max),
    ]
