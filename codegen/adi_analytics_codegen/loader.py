"""``events.yaml`` to a :class:`~adi_analytics_codegen.model.Catalog`, with every finding of the way."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from adi_analytics_codegen._aggregates import AggregateResolver
from adi_analytics_codegen._durations import duration
from adi_analytics_codegen._events import EventResolver
from adi_analytics_codegen._yaml import Node, parse
from adi_analytics_codegen.findings import CatalogError, Finding, Findings, ordered
from adi_analytics_codegen.model import Catalog, Location, Storage

if TYPE_CHECKING:
    from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came out of a catalog file.

    Attributes:
        catalog: The catalog, or ``None`` when errors leave nothing to use.
        findings: Everything found, in the order of the file.
    """

    catalog: Catalog | None
    findings: list[Finding]


def load(path: Path) -> Loaded:
    """Read the catalog at *path* and everything that it includes."""
    findings = Findings()
    root = _read(path, findings)
    catalog = None if root is None or not isinstance(root.value, dict) else _catalog(root, findings)
    if root is None and not findings.items:
        findings.error(Location(str(path), 1, 1), "shape", "the catalog is empty", "see docs/reference/catalog.md")
    return Loaded(None if findings.has_errors else catalog, ordered(findings.items))


def load_catalog(path: Path) -> Catalog:
    """Return the catalog at *path*.

    Raises:
        CatalogError: If it has errors; warnings are left out.
    """
    loaded = load(path)
    if loaded.catalog is None:
        raise CatalogError(loaded.findings)
    return loaded.catalog


def _read(path: Path, findings: Findings) -> Node | None:
    try:
        data = path.read_bytes()
    except OSError as error:
        findings.error(Location(str(path), 1, 1), "unreadable", f"cannot read it: {error.strerror}", "mend the path")
        return None
    return parse(data, str(path), findings)


def _catalog(root: Node, findings: Findings) -> Catalog:
    head = root.mapping["catalog"]
    domains = {name: node.text for name, node in root.entries("domains").items()}
    resolver = EventResolver(findings, head.scalar("owner", ""), domains, root.entries("groups"), root.entries("enums"))
    enums = tuple(resolver.enum(name, node) for name, node in root.entries("enums").items())
    events = {name: resolver.event(name, node) for name, node in root.entries("events").items()}
    aggregates = AggregateResolver(findings, events)
    return Catalog(
        name=head.scalar("name"),
        events=tuple(events.values()),
        format=head.scalar("format"),
        owner=head.scalar("owner", ""),
        storage=_storage(root),
        domains=domains,
        enums=enums,
        aggregates=tuple(aggregates.aggregate(name, node) for name, node in root.entries("aggregates").items()),
        python_package=head.scalar("python_package", "adi_analytics_events"),
        reserved_events=tuple(node.text for node in root.list("reserved_events")),
    )


def _storage(root: Node) -> Storage:
    node = root.get("storage")
    if node is None:
        return Storage()
    default = Storage()
    return Storage(
        table=node.scalar("table", default.table),
        chunk_interval=duration(node.scalar("chunk_interval", "1 day")),
        compress_after=_span(node, "compress_after", default.compress_after),
        retention=_span(node, "retention", default.retention),
        index_data=node.scalar("index_data", default.index_data),
    )


def _span(node: Node, key: str, default: timedelta | None) -> timedelta | None:
    text = node.scalar(key)
    if text is None:
        return default
    return None if text == "never" else duration(text)
