"""Lints about events, and about the catalog as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.check.lint.rule import Found, Lint
from adi_analytics_codegen.model.findings import Severity
from adi_analytics_codegen.model.kinds import Status
from adi_analytics_codegen.model.text.durations import duration_text
from adi_analytics_codegen.model.walk import every_field

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adi_analytics_codegen.load.loader import Loaded
    from adi_analytics_codegen.load.source.yaml import Node
    from adi_analytics_codegen.model.catalog import Catalog


def _owner_missing(catalog: Catalog, _loaded: Loaded) -> Iterator[Found]:
    for event in catalog.events:
        if not event.owner:
            yield event.at, f"events.{event.name}", "the event has no owner", "set owner here or under catalog"


def _unused(catalog: Catalog, loaded: Loaded) -> Iterator[Found]:
    root = loaded.root
    if root is None:
        return
    classes = {field.class_name for event in catalog.events for field in every_field(event.fields)}
    used: dict[str, set[str | None]] = {
        "groups": {*(name for section in ("groups", "events") for name in _included(root.get(section)))},
        "types": {one.name for one in catalog.types if one.class_name in classes},
        "domains": {event.domain for event in catalog.events},
        "enums": {field.enum for event in catalog.events for field in every_field(event.fields)},
    }
    for section, names in used.items():
        for name, node in root.entries(section).items():
            if name not in names:
                yield node.key_at, f"{section}.{name}", f"{section[:-1]} {name} is not used", "use it or remove it"


def _included(node: Node | None) -> Iterator[str]:
    """Yield the names of the groups that something inside *node* includes."""
    for key, child in node.mapping.items() if node is not None and isinstance(node.value, dict) else ():
        if key == "include" and isinstance(child.value, list):
            yield from (name.text for name in child.items)
        elif key != "examples" and not key.startswith("x-"):
            yield from _included(child)


def _deprecation_unexplained(catalog: Catalog, _loaded: Loaded) -> Iterator[Found]:
    for event in catalog.events:
        if event.status in {Status.DEPRECATED, Status.RETIRED} and event.deprecated is None:
            message = f"the event is {event.status} without a reason"
            yield event.at, f"events.{event.name}", message, "add deprecated: {reason: ...}"


def _replacement_outdated(catalog: Catalog, _loaded: Loaded) -> Iterator[Found]:
    for event in catalog.events:
        target = catalog.event(event.deprecated.replaced_by or "") if event.deprecated else None
        if target is not None and target.status in {Status.DEPRECATED, Status.RETIRED}:
            message = f"{target.name}, which replaces it, is {target.status} itself"
            yield event.at, f"events.{event.name}", message, "name the event to send now"


def _storage_spans(catalog: Catalog, loaded: Loaded) -> Iterator[Found]:
    storage, node = catalog.storage, loaded.root.get("storage") if loaded.root else None
    if node is None or storage.retention is None:
        return
    kept = duration_text(storage.retention)
    if storage.compress_after is not None and storage.compress_after >= storage.retention:
        message = f"rows are deleted after {kept}, before they are compressed"
        yield node.key_at, "storage.compress_after", message, "shorten compress_after, or set it to never"
    if storage.chunk_interval > storage.retention:
        message = f"rows should be deleted after {kept}, but go a chunk at a time, which holds more"
        yield node.key_at, "storage.chunk_interval", message, "shorten chunk_interval"


_LIBRARY: Final = {"adi_analytics_events": "adi"}
"""Generated packages that the library's wheel holds, and the catalogs that they are made from."""


def _package_taken(catalog: Catalog, loaded: Loaded) -> Iterator[Found]:
    package = catalog.python_package
    if catalog.name == _LIBRARY.get(package, catalog.name):
        return
    head = loaded.root.get("catalog") if loaded.root else None
    at = (head.get("python_package") or head) if head else None
    if at is not None:
        message = f"{package} is installed with adi-analytics: of two packages of one name only one can be imported"
        yield (
            at.at,
            "catalog.python_package",
            message,
            f"set python_package to another name, such as {catalog.name}_catalog",
        )


EVENT_LINTS: Final = {
    "owner-missing": Lint(
        _owner_missing, "An event has no owner. Someone must answer when it looks wrong or should go."
    ),
    "unused": Lint(_unused, "A group, a type, an enum or a domain is not used."),
    "package-taken": Lint(
        _package_taken,
        "The Python package has the name of one that the library installs. The names adi_analytics and "
        "adi_analytics_codegen are errors (`python-name`).",
        Severity.ERROR,
    ),
    "deprecation-unexplained": Lint(_deprecation_unexplained, "A deprecated or retired event does not say why."),
    "replacement-outdated": Lint(_replacement_outdated, "What replaces an event is deprecated or retired itself."),
    "storage-spans": Lint(
        _storage_spans, "Rows are deleted before they are compressed, or a chunk holds more time than rows are kept."
    ),
}
