"""JSON Schemas, draft 2020-12: one per event, and one for the union of all; both as sent and as stored.

They describe an event as JSON: its fields and ``type``, the event's name. What JSON Schema has no word for goes into
``x-`` keys: ``x-unit``, ``x-sensitivity``, ``x-store``. Formats are annotations in this draft, so uuids, times and days
carry a pattern as well. A decimal is a string, for numbers lose digits in most languages. The formats of the catalog
are ``x-format``: those of JSON Schema by the same names are checked differently by each validator.

The schemas of what is sent are strict. Those under ``stored`` accept the column ``data`` of every row that a sender of
this version or an earlier one wrote.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from adi_analytics_codegen.model.fields import Field
from adi_analytics_codegen.model.kinds import FieldType, Sensitivity, Status, Store
from adi_analytics_codegen.model.rules import RuleKind
from adi_analytics_codegen.model.text.formats import pattern_of
from adi_analytics_codegen.model.text.patterns import portable
from adi_analytics_codegen.model.walk import every_field, stored_fields

if TYPE_CHECKING:
    from adi_analytics_codegen.model.catalog import Catalog
    from adi_analytics_codegen.model.events import Event
    from adi_analytics_codegen.model.fields import Enum, ObjectType
    from adi_analytics_codegen.model.rules import FieldRule

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
UUID_PATTERN: Final = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"
_YEAR: Final = "([1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])"
_LEAP_YEAR: Final = "([0-9]{2}(0[48]|[2468][048]|[13579][26])|(0[48]|[2468][048]|[13579][26])00)"
_DAY: Final = "((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))"
_TIME: Final = "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]+)?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
DATE_PATTERN: Final = f"^({_YEAR}-{_DAY}|{_LEAP_YEAR}-02-29)$"
"""The days that exist, from year 1 to 9999."""
DATETIME_PATTERN: Final = f"^({_YEAR}-{_DAY}|{_LEAP_YEAR}-02-29)[Tt]{_TIME}$"
"""The times of RFC 3339 on days that exist."""
_TYPES: Final[dict[FieldType, dict[str, Any]]] = {
    FieldType.UUID: {"type": "string", "format": "uuid", "pattern": UUID_PATTERN},
    FieldType.STRING: {"type": "string"},
    FieldType.INT: {"type": "integer"},
    FieldType.FLOAT: {"type": "number"},
    FieldType.BOOL: {"type": "boolean"},
    FieldType.DATETIME: {"type": "string", "format": "date-time", "pattern": DATETIME_PATTERN},
    FieldType.DATE: {"type": "string", "format": "date", "pattern": DATE_PATTERN},
    FieldType.DECIMAL: {"type": "string"},
    FieldType.JSON: {},
}
_BOUNDS: Final = {
    "min": "minimum",
    "max": "maximum",
    "min_length": "minLength",
    "max_length": "maxLength",
    "pattern": "pattern",
    "min_items": "minItems",
    "max_items": "maxItems",
}
_ENTRIES: Final = {"min_items": "minProperties", "max_items": "maxProperties"}


def render(catalog: Catalog) -> dict[str, str]:
    """Return the schemas of *catalog*."""
    sent, stored = JsonSchemas(catalog), StoredSchemas(catalog)
    files = {
        f"json_schema/{folder}{name}.schema.json": schema
        for folder, schemas in (("", sent), ("stored/", stored))
        for name, schema in schemas.all().items()
    }
    return {path: json.dumps(schema, indent=2, ensure_ascii=False) + "\n" for path, schema in files.items()}


def plain_type(kind: FieldType) -> dict[str, Any]:
    """Return the schema of a scalar *kind* without a pattern."""
    return {word: value for word, value in _TYPES[kind].items() if word != "pattern"}


class JsonSchemas:
    """The schemas of one catalog's events as they are sent, as JSON data."""

    urn = "urn:adi-analytics:"
    form = ""
    is_strict = True
    """Whether unknown fields are refused, and ``type`` is required of a lone event."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.enum_classes = {enum.name: enum.class_name for enum in catalog.enums}

    def all(self) -> dict[str, dict[str, Any]]:
        """Return every schema by its name: those of the events, and ``events`` for the union."""
        return {**{event.name: self.event(event) for event in self.catalog.events}, "events": self.union()}

    def event(self, event: Event) -> dict[str, Any]:
        """Return the schema of *event*, complete in itself."""
        schema = {
            "$schema": DIALECT,
            "$id": f"{self.urn}{self.catalog.name}:event:{event.name}:{event.version}",
            **self._event_object(event, needs_type=self.is_strict),
        }
        definitions = self._types(event.fields) | self._enums(enums_of(event.fields))
        return {**schema, "$defs": definitions} if definitions else schema

    def union(self) -> dict[str, Any]:
        """Return the schema of any event: the event schemas under ``$defs``, distinguished by ``type``."""
        fields = tuple(field for event in self.catalog.events for field in event.fields)
        used = enums_of(fields)
        references = [{"$ref": f"#/$defs/{event.class_name}"} for event in self.catalog.events]
        definitions = {event.class_name: self._event_object(event, needs_type=True) for event in self.catalog.events}
        return {
            "$schema": DIALECT,
            "$id": f"{self.urn}{self.catalog.name}:events",
            "title": "AnyEvent",
            "description": f"Any event of the catalog {self.catalog.name}{self.form}.",
            **({"oneOf": references} if references else {"not": {}}),  # no oneOf may be empty
            "$defs": {**definitions, **self._types(fields), **self._enums(used)},
        }

    def _types(self, fields: tuple[Field, ...]) -> dict[str, Any]:
        """Return the definitions of the types of objects that *fields* name. What is stored of one differs by event."""
        used = {field.class_name for field in every_field(fields)} if self.is_strict else set()
        return {one.class_name: self._type_of_objects(one) for one in self.catalog.types if one.class_name in used}

    def _type_of_objects(self, one: ObjectType) -> dict[str, Any]:
        described = {"description": one.description} if one.description else {}
        return {"title": one.class_name, **described, **self._object(one.fields, is_open=one.open)}

    def _enums(self, names: set[str]) -> dict[str, Any]:
        return {enum.class_name: _enum_schema(enum) for enum in self.catalog.enums if enum.name in names}

    def _event_object(self, event: Event, *, needs_type: bool) -> dict[str, Any]:
        schema: dict[str, Any] = {"title": event.class_name, "description": event.description}
        if event.status in {Status.DEPRECATED, Status.RETIRED}:
            schema["deprecated"] = True
        schema |= {"x-owner": event.owner, "x-status": str(event.status), "x-version": event.version}
        schema |= event.annotations.as_keys()
        members = self._object(event.fields)
        members["properties"] = {"type": {"const": event.type}, **members["properties"]}
        if needs_type:
            members["required"] = ["type", *members["required"]]
        if event.rules:
            keys = {field.name: field.key for field in event.fields}
            members["allOf"] = [_rule(rule, [keys[name] for name in rule.fields]) for rule in event.rules]
        if event.examples:
            members["examples"] = [{"type": event.type, **example} for example in event.examples]
        return schema | members

    def _object(self, fields: tuple[Field, ...], *, is_open: bool = False) -> dict[str, Any]:
        schema = {
            "type": "object",
            "properties": {field.key: self.field(field) for field in fields},
            "required": [field.key for field in fields if not field.may_be_left_out],
        }
        return schema | {"additionalProperties": False} if self.is_strict and not is_open else schema

    def field(self, field: Field) -> dict[str, Any]:
        """Return the schema of *field*. An optional one may be null."""
        schema: dict[str, Any] = {"description": field.description} if field.description else {}
        schema |= self._value(field)
        if field.default is not None:
            schema["default"] = field.default
        if field.deprecated is not None:
            schema["deprecated"] = True
        if field.unit:
            schema["x-unit"] = field.unit
        if field.sensitivity is not Sensitivity.NONE:
            schema["x-sensitivity"] = str(field.sensitivity)
        if field.store is not Store.KEEP:
            schema["x-store"] = str(field.store)
        return schema | field.annotations.as_keys()

    def _value(self, field: Field) -> dict[str, Any]:
        defined = field.class_name if self.is_strict else None
        if field.enum is not None:
            defined = self.enum_classes[field.enum]
        if defined is not None:
            reference = {"$ref": f"#/$defs/{defined}"}
            return {"anyOf": [reference, {"type": "null"}]} if field.optional else reference
        schema = self._type(field)
        if field.format is not None:
            schema["x-format"] = str(field.format)
        if field.type is FieldType.DECIMAL:
            schema |= {"x-precision": field.precision, "x-scale": field.scale}
        else:
            words = _BOUNDS | _ENTRIES if field.type is FieldType.MAP else _BOUNDS
            schema |= {word: value for key, word in words.items() if (value := getattr(field, key)) is not None}
        pattern = pattern_of(field)
        if pattern is not None:
            schema["pattern"] = portable(pattern)
        if field.const is not None:
            schema |= {"enum": [field.const, None]} if field.optional else {"const": field.const}
        if field.optional and "type" in schema:
            schema["type"] = [schema["type"], "null"]
        return schema

    def _type(self, field: Field) -> dict[str, Any]:
        if field.type is FieldType.LIST and field.items is not None:
            return {"type": "array", "items": self.field(field.items)}
        if field.type is FieldType.MAP and field.items is not None:
            return {"type": "object", "additionalProperties": self.field(field.items)}
        if field.type is FieldType.OBJECT:
            return self._object(field.fields, is_open=field.open)
        return dict(_TYPES[field.type])


class StoredSchemas(JsonSchemas):
    """The schemas of the column ``data`` of one catalog's rows, as JSON data.

    A schema is not told the version of a row. So from version 2 on, nothing but ``type`` can be required.
    """

    urn = "urn:adi-analytics:stored:"
    form = ", as its row has it"
    is_strict = False

    def __init__(self, catalog: Catalog) -> None:
        super().__init__(replace(catalog, events=tuple(map(_stored, catalog.events))))


def _stored(event: Event) -> Event:
    return replace(event, fields=stored_fields(event.fields, may_lack=event.version > 1), examples=(), rules=())


def _rule(rule: FieldRule, keys: list[str]) -> dict[str, Any]:
    if rule.kind is RuleKind.REQUIRES:
        return {"if": _present(keys[:1]), "then": _present(keys[1:])}
    word = "oneOf" if rule.kind is RuleKind.EXACTLY_ONE_OF else "anyOf"
    return {word: [_present([key]) for key in keys]}


def _present(keys: list[str]) -> dict[str, Any]:
    """Return the schema of objects in which *keys* are there and not null."""
    return {"required": keys, "properties": {key: {"not": {"type": "null"}} for key in keys}}


def enums_of(fields: tuple[Field, ...]) -> set[str]:
    """Return the names of the enums that *fields* use, however deep."""
    return {field.enum for field in every_field(fields) if field.enum is not None}


def _enum_schema(enum: Enum) -> dict[str, Any]:
    schema: dict[str, Any] = {"title": enum.class_name}
    if enum.description:
        schema["description"] = enum.description
    schema["type"] = "integer" if enum.is_int else "string"
    values = [value.json for value in enum.values]
    schema |= {"examples": values} if enum.open else {"enum": values}
    described = {value.name: value.description for value in enum.values if value.description}
    return {**schema, "x-values": described} if described else schema
