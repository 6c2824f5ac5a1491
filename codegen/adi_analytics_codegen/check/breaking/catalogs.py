"""Rules about whole catalogs and whole events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.check.breaking.rule import Catalogs, Events, Found, Rule, data_of
from adi_analytics_codegen.model.findings import Severity
from adi_analytics_codegen.model.kinds import Status
from adi_analytics_codegen.model.readers import readers_of_event
from adi_analytics_codegen.model.text.durations import duration_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adi_analytics_codegen.model.events import Event


def _removed(seen: Catalogs) -> Iterator[Event]:
    """Yield the events that are gone without having been drafts, or retired and reserved."""
    kept = {event.type for event in seen.new.events}
    for event in seen.old.events:
        forgotten = event.status is Status.RETIRED and event.type in seen.new.reserved_events
        if event.type not in kept and event.status is not Status.DRAFT and not forgotten:
            yield event


def _successor(seen: Catalogs, event: Event) -> Event | None:
    """Return the new event that has the name of the removed *event*, or else its fields, if there is one."""
    known = {one.type for one in seen.old.events}
    added = [one for one in seen.new.events if one.type not in known]
    shape = {(field.key, field.type, field.optional) for field in event.fields}
    alike = [
        one
        for one in added
        if one.domain == event.domain and {(f.key, f.type, f.optional) for f in one.fields} == shape
    ]
    return next((one for one in added if one.name == event.name), alike[0] if alike else None)


def _event_removed(seen: Catalogs) -> Iterator[Found]:
    for event in _removed(seen):
        if _successor(seen, event) is None:
            fix = f'keep it with status: retired; after its rows are gone, list "{event.type}" under reserved_events'
            yield Found(seen.at, f"events.{event.name}", f"event {event.name} was removed", fix)


def _event_renamed(seen: Catalogs) -> Iterator[Found]:
    for event in _removed(seen):
        successor = _successor(seen, event)
        if successor is not None:
            message = f"event {event.name} seems to have been renamed to {successor.name}"
            fix = f"keep {event.name} with status: deprecated and deprecated: {{replaced_by: {successor.name}}}"
            if successor.name == event.name:
                message = f'event {event.name} was "{event.type}" in JSON and is now "{successor.type}"'
                fix = f'keep the wire name "{event.type}"; rows and senders have it'
            yield Found(successor.at, f"events.{event.name}", message, fix)


def _reserved_released(seen: Catalogs) -> Iterator[Found]:
    for name in seen.old.reserved_events:
        if name not in seen.new.reserved_events:
            yield Found(seen.at, f"events.{name}", f"{name} is no longer under reserved_events", "put it back")


def _table_renamed(seen: Catalogs) -> Iterator[Found]:
    if seen.old.storage.table != seen.new.storage.table:
        message = f"the events table was {seen.old.storage.table} and is now {seen.new.storage.table}"
        yield Found(seen.at, "storage.table", message, "keep the name: rows are not moved")


def _user_id_changed(seen: Catalogs) -> Iterator[Found]:
    if seen.old.user_id is not seen.new.user_id:
        message = f"the column user_id was a {seen.old.user_id} and is now a {seen.new.user_id}"
        fix = f"set user_id: {seen.old.user_id}; for the other type make a catalog with a table of its own"
        yield Found(seen.at, "catalog.user_id", message, fix)


def _retention_shortened(seen: Catalogs) -> Iterator[Found]:
    old, new = seen.old.storage.retention, seen.new.storage.retention
    if new is not None and (old is None or new < old):
        was = "never" if old is None else duration_text(old)
        message = f"retention was {was} and is now {duration_text(new)}: older rows will be deleted"
        yield Found(seen.at, "storage.retention", message)


def _package_renamed(seen: Catalogs) -> Iterator[Found]:
    if seen.old.python_package != seen.new.python_package:
        message = f"the Python package was {seen.old.python_package} and is now {seen.new.python_package}"
        yield Found(seen.at, "catalog.python_package", message, "change every import of it")


CATALOG_RULES: Final[dict[str, Rule[Catalogs]]] = {
    "event-removed": Rule(
        _event_removed,
        Severity.ERROR,
        "An event was removed. Its rows remain and must stay described: give it `status: retired` instead. "
        "A retired event may go when its name moves to `reserved_events`.",
    ),
    "event-renamed": Rule(
        _event_renamed,
        Severity.ERROR,
        "An event has another name in JSON, or is gone and another with the same fields is new. Rows have the old "
        "name. Add the new one and deprecate the old.",
    ),
    "reserved-event-released": Rule(
        _reserved_released, Severity.ERROR, "A name left `reserved_events`. Old rows may still have it."
    ),
    "table-renamed": Rule(_table_renamed, Severity.ERROR, "The events table has another name. Its rows do not move."),
    "user-id-changed": Rule(
        _user_id_changed, Severity.ERROR, "The column `user_id` has another type. Stored rows do not change theirs."
    ),
    "retention-shortened": Rule(
        _retention_shortened, Severity.WARNING, "Rows will be deleted earlier than their readers expect."
    ),
    "package-renamed": Rule(_package_renamed, Severity.WARNING, "Imports of the generated Python package break."),
}


def _class_renamed(seen: Events) -> Iterator[Found]:
    if seen.old.class_name != seen.new.class_name:
        message = f"class {seen.old.class_name} is now {seen.new.class_name}"
        yield Found(seen.new.at, seen.subject, f"{seen.subject}: {message}", "change every import of it")


def _domain_changed(seen: Events) -> Iterator[Found]:
    if seen.old.domain != seen.new.domain:
        message = f"{seen.subject}: domain was {seen.old.domain} and is now {seen.new.domain}"
        yield Found(seen.new.at, seen.subject, message, "change every import from the domain's module")


def _made_draft(seen: Events) -> Iterator[Found]:
    if seen.new.status is Status.DRAFT:
        message = f"{seen.subject}: was {seen.old.status} and is now a draft, which has no promises to keep"
        yield Found(seen.new.at, seen.subject, message, f"set status: {seen.old.status}")


def _version_lowered(seen: Events) -> Iterator[Found]:
    if seen.new.version < seen.old.version:
        message = f"{seen.subject}: version was {seen.old.version} and is now {seen.new.version}"
        yield Found(seen.new.at, seen.subject, message, "never lower a version")


def _version_unneeded(seen: Events) -> Iterator[Found]:
    if not seen.bumped:
        return
    if data_of(seen.catalogs.old, seen.old.name) == data_of(seen.catalogs.new, seen.new.name):
        message = f"{seen.subject}: version is now {seen.new.version}, and nothing else of its data changed"
        yield Found(seen.new.at, seen.subject, message, "raise a version with the change that needs it")


def _retired_aggregated(seen: Events) -> Iterator[Found]:
    if seen.new.status is not Status.RETIRED or seen.old.status is Status.RETIRED:
        return
    readers = [one.name for one in readers_of_event(seen.catalogs.new, seen.new.name) if not one.all_events]
    if readers:
        message = f"{seen.subject}: is retired now, and {', '.join(readers)} still read it"
        yield Found(seen.new.at, seen.subject, message, "leave it there for its old rows, or plan a new version")


def _column_changed(seen: Events) -> Iterator[Found]:
    if seen.bumped:
        return
    for column, old, new in (
        ("user_id", seen.old.user_id_field, seen.new.user_id_field),
        ("service", seen.old.service_field, seen.new.service_field),
    ):
        if old != new:
            message = (
                f"{seen.subject}: column {column} was filled by {old or 'nothing'} and is now by {new or 'nothing'}"
            )
            yield Found(seen.new.at, f"{seen.subject}.{new or old}", message, "raise the event's version")


def _reserved_field_released(seen: Events) -> Iterator[Found]:
    for name in seen.old.reserved:
        if name not in seen.new.reserved:
            message = f'{seen.subject}: "{name}" is no longer reserved'
            yield Found(seen.new.at, f"{seen.subject}.{name}", message, "put it back")


EVENT_RULES: Final[dict[str, Rule[Events]]] = {
    "class-renamed": Rule(_class_renamed, Severity.WARNING, "The event's class has another name: senders must change."),
    "domain-changed": Rule(
        _domain_changed, Severity.WARNING, "The event's class is in another module: imports from the old one break."
    ),
    "made-draft": Rule(
        _made_draft, Severity.ERROR, "An event became a draft again. Drafts are exempt from these rules."
    ),
    "event-version-lowered": Rule(_version_lowered, Severity.ERROR, "The version of an event was lowered."),
    "event-version-unneeded": Rule(
        _version_unneeded, Severity.NOTE, "The version of an event was raised, and no field of it changed."
    ),
    "retired-aggregated": Rule(
        _retired_aggregated, Severity.NOTE, "An event was retired, and aggregates that name it still read it."
    ),
    "column-changed": Rule(
        _column_changed,
        Severity.ERROR,
        "Another field fills the column `user_id` or `service`. Allowed when the event's version is raised.",
    ),
    "reserved-field-released": Rule(
        _reserved_field_released, Severity.ERROR, "A name left `reserved`. Old rows may still have it."
    ),
}
