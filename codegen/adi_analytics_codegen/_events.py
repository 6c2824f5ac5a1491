"""From nodes to the enums, fields and events of the model, with everything checked that needs more than a shape."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from adi_analytics_codegen.model import (
    Deprecation,
    Enum,
    EnumValue,
    Event,
    Field,
    FieldType,
    Sensitivity,
    Status,
    Store,
)
from adi_analytics_codegen.naming import did_you_mean, member_name, pascal_case

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adi_analytics_codegen._yaml import Node
    from adi_analytics_codegen.findings import Findings
    from adi_analytics_codegen.model import Location

_KEYS_OF_TYPE: Final = {
    "min": (FieldType.INT, FieldType.FLOAT),
    "max": (FieldType.INT, FieldType.FLOAT),
    "unit": (FieldType.INT, FieldType.FLOAT),
    "min_length": (FieldType.STRING,),
    "max_length": (FieldType.STRING,),
    "pattern": (FieldType.STRING,),
    "min_items": (FieldType.LIST,),
    "max_items": (FieldType.LIST,),
    "items": (FieldType.LIST,),
    "fields": (FieldType.OBJECT,),
    "enum": (FieldType.ENUM,),
}
"""Keys that only some types have."""
_NEEDED_BY_TYPE: Final = {FieldType.LIST: "items", FieldType.OBJECT: "fields", FieldType.ENUM: "enum"}


@dataclass(slots=True)
class Group:
    """A resolved group: fields and columns that events include."""

    fields: dict[str, Field]
    columns: dict[str, Node]


@dataclass(slots=True)
class EventResolver:
    """Resolves the enums, groups and events of one catalog."""

    findings: Findings
    owner: str
    domains: dict[str, str]
    group_nodes: dict[str, Node]
    enum_nodes: dict[str, Node]
    groups: dict[str, Group] = field(default_factory=dict)
    resolving: list[str] = field(default_factory=list)

    def enum(self, name: str, node: Node) -> Enum:
        """Return the enum called *name*."""
        values = tuple(
            _enum_value(value, entry) for value, entry in node.entries("values").items()
        )
        return Enum(
            name=name,
            class_name=node.scalar("class_name", pascal_case(name)),
            values=values,
            at=node.key_at,
            open=node.scalar("open", False),
            description=node.scalar("description", ""),
        )

    def group(self, name: str, at: Location) -> Group | None:
        """Return the group called *name*, or ``None`` after a finding."""
        if name in self.groups:
            return self.groups[name]
        node = self.group_nodes.get(name)
        if node is None:
            fix = did_you_mean(name, self.group_nodes) or "define it under groups"
            self.findings.error(at, "unknown-group", f'there is no group "{name}"', fix)
            return None
        if name in self.resolving:
            cycle = " -> ".join([*self.resolving[self.resolving.index(name) :], name])
            self.findings.error(at, "group-cycle", f"groups include each other: {cycle}", "break the circle")
            return None
        self.resolving.append(name)
        group = Group({}, {})
        self._include(group, node, f"groups.{name}")
        self.resolving.pop()
        self.groups[name] = group
        return group

    def _include(self, into: Group, node: Node, subject: str) -> None:
        """Add the fields and columns of *node*, those of its groups first, to *into*."""
        for name in node.list("include"):
            group = self.group(name.text, name.at)
            if group is not None:
                self._add_fields(into.fields, group.fields.values(), name.at, subject)
                into.columns.update(group.columns)
        own = (self.field(name, entry, f"{subject}.{name}") for name, entry in node.entries("fields").items())
        for own_field in own:
            self._add_fields(into.fields, [own_field], own_field.at, subject)
        into.columns.update(node.entries("columns"))

    def _add_fields(self, into: dict[str, Field], fields: Iterable[Field], at: Location, subject: str) -> None:
        for added in fields:
            if added.name in into:
                message = f'field "{added.name}" comes twice into {subject}, first from line {into[added.name].at.line}'
                self.findings.error(at, "field-twice", message, "remove it from one of the places", subject)
            else:
                into[added.name] = added

    def field(self, name: str, node: Node, subject: str) -> Field:
        """Return the field called *name*; the items of a list have an empty name."""
        kind = FieldType(node.scalar("type", "json"))
        self._check_keys(kind, node, subject)
        sensitivity = Sensitivity(node.scalar("sensitivity", "none"))
        store = node.scalar("store")
        items = node.get("items") if kind is FieldType.LIST else None
        own = node.entries("fields") if kind is FieldType.OBJECT else {}
        made = Field(
            name=name,
            type=kind,
            at=node.key_at,
            description=node.scalar("description", ""),
            optional=node.scalar("optional", False),
            enum=self._enum_reference(node, subject) if kind is FieldType.ENUM else None,
            items=self.field("", items, subject) if items is not None else None,
            fields=tuple(self.field(key, entry, f"{subject}.{key}") for key, entry in own.items()),
            sensitivity=sensitivity,
            store=Store(store) if store else _default_store(sensitivity),
            store_stated=store is not None,
            deprecated=_deprecation(node),
            **{key: node.scalar(key) for key in _BOUNDS if kind in _KEYS_OF_TYPE[key]},
        )
        self._check_bounds(made, node, subject)
        return made

    def _check_keys(self, kind: FieldType, node: Node, subject: str) -> None:
        for key, kinds in _KEYS_OF_TYPE.items():
            present = node.get(key)
            if present is not None and kind not in kinds:
                message = f'"{key}" says nothing about a field of type {kind}'
                fix = f"remove it, or use type {' or '.join(kinds)}"
                self.findings.error(present.key_at, "key-of-other-type", message, fix, subject)
        needed = _NEEDED_BY_TYPE.get(kind)
        if needed and node.get(needed) is None:
            self.findings.error(node.at, "key-missing", f'type {kind} needs "{needed}"', f"add {needed}", subject)

    def _enum_reference(self, node: Node, subject: str) -> str | None:
        reference = node.get("enum")
        if reference is None:
            return None
        if reference.text not in self.enum_nodes:
            fix = did_you_mean(reference.text, self.enum_nodes) or "define it under enums"
            message = f'there is no enum "{reference.text}"'
            self.findings.error(reference.at, "unknown-enum", message, fix, subject)
            return None
        return reference.text

    def _check_bounds(self, made: Field, node: Node, subject: str) -> None:
        for low, high in (("min", "max"), ("min_length", "max_length"), ("min_items", "max_items")):
            least, most = getattr(made, low), getattr(made, high)
            if least is not None and most is not None and least > most:
                message = f"no value can be at least {least} and at most {most}"
                self.findings.error(node.mapping[high].at, "empty-range", message, f"mend {low} or {high}", subject)
        if made.pattern is not None:
            self._check_pattern(node.mapping["pattern"], subject)

    def _check_pattern(self, node: Node, subject: str) -> None:
        try:
            re.compile(node.text)
        except (re.error, OverflowError, RecursionError) as error:
            self.findings.error(node.at, "bad-pattern", f"not a regular expression: {error}", "mend it", subject)

    def event(self, name: str, node: Node) -> Event:
        """Return the event called *name*."""
        subject = f"events.{name}"
        members = Group({}, {})
        self._include(members, node, subject)
        domain = node.get("domain")
        if domain is not None and domain.text not in self.domains:
            fix = did_you_mean(domain.text, self.domains) or "describe it under domains"
            self.findings.error(domain.at, "unknown-domain", f'there is no domain "{domain.text}"', fix, subject)
        return Event(
            name=name,
            class_name=node.scalar("class_name", pascal_case(name)),
            domain=domain.text if domain else "",
            description=node.scalar("description", ""),
            owner=node.scalar("owner", self.owner),
            fields=tuple(members.fields.values()),
            at=node.key_at,
            status=Status(node.scalar("status", "stable")),
            version=node.scalar("version", 1),
            user_id_field=self._column("user_id", members, subject),
            service_field=self._column("service", members, subject),
            reserved=tuple(entry.text for entry in node.list("reserved")),
            deprecated=_deprecation(node),
            examples=tuple(example.plain() for example in node.list("examples")),
        )

    def _column(self, column: str, members: Group, subject: str) -> str | None:
        """Return the field that fills *column*, or ``None``."""
        node = members.columns.get(column)
        if node is None:
            return None
        filler = members.fields.get(node.text)
        if filler is None:
            fix = did_you_mean(node.text, members.fields) or "name one of the event's fields"
            self.findings.error(node.at, "unknown-field", f'{subject} has no field "{node.text}"', fix, subject)
            return None
        wanted = FieldType.UUID if column == "user_id" else FieldType.STRING
        if filler.type is not wanted:
            message = f'column {column} needs a field of type {wanted}, "{filler.name}" is {filler.type}'
            self.findings.error(node.at, "column-type", message, "name another field or change its type", subject)
            return None
        return filler.name


_BOUNDS: Final = ("min", "max", "unit", "min_length", "max_length", "pattern", "min_items", "max_items")


def _default_store(sensitivity: Sensitivity) -> Store:
    return Store.DROP if sensitivity is Sensitivity.SECRET else Store.KEEP


def _deprecation(node: Node) -> Deprecation | None:
    """Return what ``deprecated`` says: a reason, or a mapping of reason and replaced_by."""
    entry = node.get("deprecated")
    if entry is None or entry.value is False:
        return None
    if isinstance(entry.value, dict):
        return Deprecation(entry.scalar("reason", ""), entry.scalar("replaced_by"))
    return Deprecation("" if entry.value is True else entry.text)


def _enum_value(name: str, node: Node) -> EnumValue:
    """Return the enum value called *name*, which may be given as its description alone."""
    if isinstance(node.value, dict):
        member = node.scalar("member", member_name(name))
        return EnumValue(name, node.scalar("description", ""), _deprecation(node), member)
    return EnumValue(name, str(node.value or ""), None, member_name(name))
