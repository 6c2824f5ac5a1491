"""What yesterday's strict readers refuse of tomorrow's events; asked for with ``breaking --forward``.

Strict readers are those that check events as they are sent: ``from_json``, the JSON Schemas, an endpoint that takes
events in. Readers of rows are tolerant, and most of this does not concern them.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.check.breaking.enums import enum_of
from adi_analytics_codegen.check.breaking.fields import LOWER, UPPER, bound, is_wider, kind_of
from adi_analytics_codegen.check.breaking.rule import Catalogs, Fields, Found, Members, Rule
from adi_analytics_codegen.model.findings import Severity
from adi_analytics_codegen.model.kinds import FieldType

if TYPE_CHECKING:
    from collections.abc import Iterator

_FIX: Final = "update the readers before the senders"


def _event_added(seen: Catalogs) -> Iterator[Found]:
    known = {event.type for event in seen.old.events}
    for event in seen.new.events:
        if event.type not in known:
            yield Found(event.at, f"events.{event.name}", f"event {event.name} is new: old readers refuse it", _FIX)


def _field_added(seen: Members) -> Iterator[Found]:
    keys = {field.key for field in seen.old}
    for field in seen.new:
        if field.key not in keys:
            path = f"{seen.events.subject}.{seen.path.new}{field.name}"
            yield Found(field.at, path, f"{path}: is new, and old readers refuse unknown fields", _FIX)


def _field_removed(seen: Members) -> Iterator[Found]:
    keys = {field.key for field in seen.new}
    for field in seen.old:
        if field.key not in keys and not field.may_be_left_out:
            path = f"{seen.events.subject}.{seen.path.old}{field.name}"
            yield Found(seen.at, path, f"{path}: is gone, and old readers require it", _FIX)


def _field_made_optional(seen: Fields) -> Iterator[Found]:
    if seen.new.may_be_left_out and not seen.old.may_be_left_out:
        yield seen.found("may now be left out, and old readers require it", _FIX)


def _object_opened(seen: Fields) -> Iterator[Found]:
    if seen.new.open and not seen.old.open and seen.old.type is FieldType.OBJECT:
        yield seen.found("is now open, and old readers refuse members that they do not know", _FIX)


def _type_widened(seen: Fields) -> Iterator[Found]:
    if is_wider(seen):
        yield seen.found(f"type is now {kind_of(seen.new)}, and old readers expect {kind_of(seen.old)}", _FIX)


def _bounds_loosened(seen: Fields) -> Iterator[Found]:
    for key, is_looser in (*((key, operator.lt) for key in LOWER), *((key, operator.gt) for key in UPPER)):
        old, new = bound(seen.old, key), bound(seen.new, key)
        if old is not None and (new is None or is_looser(new, old)):
            now = "not given" if new is None else new
            yield seen.found(f"{key} is now {now}, and old readers expect {old}", _FIX)
    if seen.old.pattern is not None and seen.new.pattern != seen.old.pattern:
        yield seen.found("the pattern is another one, and old readers check the old one", _FIX)
    if seen.old.const is not None and seen.new.const != seen.old.const:
        yield seen.found("the constant is another one or none, and old readers check the old one", _FIX)


def _enum_value_added(seen: Fields) -> Iterator[Found]:
    old, new = enum_of(seen, new=False), enum_of(seen, new=True)
    if old is None or new is None or old.open:
        return
    known = {value.name for value in old.values}
    if new.open:
        yield Found(
            new.at, f"enums.{new.name}", f"enum {new.name} is now open, and old readers refuse new values", _FIX
        )
    for value in new.values:
        if value.name not in known:
            message = f'enum {new.name} now has "{value.name}", which old readers refuse'
            yield Found(value.at, f"enums.{new.name}.{value.name}", message, _FIX)


FORWARD_CATALOG_RULES: Final[dict[str, Rule[Catalogs]]] = {
    "forward-event-added": Rule(
        _event_added, Severity.ERROR, "An event is new. Readers of an older version refuse it."
    ),
}
FORWARD_MEMBER_RULES: Final[dict[str, Rule[Members]]] = {
    "forward-field-added": Rule(_field_added, Severity.ERROR, "A field is new, also an optional one."),
    "forward-field-removed": Rule(_field_removed, Severity.ERROR, "A required field is gone, reserved or not."),
}
FORWARD_FIELD_RULES: Final[dict[str, Rule[Fields]]] = {
    "forward-field-made-optional": Rule(
        _field_made_optional, Severity.ERROR, "A required field became optional, or got a default."
    ),
    "forward-object-opened": Rule(_object_opened, Severity.ERROR, "An object became open."),
    "forward-type-widened": Rule(_type_widened, Severity.ERROR, "A field has a wider type."),
    "forward-bounds-loosened": Rule(
        _bounds_loosened, Severity.ERROR, "A bound is looser or gone, or the pattern is gone or another one."
    ),
    "forward-enum-value-added": Rule(_enum_value_added, Severity.ERROR, "A closed enum got a value, or became open."),
}
