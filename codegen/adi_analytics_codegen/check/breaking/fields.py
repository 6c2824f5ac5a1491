"""Rules about the fields of an event."""

from __future__ import annotations

import json
import operator
from typing import TYPE_CHECKING, Any, Final

from adi_analytics_codegen.check.breaking.rule import Fields, Found, Members, Rule
from adi_analytics_codegen.model.fields import Field
from adi_analytics_codegen.model.findings import Severity
from adi_analytics_codegen.model.kinds import FieldType, MeasureKind, Sensitivity, Store
from adi_analytics_codegen.model.readers import columns_fed, columns_reading
from adi_analytics_codegen.model.rows.wire import part_of_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adi_analytics_codegen.model.questions.aggregates import Aggregate

_INT_ENUM: Final = "enum of ints"
_WIDER: Final = {("int", "float"), ("enum", "string"), (_INT_ENUM, "int"), (_INT_ENUM, "float")}
_PROTECTION: Final = {Store.KEEP: 0, Store.HASH: 1, Store.DROP: 2}
_SENSITIVITY: Final = list(Sensitivity)
_TYPED_BY_FIELD: Final = frozenset({MeasureKind.MIN, MeasureKind.MAX, MeasureKind.FIRST, MeasureKind.LAST})


def _removed(seen: Members) -> Iterator[Field]:
    keys = {field.key for field in seen.new}
    return (field for field in seen.old if field.key not in keys)


def _reserved_path(seen: Members, field: Field) -> str:
    """Return what is to be reserved of the removed *field*."""
    return seen.path.keys + part_of_path(field.key)


def _successor(seen: Members, removed: Field) -> Field | None:
    """Return the one new field that has the name of *removed*, or else says the same under another name."""
    keys = {field.key for field in seen.old}
    new = [field for field in seen.new if field.key not in keys]
    like = (removed.type, removed.enum, removed.optional, removed.description)
    added = [f for f in new if (f.type, f.enum, f.optional, f.description) == like]
    alike = added[0] if len(added) == 1 and removed.description else None
    return next((field for field in new if field.name == removed.name), alike)


def _reads(seen: Members, field: Field) -> list[tuple[Aggregate, str]]:
    return columns_reading(seen.events.catalogs.old, seen.events.old, seen.path.old + field.name)


def _field_removed(seen: Members) -> Iterator[Found]:
    for field in _removed(seen):
        path, reserved = seen.path.old + field.name, _reserved_path(seen, field)
        if reserved not in seen.events.new.reserved and _successor(seen, field) is None and not _reads(seen, field):
            message, fix = f"{seen.events.subject}: field {path} was removed", f"add {reserved} to the event's reserved"
            yield Found(seen.at, f"{seen.events.subject}.{path}", message, f"{fix} names")


def _field_removed_read(seen: Members) -> Iterator[Found]:
    for field in _removed(seen):
        readers = _reads(seen, field)
        if readers:
            path = seen.path.old + field.name
            names = ", ".join(dict.fromkeys(aggregate.name for aggregate, _ in readers))
            message = f"{seen.events.subject}: field {path} was removed, and {names} read it"
            fix = "keep it, optional and deprecated, until no aggregate reads it"
            yield Found(seen.at, f"{seen.events.subject}.{path}", message, fix)


def _field_renamed(seen: Members) -> Iterator[Found]:
    for field in _removed(seen):
        successor = _successor(seen, field)
        path, reserved = seen.path.old + field.name, _reserved_path(seen, field)
        if successor is not None and reserved not in seen.events.new.reserved and not _reads(seen, field):
            message = f"{seen.events.subject}: field {path} seems to have been renamed to {successor.name}"
            fix = f"keep {path}, optional and deprecated: {{replaced_by: {successor.name}}}"
            if successor.name == field.name:
                message = f'{seen.events.subject}: field {path} was "{field.key}" in JSON and is now "{successor.key}"'
                fix = f'keep the wire name "{field.key}"; rows and senders have it'
            yield Found(successor.at, f"{seen.events.subject}.{path}", message, fix)


def _required_field_added(seen: Members) -> Iterator[Found]:
    keys = {field.key for field in seen.old}
    for field in seen.new:
        if field.key not in keys and not field.may_be_left_out and not seen.events.bumped:
            path = f"{seen.events.subject}.{seen.path.new}{field.name}"
            fix = "make it optional, or raise the event's version"
            yield Found(field.at, path, f"{path}: is new and required, and old senders do not send it", fix)


MEMBER_RULES: Final[dict[str, Rule[Members]]] = {
    "field-removed": Rule(
        _field_removed,
        Severity.ERROR,
        "A field was removed. Allowed when its name is added to the event's `reserved`.",
    ),
    "field-removed-read": Rule(
        _field_removed_read,
        Severity.ERROR,
        "A field was removed that an aggregate read. Reserving its name does not help.",
    ),
    "field-renamed": Rule(
        _field_renamed,
        Severity.ERROR,
        "A field has another name in JSON, or is gone and another with the same type and description is new. Rows and "
        "senders have the old name. Add the new one and deprecate the old.",
    ),
    "required-field-added": Rule(
        _required_field_added,
        Severity.ERROR,
        "A required field is new. Allowed when the event's version is raised.",
    ),
}


def is_wider(seen: Fields) -> bool:
    """Return whether the new type takes every value of the old one, and more."""
    return (kind_of(seen.old), kind_of(seen.new)) in _WIDER


def kind_of(field: Field) -> str:
    """Return the type of *field* in words, which tell an enum of whole numbers from an int."""
    return _INT_ENUM if field.type is FieldType.INT and field.enum is not None else str(field.type)


def _type_changed(seen: Fields) -> Iterator[Found]:
    if kind_of(seen.old) != kind_of(seen.new) and not is_wider(seen):
        fix = "keep the type; add a field with another name for the new one"
        yield seen.found(f"type was {kind_of(seen.old)} and is now {kind_of(seen.new)}", fix)


def _type_widened(seen: Fields) -> Iterator[Found]:
    if is_wider(seen) and not list(_retyped_columns(seen)):
        yield seen.found(f"type was {kind_of(seen.old)} and is now {kind_of(seen.new)}", "inform its readers")


def _type_widened_read(seen: Fields) -> Iterator[Found]:
    columns = list(_retyped_columns(seen))
    if is_wider(seen) and columns:
        was, now = kind_of(seen.old), kind_of(seen.new)
        message = f"type was {was} and is now {now}, which changes the type of {', '.join(columns)}"
        yield seen.found(message, "keep the type, or raise the version of the aggregate")


def _retyped_columns(seen: Fields) -> Iterator[str]:
    """Yield the columns whose type follows the field's, of aggregates whose version is still the old one."""
    if seen.old.type is seen.new.type or seen.old.type is FieldType.ENUM:
        return
    catalogs = seen.events.catalogs
    versions = {aggregate.name: aggregate.version for aggregate in catalogs.old.aggregates}
    for aggregate, column in columns_reading(catalogs.new, seen.events.new, seen.path):
        typed = {dimension.name for dimension in aggregate.dimensions}
        typed |= {measure.name for measure in aggregate.measures if measure.kind in _TYPED_BY_FIELD}
        if column in typed and versions.get(aggregate.name) == aggregate.version:
            yield f"{aggregate.name}.{column}"


def _field_made_required(seen: Fields) -> Iterator[Found]:
    if not seen.old.optional or seen.new.optional:
        return
    if not seen.new.name:  # items of a list or values of a map, which no older row may have as null then
        yield seen.found("items could be null and no longer can, and old rows have such items", "keep them nullable")
    elif not seen.events.bumped:
        fix = "keep it optional, or raise the event's version"
        yield seen.found("was optional and is now required, and old senders may leave it out", fix)


def _default_removed(seen: Fields) -> Iterator[Found]:
    if seen.old.default is not None and not seen.new.may_be_left_out and not seen.events.bumped:
        fix = "keep the default, or raise the event's version"
        yield seen.found("has no default any more, and old senders leave it out", fix)


def _default_changed(seen: Fields) -> Iterator[Found]:
    old, new = seen.old.default, seen.new.default
    if old is not None and new is not None and old != new and seen.new.const is None:
        message = f"the default was {json.dumps(old)} and is now {json.dumps(new)}"
        yield seen.found(message, "senders that leave it out mean another value from now on")


def _field_made_optional(seen: Fields) -> Iterator[Found]:
    if seen.old.optional or not seen.new.optional:
        return
    readers = columns_reading(seen.events.catalogs.new, seen.events.new, seen.path)
    if readers:
        columns = ", ".join(dict.fromkeys(f"{aggregate.name}.{column}" for aggregate, column in readers))
        yield seen.found(f"is now optional, and {columns} read it", "rows without it will not be counted there")


def _object_class_renamed(seen: Fields) -> Iterator[Found]:
    if seen.old.class_name != seen.new.class_name and seen.old.type is seen.new.type is FieldType.OBJECT:
        was, now = (field.class_name or "one of its own" for field in (seen.old, seen.new))
        yield seen.found(f"its class was {was} and is now {now}", "change every use of the class")


def _object_opened(seen: Fields) -> Iterator[Found]:
    if seen.new.open and not seen.old.open and seen.old.type is FieldType.OBJECT:
        yield seen.found("is now open: readers must expect members that they do not know", "update the readers first")


def _object_closed(seen: Fields) -> Iterator[Found]:
    if seen.old.open and not seen.new.open and seen.new.type is FieldType.OBJECT:
        yield seen.found("was open and is now closed: rows and senders have other members", "keep it open")


def _unit_added(seen: Fields) -> Iterator[Found]:
    if seen.old.unit is None and seen.new.unit is not None:
        yield seen.found(f"unit is now {seen.new.unit}", "make sure that the rows stored so far have it, too")


def _unit_changed(seen: Fields) -> Iterator[Found]:
    if seen.old.unit is not None and seen.old.unit != seen.new.unit:
        fix = "keep the unit; add a field with another name for the new one"
        yield seen.found(f"unit was {seen.old.unit} and is now {seen.new.unit or 'not given'}", fix)


LOWER: Final = ("min", "min_length", "min_items")
UPPER: Final = ("max", "max_length", "max_items", "whole_digits", "scale")
_INT_MIN: Final = -(2**63)
_INT_MAX: Final = 2**63 - 1


def _bounds_tightened(seen: Fields) -> Iterator[Found]:
    if kind_of(seen.old) != kind_of(seen.new) and not is_wider(seen):
        return
    for key, is_tighter in (*((key, operator.gt) for key in LOWER), *((key, operator.lt) for key in UPPER)):
        old, new = bound(seen.old, key), bound(seen.new, key)
        if new is not None and (old is None or is_tighter(new, old)):
            was = "not set" if old is None else old
            yield seen.found(f"{key} was {was} and is now {new}", "old rows and old senders may break it")
    if seen.new.pattern is not None and seen.new.pattern != seen.old.pattern:
        yield seen.found("the pattern is new or another one", "old rows and old senders may break it")
    if seen.new.const is not None and seen.new.const != seen.old.const:
        yield seen.found("the constant is new or another one", "old rows and old senders may break it")


def bound(field: Field, key: str) -> Any:
    """Return a bound of *field*, or ``None`` for one that every value keeps, as no list has less than 0 items."""
    value = getattr(field, key)
    if key in {"min_length", "min_items"}:
        return value or None
    if field.type is FieldType.INT and value is not None:
        return None if value == (_INT_MIN if key == "min" else _INT_MAX) else value
    return value


def _sensitivity_lowered(seen: Fields) -> Iterator[Found]:
    if _SENSITIVITY.index(seen.new.sensitivity) < _SENSITIVITY.index(seen.old.sensitivity):
        message = f"sensitivity was {seen.old.sensitivity} and is now {seen.new.sensitivity}"
        yield seen.found(message, "have it approved, and write the approval down as an exception")


def _sensitivity_raised(seen: Fields) -> Iterator[Found]:
    if _SENSITIVITY.index(seen.new.sensitivity) > _SENSITIVITY.index(seen.old.sensitivity):
        message = f"sensitivity was {seen.old.sensitivity} and is now {seen.new.sensitivity}"
        yield seen.found(message, "rows stored so far keep the value")


def _store_lowered(seen: Fields) -> Iterator[Found]:
    if _PROTECTION[seen.new.store] < _PROTECTION[seen.old.store]:
        message = f"was stored as {seen.old.store} and is now stored as {seen.new.store}"
        yield seen.found(message, "have it approved, and write the approval down as an exception")


def _shown_hash(seen: Fields) -> list[str]:
    """Return the columns that count or show the values of a field that was kept and is now hashed."""
    if seen.old.store is not Store.KEEP or seen.new.store is not Store.HASH:
        return []
    found = []
    for aggregate, column in columns_reading(seen.events.catalogs.new, seen.events.new, seen.path):
        of = {dimension.name: dimension.of for dimension in aggregate.dimensions}
        fed = columns_fed(aggregate, seen.events.new.name)
        of |= {measure.name: measure.of or "" for measure in aggregate.measures if measure.name in fed}
        if of.get(column) == seen.path:
            found.append(f"{aggregate.name}.{column}")
    return found


def _store_raised_read(seen: Fields) -> Iterator[Found]:
    columns = ", ".join(_shown_hash(seen))
    if columns:
        message = f"was stored as keep and is now stored as hash, and {columns} would count or show each value twice"
        yield seen.found(message, "keep it; add a field with another name for the hash")


def _store_raised(seen: Fields) -> Iterator[Found]:
    if not _shown_hash(seen) and _PROTECTION[seen.new.store] > _PROTECTION[seen.old.store]:
        message = f"was stored as {seen.old.store} and is now stored as {seen.new.store}"
        yield seen.found(message, "readers no longer find the value; rows stored so far keep it")


def _attribute_renamed(seen: Fields) -> Iterator[Found]:
    if seen.new.name != seen.old.name:
        message = f'is called {seen.new.name} now, and was {seen.old.name}; in JSON it is "{seen.new.key}" as before'
        yield seen.found(message, "change every use of it")


FIELD_RULES: Final[dict[str, Rule[Fields]]] = {
    "attribute-renamed": Rule(
        _attribute_renamed, Severity.WARNING, "A field has another name in code, and the same in JSON."
    ),
    "type-changed": Rule(_type_changed, Severity.ERROR, "A field has another type, or a narrower one."),
    "type-widened": Rule(
        _type_widened, Severity.WARNING, "A field has a wider type: `int` became `float`, or an enum became a string."
    ),
    "type-widened-read": Rule(
        _type_widened_read,
        Severity.ERROR,
        "A field has a wider type, and the type of an aggregate's column follows it. "
        "Allowed when the aggregate's version is raised.",
    ),
    "object-opened": Rule(_object_opened, Severity.WARNING, "An object became open."),
    "object-closed": Rule(_object_closed, Severity.ERROR, "An open object became closed."),
    "default-removed": Rule(
        _default_removed,
        Severity.ERROR,
        "A field has no default any more, and is required. Allowed when the event's version is raised.",
    ),
    "default-changed": Rule(
        _default_changed,
        Severity.WARNING,
        "A field has another default. Rows keep the value that they were stored with.",
    ),
    "field-made-required": Rule(
        _field_made_required,
        Severity.ERROR,
        "An optional field became required. Allowed when the event's version is raised; never for items of a list or "
        "values of a map that could be null.",
    ),
    "field-made-optional": Rule(
        _field_made_optional, Severity.WARNING, "A required field that an aggregate reads became optional."
    ),
    "object-class-renamed": Rule(
        _object_class_renamed, Severity.WARNING, "The class of an object has another name, or its type is shared now."
    ),
    "unit-changed": Rule(_unit_changed, Severity.ERROR, "A number has another unit: old and new rows do not compare."),
    "bounds-tightened": Rule(
        _bounds_tightened,
        Severity.ERROR,
        "A bound is new or tighter (min, max, lengths, items), or the pattern is new or another one.",
    ),
    "unit-added": Rule(
        _unit_added, Severity.NOTE, "A number has a unit now. It must be the one that rows stored so far have."
    ),
    "sensitivity-lowered": Rule(_sensitivity_lowered, Severity.ERROR, "The sensitivity of a field was lowered."),
    "sensitivity-raised": Rule(_sensitivity_raised, Severity.WARNING, "The sensitivity of a field was raised."),
    "store-lowered": Rule(
        _store_lowered, Severity.ERROR, "A field is stored with less protection: drop, hash, keep is the order."
    ),
    "store-raised-read": Rule(
        _store_raised_read,
        Severity.ERROR,
        "A field that an aggregate counts or shows is now stored as a hash. Rows stored so far keep the value, so each "
        "value counts twice.",
    ),
    "store-raised": Rule(_store_raised, Severity.WARNING, "A field is stored with more protection."),
}
