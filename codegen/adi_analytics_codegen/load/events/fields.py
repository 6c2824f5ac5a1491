"""From nodes to fields, and to the groups of fields that events include."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from adi_analytics_codegen.load.annotations import read_annotations
from adi_analytics_codegen.load.events.fixed import CONSTANT_TYPES, DEFAULT_TYPES, check_fixed, fixed_values
from adi_analytics_codegen.model.fields import Deprecation, Field, ObjectType
from adi_analytics_codegen.model.kinds import FieldType, Format, Sensitivity, Store
from adi_analytics_codegen.model.text.formats import HOSTNAME_LENGTH, PATTERNS
from adi_analytics_codegen.model.text.naming import did_you_mean, pascal_case
from adi_analytics_codegen.model.text.patterns import UnportableError, portable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from adi_analytics_codegen.load.context import Context
    from adi_analytics_codegen.load.source.yaml import Node
    from adi_analytics_codegen.model.fields import Enum, Location

_NUMBERS: Final = (FieldType.INT, FieldType.FLOAT)
_BOUNDS: Final = {
    "min": (*_NUMBERS, FieldType.DECIMAL),
    "max": _NUMBERS,
    "unit": (*_NUMBERS, FieldType.DECIMAL),
    "min_length": (FieldType.STRING,),
    "max_length": (FieldType.STRING,),
    "pattern": (FieldType.STRING,),
    "min_items": (FieldType.LIST, FieldType.MAP),
    "max_items": (FieldType.LIST, FieldType.MAP),
    "precision": (FieldType.DECIMAL,),
    "scale": (FieldType.DECIMAL,),
}
_KEYS_OF_TYPE: Final = {
    **_BOUNDS,
    "items": (FieldType.LIST,),
    "values": (FieldType.MAP,),
    "fields": (FieldType.OBJECT,),
    "include": (FieldType.OBJECT,),
    "of": (FieldType.OBJECT,),
    "override": (FieldType.OBJECT,),
    "enum": (FieldType.ENUM,),
    "format": (FieldType.STRING,),
    "open": (FieldType.OBJECT,),
    "const": CONSTANT_TYPES,
    "default": DEFAULT_TYPES,
}
"""Keys that only some types have."""
_NEEDED_BY_TYPE: Final = {
    FieldType.LIST: ("items",),
    FieldType.MAP: ("values",),
    FieldType.OBJECT: ("fields",),
    FieldType.ENUM: ("enum",),
    FieldType.DECIMAL: ("precision", "scale"),
}
_INSIDE: Final = {FieldType.LIST: "items", FieldType.MAP: "values"}
_NOT_OF_ITEMS: Final = ("optional", "sensitivity", "store", "deprecated", "wire", "const", "default")


@dataclass(slots=True)
class Group:
    """Fields, and the columns that they fill."""

    fields: dict[str, Field] = field(default_factory=dict)
    columns: dict[str, Node] = field(default_factory=dict)


@dataclass(slots=True)
class FieldResolver:
    """Resolves the groups and fields of one catalog."""

    context: Context
    group_nodes: dict[str, Node]
    enums: Mapping[str, Enum]
    type_nodes: dict[str, Node] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    types: dict[str, ObjectType] = field(default_factory=dict)
    resolving: list[str] = field(default_factory=list)

    def group(self, name: str, at: Location) -> Group | None:
        """Return the group called *name*, or ``None`` after a finding."""
        if name in self.groups:
            return self.groups[name]
        node = self.group_nodes.get(name)
        if node is None:
            fix = did_you_mean(name, self.group_nodes) or "define it under groups"
            self.context.error(at, "unknown-group", f'there is no group "{name}"', fix)
            return None
        group = self._within(f"groups.{name}", node, at)
        if group is not None:
            self.groups[name] = group
        return group

    def object_type(self, name: str, at: Location) -> ObjectType | None:
        """Return the type of objects called *name*, or ``None`` after a finding."""
        if name in self.types:
            return self.types[name]
        node = self.type_nodes.get(name)
        if node is None:
            fix = did_you_mean(name, self.type_nodes) or "define it under types"
            self.context.error(at, "unknown-type", f'there is no type "{name}"', fix)
            return None
        found = self._within(f"types.{name}", node, at)
        if found is None:
            return None
        self.context.subjects.setdefault(node.key_at, f"types.{name}")
        if not found.fields:
            self.context.error(node.key_at, "missing-key", "an object needs a field", "add one", f"types.{name}")
        class_name = node.scalar("class_name", pascal_case(name))
        description, is_open = node.scalar("description", ""), node.scalar("open", default=False)
        made = ObjectType(name, class_name, tuple(found.fields.values()), node.key_at, description, is_open)
        self.types[name] = made
        return made

    def _within(self, subject: str, node: Node, at: Location) -> Group | None:
        """Return the members of a group or type, or ``None`` after a finding if it is inside of itself."""
        if subject in self.resolving:
            circle = [name.partition(".")[2] for name in self.resolving[self.resolving.index(subject) :]]
            cycle = " -> ".join([*circle, circle[0]])
            self.context.error(at, "group-cycle", f"they include each other: {cycle}", "break the circle")
            return None
        self.resolving.append(subject)
        members = self.members(node, subject)
        self.resolving.pop()
        return members

    def members(self, node: Node, subject: str) -> Group:
        """Return the fields and columns of an event or group: those of its groups first, then its own."""
        into = Group()
        for included in node.list("include"):
            group = self.group(included.text, included.at)
            if group is not None:
                self._add(into, group.fields.values(), included.at, subject)
                into.columns.update(group.columns)
        self._override(into, node, subject)
        own = node.entries("fields")
        for name, entry in own.items():
            self._add(into, [self.field(name, entry, f"{subject}.{name}")], entry.key_at, subject)
        into.columns.update(node.entries("columns"))
        check_replacements(own, into.fields, "field", subject, self.context)
        return into

    def _override(self, into: Group, node: Node, subject: str) -> None:
        """Change what *node* says of the fields that its groups gave it. They keep their places."""
        changes = node.entries("override")
        for name, entry in changes.items():
            included = into.fields.get(name)
            if included is None:
                fix = did_you_mean(name, into.fields) or "include the group that has it"
                message = f'no group that this includes has a field "{name}"'
                self.context.error(entry.key_at, "unknown-field", message, fix, subject)
                continue
            if included.default is not None and included.const is None and entry.scalar("optional", default=False):
                message = "a field with a default is in every event, so it is not optional"
                self.context.error(entry.mapping["optional"].key_at, "fixed-value", message, "remove it", subject)
            into.fields[name] = replace(
                included,
                description=entry.scalar("description", included.description),
                optional=(optional := entry.scalar("optional", included.optional)),
                default=None if optional else included.default,
                deprecated=deprecation(entry) or included.deprecated,
            )
        check_replacements(changes, into.fields.keys() | node.entries("fields").keys(), "field", subject, self.context)

    def _add(self, into: Group, fields: Iterable[Field], at: Location, subject: str) -> None:
        for added in fields:
            first = into.fields.setdefault(added.name, added)
            if first is not added:
                message = f'field "{added.name}" comes twice into {subject}, first from line {first.at.line}'
                self.context.error(at, "field-twice", message, "remove it from one of the places", subject)

    def field(self, name: str, node: Node, subject: str) -> Field:
        """Return the field called *name*; the items of a list have an empty name."""
        kind = FieldType(node.scalar("type", "json"))
        if "type" in node.mapping:
            self._check_keys(kind, node, subject)
        else:
            self.context.broken.add(node.key_at)
        self.context.subjects.setdefault(node.key_at, subject)
        sensitivity = Sensitivity(node.scalar("sensitivity", "none"))
        store = node.scalar("store")
        items = node.get(_INSIDE[kind]) if kind in _INSIDE else None
        shared = self._shared(node, subject) if kind is FieldType.OBJECT else None
        own = self.members(node, subject).fields if kind is FieldType.OBJECT and shared is None else {}
        enum = self._enum(node, subject) if kind is FieldType.ENUM else None
        made = Field(
            name=name,
            type=FieldType.INT if enum is not None and enum.is_int else kind,
            at=node.key_at,
            description=node.scalar("description", ""),
            optional=node.scalar("optional" if name else "nullable", default=False),
            enum=None if enum is None else enum.name,
            items=self._items(items, subject) if items is not None else None,
            fields=tuple(own.values()) if shared is None else shared.fields,
            class_name=None if shared is None else shared.class_name,
            open=kind is FieldType.OBJECT and (node.scalar("open", default=False) if shared is None else shared.open),
            sensitivity=sensitivity,
            store=Store(store) if store else _default_store(sensitivity),
            store_stated=store is not None,
            deprecated=deprecation(node),
            wire=node.scalar("wire"),
            annotations=read_annotations(node, subject, self.context),
            **(_bounds(kind, node) | _format(kind, node) | fixed_values(kind, node)),
        )
        check_fixed(made, node, subject, self.enums, self.context)
        self._check_bounds(made, node, subject)
        self._check_store(made, node, subject)
        if name and "nullable" in node.mapping:
            message, at = "only items and values can be nullable", node.mapping["nullable"].key_at
            self.context.error(at, "key-of-other-type", message, "use optional", subject)
        return made

    def _shared(self, node: Node, subject: str) -> ObjectType | None:
        """Return the type that an object names, or ``None`` if it names none, or after a finding."""
        of = node.get("of")
        if of is None:
            return None
        for key in ("fields", "include", "override", "open"):
            if key in node.mapping:
                message = "an object has a type or fields of its own, not both"
                self.context.error(node.mapping[key].key_at, "key-of-other-type", message, "remove one", subject)
        made = self.object_type(of.text, of.at)
        if made is None:
            self.context.broken.add(node.key_at)
        return made

    def _items(self, node: Node, subject: str) -> Field:
        for key in _NOT_OF_ITEMS:
            present = node.get(key)
            if present is not None:
                fix = "move it to the list, or to a field of the object"
                self.context.error(present.key_at, "key-of-items", f'items cannot have "{key}"', fix, subject)
        return self.field("", node, subject)

    def _check_keys(self, kind: FieldType, node: Node, subject: str) -> None:
        for key, kinds in _KEYS_OF_TYPE.items():
            present = node.get(key)
            if present is not None and kind not in kinds:
                message = f'a field of type {kind} cannot have "{key}"'
                fix = f"remove it, or use type {' or '.join(kinds)}"
                self.context.error(present.key_at, "key-of-other-type", message, fix, subject)
        for needed in _NEEDED_BY_TYPE.get(kind, ()):
            if needed not in node.mapping and not node.list("include") and "of" not in node.mapping:
                message = f'type {kind} needs "{needed}"'
                self.context.broken.add(node.key_at)
                self.context.error(node.key_at, "missing-key", message, f"add {needed}", subject)
        is_empty = "fields" in node.mapping and not node.entries("fields") and not node.list("include")
        if kind is FieldType.OBJECT and is_empty:
            self.context.error(node.key_at, "missing-key", "an object needs a field", "add one, or use json", subject)

    def _enum(self, node: Node, subject: str) -> Enum | None:
        reference = node.get("enum")
        if reference is not None and reference.text in self.enums:
            return self.enums[reference.text]
        self.context.broken.add(node.key_at)
        if reference is not None:
            fix = did_you_mean(reference.text, self.enums) or "define it under enums"
            self.context.error(reference.at, "unknown-enum", f'there is no enum "{reference.text}"', fix, subject)
        return None

    def _check_bounds(self, made: Field, node: Node, subject: str) -> None:
        for low, high in (("min", "max"), ("min_length", "max_length"), ("min_items", "max_items")):
            least, most = getattr(made, low), getattr(made, high)
            if least is not None and most is not None and least > most:
                message = f"no value can be at least {least} and at most {most}"
                self.context.error(node.mapping[high].at, "empty-range", message, f"change {low} or {high}", subject)
        for key in ("min", "max"):
            value = getattr(made, key)
            if made.type is FieldType.INT and isinstance(value, float):
                message = f"{value} is no whole number of 64 bits, but the field is an int"
                self.context.error(node.mapping[key].at, "wrong-value", message, "use a whole number", subject)
        if made.type is FieldType.DECIMAL:
            self._check_decimal(made, node, subject)
        if made.format is not None and "pattern" in node.mapping:
            message = "a string has a format or a pattern, not both"
            self.context.error(node.mapping["pattern"].key_at, "key-of-other-type", message, "remove one", subject)
        elif made.pattern is not None and made.format is None:
            self._check_pattern(node.mapping["pattern"], made.at, subject)

    def _check_decimal(self, made: Field, node: Node, subject: str) -> None:
        if made.precision is not None and made.scale is not None and made.scale > made.precision:
            message = f"of {made.precision} digits, {made.scale} cannot come after the point"
            self.context.error(node.mapping["scale"].at, "empty-range", message, "change precision or scale", subject)
        if made.min:
            message = "a decimal is bound by its precision, and by min: 0"
            self.context.error(node.mapping["min"].at, "wrong-value", message, "use 0, or remove it", subject)

    def _check_pattern(self, node: Node, at: Location, subject: str) -> None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # re warns of syntax that will mean something else
                re.compile(node.text)
            portable(node.text)
        except UnportableError as error:
            message = f'"{error}" does not mean the same in Python, JSON Schema and JavaScript'
            fix = r"use plain syntax: ^ $ . [] () (?:) | * + ? {n,m} \d \w \s, and \ only before what has a meaning"
        except (re.error, OverflowError, RecursionError, Warning) as error:
            message, fix = f"not a regular expression: {error}", "correct it"
        else:
            return
        self.context.broken.add(at)
        self.context.error(node.at, "bad-pattern", message, fix, subject)

    def _check_store(self, made: Field, node: Node, subject: str) -> None:
        if made.store is Store.HASH and made.type is not FieldType.STRING and "type" in node.mapping:
            message = f"a hash is a string, the field is {made.type}"
            fix = "make it a string, or drop it"
            self.context.error((node.get("store") or node).at, "store-type", message, fix, subject)


def deprecation(node: Node) -> Deprecation | None:
    """Return what the key ``deprecated`` of *node* says."""
    entry = node.get("deprecated")
    return None if entry is None else Deprecation(entry.scalar("reason", ""), entry.scalar("replaced_by"))


def check_replacements(
    entries: dict[str, Node], names: Collection[str], what: str, subject: str, context: Context
) -> None:
    """Report each of *entries* whose replacement is not in *names*, or is itself."""
    for name, entry in entries.items():
        deprecated = entry.get("deprecated") if isinstance(entry.value, dict) else None
        replacement = deprecated.get("replaced_by") if deprecated else None
        if replacement is not None and (replacement.text not in names or replacement.text == name):
            fix = did_you_mean(replacement.text, set(names) - {name}) or f"name a {what}"
            message = f'there is no other {what} "{replacement.text}" here'
            context.error(replacement.at, "unknown-replacement", message, fix, f"{subject}.{name}")


def _bounds(kind: FieldType, node: Node) -> dict[str, Any]:
    bounds = {key: node.scalar(key) for key, kinds in _BOUNDS.items() if kind in kinds}
    whole = kind in {FieldType.INT, FieldType.DECIMAL}
    return {key: int(v) if whole and _is_whole(v) else v for key, v in bounds.items()}


def _format(kind: FieldType, node: Node) -> dict[str, Any]:
    """Return the format of a string with what it means: a pattern, and a length."""
    stated = node.scalar("format") if kind is FieldType.STRING else None
    if stated is None:
        return {}
    found = {"format": Format(stated), "pattern": PATTERNS[Format(stated)]}
    is_bound = found["format"] is not Format.HOSTNAME or "max_length" in node.mapping
    return found if is_bound else {**found, "max_length": HOSTNAME_LENGTH}


def _is_whole(value: Any) -> bool:
    return isinstance(value, float) and value.is_integer() and abs(value) < 2**63


def _default_store(sensitivity: Sensitivity) -> Store:
    return Store.DROP if sensitivity is Sensitivity.SECRET else Store.KEEP
