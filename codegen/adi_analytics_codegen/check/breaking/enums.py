"""Rules about the enums of fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.check.breaking.rule import Fields, Found, Rule
from adi_analytics_codegen.model.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adi_analytics_codegen.model.fields import Enum


def enum_of(seen: Fields, *, new: bool) -> Enum | None:
    """Return the enum of the new field, or of the old one."""
    field, catalogs = (seen.new if new else seen.old), seen.events.catalogs
    return (catalogs.new if new else catalogs.old).enum(field.enum or "")


def _enum_value_removed(seen: Fields) -> Iterator[Found]:
    old, new = enum_of(seen, new=False), enum_of(seen, new=True)
    if old is None or new is None:
        return
    kept = {value.name for value in new.values}
    for value in old.values:
        if value.name not in kept:
            message = f'enum {new.name} no longer has "{value.name}"'
            subject = f"enums.{new.name}.{value.name}"
            yield Found(new.at, subject, message, "keep it, with deprecated: {reason: ...}")


def _enum_value_added(seen: Fields) -> Iterator[Found]:
    old, new = enum_of(seen, new=False), enum_of(seen, new=True)
    if old is None or new is None or old.open or new.open:
        return
    known = {value.name for value in old.values}
    for value in new.values:
        if value.name not in known:
            message = f'closed enum {new.name} now has "{value.name}", which old readers do not know'
            yield Found(
                value.at, f"enums.{new.name}.{value.name}", message, "update the readers first, or open the enum"
            )


def _enum_opened(seen: Fields) -> Iterator[Found]:
    old, new = enum_of(seen, new=False), enum_of(seen, new=True)
    if old is not None and new is not None and new.open and not old.open:
        message = f"enum {new.name} is now open: readers must expect values that they do not know"
        yield Found(new.at, f"enums.{new.name}", message, "update the readers first")


def _enum_closed(seen: Fields) -> Iterator[Found]:
    old, new = enum_of(seen, new=False), enum_of(seen, new=True)
    if old is not None and new is not None and old.open and not new.open:
        message = f"enum {new.name} was open and is now closed: rows with other values exist"
        yield Found(new.at, f"enums.{new.name}", message, "keep it open")


def _member_renamed(seen: Fields) -> Iterator[Found]:
    old, new = enum_of(seen, new=False), enum_of(seen, new=True)
    if old is None or new is None:
        return
    if old.class_name != new.class_name:
        message = f"class {old.class_name} is now {new.class_name}"
        yield Found(new.at, f"enums.{new.name}", message, "change every import of it")
    members = {value.name: value.member for value in old.values}
    for value in new.values:
        if members.get(value.name, value.member) != value.member:
            message = f"enum {new.name}: member {members[value.name]} is now {value.member}"
            yield Found(value.at, f"enums.{new.name}.{value.name}", message, "change every use of it")


ENUM_RULES: Final[dict[str, Rule[Fields]]] = {
    "enum-value-removed": Rule(_enum_value_removed, Severity.ERROR, "An enum lost a value that rows have."),
    "enum-value-added": Rule(
        _enum_value_added, Severity.WARNING, "A closed enum got a value. Open enums may get values at any time."
    ),
    "enum-opened": Rule(_enum_opened, Severity.WARNING, "A closed enum became open."),
    "enum-closed": Rule(_enum_closed, Severity.ERROR, "An open enum became closed."),
    "enum-renamed": Rule(
        _member_renamed, Severity.WARNING, "The class of an enum, or the name of one of its members, is another one."
    ),
}
