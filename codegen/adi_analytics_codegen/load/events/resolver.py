"""From nodes to enums and events."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.load.annotations import owners, read_annotations
from adi_analytics_codegen.load.events.fields import check_replacements, deprecation
from adi_analytics_codegen.load.events.rules import field_rules
from adi_analytics_codegen.model.events import Event
from adi_analytics_codegen.model.fields import Enum, EnumValue
from adi_analytics_codegen.model.kinds import FieldType, Status, Store
from adi_analytics_codegen.model.rows.wire import fields_on_wire
from adi_analytics_codegen.model.text.naming import did_you_mean, member_name, pascal_case
from adi_analytics_codegen.model.walk import field_at

if TYPE_CHECKING:
    from collections.abc import Collection

    from adi_analytics_codegen.load.context import Context
    from adi_analytics_codegen.load.events.fields import FieldResolver, Group
    from adi_analytics_codegen.load.source.yaml import Node
    from adi_analytics_codegen.model.fields import Field

_WHOLE: Final = re.compile("0|-?[1-9][0-9]{0,18}")
_PAST: Final = frozenset({Status.DEPRECATED, Status.RETIRED})


def resolve_enum(name: str, node: Node, context: Context) -> Enum:
    """Return the enum called *name*."""
    subject, values = f"enums.{name}", node.entries("values")
    context.subjects[node.key_at] = subject
    check_replacements(values, values, "value", subject, context)
    kind = FieldType(node.scalar("type", "string"))
    made = [_enum_value(value, entry, kind) for value, entry in values.items()]
    return Enum(
        name=name,
        class_name=node.scalar("class_name", pascal_case(name)),
        values=tuple(made if kind is FieldType.STRING else (_as_number(value, subject, context) for value in made)),
        at=node.key_at,
        open=node.scalar("open", default=False),
        description=node.scalar("description", ""),
        type=kind,
    )


def _as_number(value: EnumValue, subject: str, context: Context) -> EnumValue:
    """Return *value* as a whole number, or as it is after a finding."""
    if _WHOLE.fullmatch(value.name) and -(2**63) <= int(value.name) < 2**63:
        return replace(value, number=int(value.name))
    message = f'"{value.name[:40]}" is no whole number of 64 bits, but the values of the enum are ints'
    context.error(value.at, "wrong-value", message, "write it in digits, such as 3 or -1", subject)
    return value


def _enum_value(name: str, node: Node, kind: FieldType) -> EnumValue:
    """Return the enum value called *name*, which may be given as its description alone."""
    below_zero = kind is FieldType.INT and name.startswith("-")
    member = f"MINUS_{member_name(name).removeprefix('VALUE_')}" if below_zero else member_name(name)
    if isinstance(node.value, dict):
        given = node.scalar("member", member)
        return EnumValue(name, node.key_at, node.scalar("description", ""), deprecation(node), given)
    return EnumValue(name, node.key_at, node.text or "", None, member)


@dataclass(slots=True)
class EventResolver:
    """Resolves the events of one catalog."""

    context: Context
    fields: FieldResolver
    owner: str
    domains: Collection[str]

    def event(self, name: str, node: Node) -> Event:
        """Return the event called *name*."""
        subject = f"events.{name}"
        self.context.subjects[node.key_at] = subject
        members = self.fields.members(node, subject)
        event = Event(
            name=name,
            class_name=node.scalar("class_name", pascal_case(name)),
            domain=self._domain(node, subject),
            description=node.scalar("description", ""),
            owner=owners(node, self.owner),
            fields=tuple(members.fields.values()),
            at=node.key_at,
            status=Status(node.scalar("status", "stable")),
            version=node.scalar("version", 1),
            user_id_field=self._column("user_id", members, subject),
            service_field=self._column("service", members, subject),
            reserved=tuple(entry.text for entry in node.list("reserved")),
            deprecated=deprecation(node),
            examples=tuple(example.plain() for example in node.list("examples")),
            wire=node.scalar("wire"),
            annotations=read_annotations(node, subject, self.context),
            rules=field_rules(node, members.fields, subject, self.context),
        )
        self._check_reserved(event, node, subject)
        self._check_life(event, node, subject)
        return event

    def _domain(self, node: Node, subject: str) -> str:
        domain = node.get("domain")
        if domain is None:
            return ""
        if domain.text not in self.domains:
            fix = did_you_mean(domain.text, self.domains) or "describe it under domains"
            self.context.error(domain.at, "unknown-domain", f'there is no domain "{domain.text}"', fix, subject)
        return domain.text

    def _column(self, column: str, members: Group, subject: str) -> str | None:
        """Return the name of the field that fills *column*, or ``None``."""
        node = members.columns.get(column)
        if node is None:
            return None
        filler = members.fields.get(node.text)
        if filler is None:
            fix = did_you_mean(node.text, members.fields) or "name one of the event's fields"
            self.context.error(node.at, "unknown-field", f'the event has no field "{node.text}"', fix, subject)
            return None
        self._check_column(column, filler, node, subject)
        return filler.name

    def _check_column(self, column: str, filler: Field, node: Node, subject: str) -> None:
        wanted = self.context.user_id if column == "user_id" else FieldType.STRING
        if filler.type is not wanted and filler.at not in self.context.broken:
            message = f'column {column} needs a field of type {wanted}, and "{filler.name}" is {filler.type}'
            fix = "name another field or change its type"
            if column == "user_id" and wanted is FieldType.UUID and filler.type is FieldType.STRING:
                fix += ", or say `user_id: string` under catalog before there is a table"
            self.context.error(node.at, "column-type", message, fix, subject)
        if filler.store is not Store.KEEP:
            message = f'column {column} would keep the value of "{filler.name}", which has store: {filler.store}'
            self.context.error(node.at, "column-store", message, "remove the column, or keep the field", subject)

    def _check_reserved(self, event: Event, node: Node, subject: str) -> None:
        for entry in node.list("reserved"):
            used = field_at(fields_on_wire(event.fields), entry.text)
            if used is not None:
                message = f'field "{entry.text}" has a reserved name'
                self.context.error(used.at, "reserved-name", message, "give the field another name", subject)

    def _check_life(self, event: Event, node: Node, subject: str) -> None:
        entry = node.get("deprecated")
        if event.deprecated is None or entry is None:
            return
        if event.status not in _PAST:
            message = f"the event has a deprecation, but its status is {event.status}"
            self.context.error(entry.key_at, "deprecation-status", message, "set status: deprecated", subject)
