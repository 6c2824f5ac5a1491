"""What an edit of the catalog may do: rows are never rewritten, and old senders still send for a while."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from adi_analytics_codegen.check.breaking.aggregates import (
    AGGREGATE_RULES,
    NEW_VERSION_RULES,
    REMOVAL_RULES,
    VERSION_RULES,
)
from adi_analytics_codegen.check.breaking.catalogs import CATALOG_RULES, EVENT_RULES
from adi_analytics_codegen.check.breaking.dashboard import DASHBOARD_RULES
from adi_analytics_codegen.check.breaking.enums import ENUM_RULES
from adi_analytics_codegen.check.breaking.fields import FIELD_RULES, MEMBER_RULES
from adi_analytics_codegen.check.breaking.forward import (
    FORWARD_CATALOG_RULES,
    FORWARD_FIELD_RULES,
    FORWARD_MEMBER_RULES,
)
from adi_analytics_codegen.check.breaking.people import PEOPLE_RULES
from adi_analytics_codegen.check.breaking.rule import Aggregates, Catalogs, Events, Fields, Members, Path, Rule, Seen
from adi_analytics_codegen.check.breaking.rules import FORWARD_EVENT_RULES, RULE_RULES
from adi_analytics_codegen.model.findings import Finding, Severity, ordered
from adi_analytics_codegen.model.kinds import FieldType, Status
from adi_analytics_codegen.model.rows.wire import as_on_wire
from adi_analytics_codegen.model.text.naming import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import date

    from adi_analytics_codegen.load.loader import Waiver
    from adi_analytics_codegen.model.catalog import Catalog
    from adi_analytics_codegen.model.fields import Field, Location

FORWARD_RULES: Final[dict[str, Rule[Any]]] = {
    **FORWARD_CATALOG_RULES,
    **FORWARD_EVENT_RULES,
    **FORWARD_MEMBER_RULES,
    **FORWARD_FIELD_RULES,
}
"""The rules about yesterday's strict readers, by their ids. They are asked only on demand."""

RULES: Final[dict[str, Rule[Any]]] = {
    **CATALOG_RULES,
    **EVENT_RULES,
    **RULE_RULES,
    **MEMBER_RULES,
    **FIELD_RULES,
    **ENUM_RULES,
    **REMOVAL_RULES,
    **VERSION_RULES,
    **AGGREGATE_RULES,
    **NEW_VERSION_RULES,
    **PEOPLE_RULES,
    **DASHBOARD_RULES,
    **FORWARD_RULES,
}
"""Every rule by its id."""


def compare(old: Catalog, new: Catalog, at: Location, *, forward: bool = False) -> list[Finding]:
    """Return what the step from *old* to *new* breaks. Events that were drafts may change as they like.

    Args:
        old: The catalog as it was.
        new: The catalog as it is.
        at: Where findings go about things that are gone.
        forward: Whether to report, too, what strict readers of *old* refuse.
    """
    found = _compared(Catalogs(old, new, at))
    return ordered(one for one in found if forward or one.rule not in FORWARD_RULES)


def accepted(
    findings: list[Finding], exceptions: tuple[Waiver, ...], today: date, *, forward: bool = False
) -> list[Finding]:
    """Return *findings* without those that an exception accepts, and with what is wrong with the exceptions.

    Args:
        findings: What `compare` found.
        exceptions: Those of the new catalog.
        today: The day on which they must not have ended.
        forward: Whether `compare` was asked for it. If not, no exception from such a rule can be stale.
    """
    present = {(finding.rule, finding.subject) for finding in findings}
    valid = {(waiver.rule, waiver.subject) for waiver in exceptions if (waiver.until or "") >= today.isoformat()}
    asked = RULES if forward else RULES.keys() - FORWARD_RULES.keys()
    kept = [finding for finding in findings if (finding.rule, finding.subject) not in valid]
    return ordered([*kept, *_outdated(exceptions, present, today, asked)])


def _outdated(
    exceptions: tuple[Waiver, ...], present: set[tuple[str, str]], today: date, asked: Collection[str]
) -> Iterator[Finding]:
    for waiver in exceptions:
        if waiver.rule not in RULES:
            fix, message = did_you_mean(waiver.rule, RULES), f'there is no rule "{waiver.rule}"'
            yield Finding(waiver.at, Severity.ERROR, "unknown-rule", message, fix, waiver.subject)
        elif (waiver.until or "") < today.isoformat():
            message = f"the exception from {waiver.rule} at {waiver.subject} ended on {waiver.until}"
            yield Finding(waiver.at, Severity.ERROR, "expired-exception", message, "remove it", waiver.subject)
        elif waiver.rule in asked and (waiver.rule, waiver.subject) not in present:
            message = f"{waiver.rule} finds nothing at {waiver.subject}"
            yield Finding(waiver.at, Severity.WARNING, "stale-exception", message, "remove it", waiver.subject)


def _compared(catalogs: Catalogs) -> Iterator[Finding]:
    yield from _apply(CATALOG_RULES | FORWARD_CATALOG_RULES, catalogs)
    yield from _apply(REMOVAL_RULES | PEOPLE_RULES | DASHBOARD_RULES, catalogs)
    old_events = {event.type: event for event in catalogs.old.events}
    for event in catalogs.new.events:
        old = old_events.get(event.type)
        if old is not None and old.status is not Status.DRAFT:
            yield from _events(Events(catalogs, old, event))
    # Aggregates read JSON: what the fields are called in code does not matter to them.
    on_wire = Catalogs(as_on_wire(catalogs.old), as_on_wire(catalogs.new), catalogs.at)
    olds = {aggregate.name: aggregate for aggregate in on_wire.old.aggregates}
    for aggregate in on_wire.new.aggregates:
        if aggregate.name in olds:
            yield from _aggregates(Aggregates(on_wire, olds[aggregate.name], aggregate))


def _events(events: Events) -> Iterator[Finding]:
    yield from _apply(EVENT_RULES | RULE_RULES | FORWARD_EVENT_RULES, events)
    yield from _members(Members(events, events.old.fields, events.new.fields, Path(), events.new.at))


def _members(members: Members) -> Iterator[Finding]:
    yield from _apply(MEMBER_RULES | FORWARD_MEMBER_RULES, members)
    olds = {field.key: field for field in members.old}
    for field in members.new:
        old = olds.get(field.key)
        if old is not None:
            yield from _fields(Fields(members.events, old, field, members.path, field.name, old.name, field.key))


def _fields(fields: Fields) -> Iterator[Finding]:
    yield from _apply(FIELD_RULES | ENUM_RULES | FORWARD_FIELD_RULES, fields)
    old, new = fields.old.items, fields.new.items
    if old is not None and new is not None and fields.old.type is fields.new.type:
        yield from _fields(replace(fields, old=old, new=new))
    if _are_objects(fields.old, fields.new):
        path = fields.owner.to(fields.old_name, fields.name, fields.key)
        yield from _members(Members(fields.events, fields.old.fields, fields.new.fields, path, fields.new.at))


def _are_objects(old: Field, new: Field) -> bool:
    return old.type is FieldType.OBJECT and new.type is FieldType.OBJECT


def _aggregates(aggregates: Aggregates) -> Iterator[Finding]:
    yield from _apply(VERSION_RULES, aggregates)
    if aggregates.new.version == aggregates.old.version:
        yield from _apply(AGGREGATE_RULES, aggregates)
    elif aggregates.new.version > aggregates.old.version:
        yield from _apply(NEW_VERSION_RULES, aggregates)


def _apply(rules: dict[str, Rule[Seen]], seen: Seen) -> Iterator[Finding]:
    for name, rule in rules.items():
        for found in rule.check(seen):
            yield Finding(found.at, rule.severity, name, found.message, found.fix, found.subject)
