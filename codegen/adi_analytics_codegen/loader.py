"""``events.yaml`` to a :class:`~adi_analytics_codegen.model.Catalog`, with every finding of the way.

The steps: bytes to nodes (``_yaml``), the files of a catalog to one tree (here), the tree against the published schema
(``_shape``), and what is left of it to the model, checked for meaning (``_fields``, ``_events``, ``_aggregates``,
``_names``, ``_examples``). A mistake takes only its own part away from the next step, so one run finds them all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from adi_analytics_codegen._aggregates import AggregateResolver
from adi_analytics_codegen._context import Context
from adi_analytics_codegen._durations import duration
from adi_analytics_codegen._events import EventResolver, resolve_enum
from adi_analytics_codegen._examples import check_examples
from adi_analytics_codegen._fields import FieldResolver, check_replacements
from adi_analytics_codegen._names import check_names, check_package
from adi_analytics_codegen._shape import Shape, catalog_schema
from adi_analytics_codegen._yaml import Node, parse
from adi_analytics_codegen.findings import CatalogError, Finding, Findings, ordered
from adi_analytics_codegen.model import DEFAULT_PACKAGE, Catalog, Location, Storage

if TYPE_CHECKING:
    from datetime import timedelta

Read: TypeAlias = Callable[[Path], bytes]

_ONLY_IN_MAIN_FILE: Final = ("catalog", "storage")
_MAX_FILES: Final = 200


@dataclass(frozen=True, slots=True)
class Waiver:
    """A suppression of a lint, or an exception from a breaking-change rule.

    Attributes:
        subject: What it is about, as findings print it.
        until: The last day of an exception, as ``YYYY-MM-DD``; ``None`` for a suppression.
    """

    rule: str
    subject: str
    reason: str
    at: Location
    until: str | None = None


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came out of a catalog file.

    Attributes:
        catalog: The catalog, or ``None`` when errors leave nothing to use.
        findings: Everything found, in the order of the file.
        subjects: Place to the path of what is defined there, such as ``groups.user.user_id``.
        root: The tree of all files together.
    """

    catalog: Catalog | None
    findings: list[Finding]
    suppressions: tuple[Waiver, ...] = ()
    exceptions: tuple[Waiver, ...] = ()
    subjects: dict[Location, str] = field(default_factory=dict)
    root: Node | None = None


def load(path: Path, read: Read = Path.read_bytes) -> Loaded:
    """Read the catalog at *path* and everything that it includes.

    Args:
        path: The main file.
        read: Returns the bytes of a file; raises ``OSError`` when it cannot.
    """
    findings = Findings()
    root = _Files(findings, read).tree(path)
    if root is None:
        return Loaded(None, ordered(findings.items))
    checked = Shape(catalog_schema(), findings).check(root)
    if checked is None:
        return Loaded(None, ordered(findings.items))
    _check_days(checked, findings)
    context = Context(findings)
    catalog = _catalog(checked, context)
    return Loaded(
        None if findings.has_errors else catalog,
        ordered(findings.items),
        tuple(_waiver(node) for node in checked.list("suppressions") if _is_complete(node, "rule", "at", "reason")),
        tuple(
            _waiver(node) for node in checked.list("exceptions") if _is_complete(node, "rule", "at", "reason", "until")
        ),
        context.subjects,
        checked,
    )


def load_catalog(path: Path) -> Catalog:
    """Return the catalog at *path*.

    Raises:
        CatalogError: If it has errors.
    """
    loaded = load(path)
    if loaded.catalog is None:
        raise CatalogError(loaded.findings)
    return loaded.catalog


@dataclass(slots=True)
class _Files:
    """Reads the files of a catalog into one tree."""

    findings: Findings
    read: Read
    seen: dict[Path, Location | None] = field(default_factory=dict)

    def tree(self, path: Path) -> Node | None:
        """Return the main file with the entries of all files that it includes."""
        root = self.file(path, None)
        if root is None:
            return None
        merged = dict(root.mapping)
        for included in self.included(root, path):
            for key in _ONLY_IN_MAIN_FILE:
                if key in included.mapping:
                    at = included.mapping[key].key_at
                    self.findings.error(at, "include", f'"{key}" belongs into the main file', "move it there")
            for key, node in included.mapping.items():
                if key not in _ONLY_IN_MAIN_FILE:
                    merged[key] = self.merged(key, merged.get(key), node)
        return replace(root, value=merged)

    def file(self, path: Path, at: Location | None) -> Node | None:
        """Return the tree of one file, or ``None`` after a finding."""
        self.seen[path] = at
        try:
            data = self.read(path)
        except OSError as error:
            place = at or Location(str(path), 1, 1)
            self.findings.error(place, "unreadable", f"cannot read {path}: {error.strerror}", "mend the path")
            return None
        except ValueError as error:  # a path with a null character
            self.findings.error(at or Location(repr(path), 1, 1), "unreadable", f"cannot read it: {error}", "mend it")
            return None
        before = len(self.findings.items)
        root = parse(data, str(path), self.findings)
        if root is None or not isinstance(root.value, dict):
            if len(self.findings.items) == before:
                place = root.at if root else Location(str(path), 1, 1)
                self.findings.error(place, "wrong-type", "this holds no sections", "begin with one, such as events:")
            return None
        return root

    def included(self, root: Node, path: Path) -> list[Node]:
        """Return the trees of the files that *root* includes, and of those that they include."""
        waiting = [(root, path)]
        trees: list[Node] = []
        while waiting:
            node, origin = waiting.pop(0)
            entry = node.mapping.get("include")
            if entry is None or not isinstance(entry.value, list):
                continue
            for name in entry.items:
                made = self.include(name, origin)
                if made is not None:
                    trees.append(made[0])
                    waiting.append(made)
        return trees

    def include(self, name: Node, origin: Path) -> tuple[Node, Path] | None:
        if not isinstance(name.value, str) or not name.value:
            return None  # the check of the shape reports it
        path = _normal(origin.parent / name.value)
        if path in self.seen:
            self.findings.error(name.at, "include", f"{path} is included already", "remove it here")
            return None
        if len(self.seen) >= _MAX_FILES:
            self.findings.error(name.at, "include", f"the catalog has over {_MAX_FILES} files", "use fewer")
            return None
        tree = self.file(path, name.at)
        return None if tree is None else (tree, path)

    def merged(self, key: str, first: Node | None, second: Node) -> Node:
        """Return two values of the section *key* as one."""
        if first is None or first.value is None:
            return second
        if second.value is None:
            return first
        if isinstance(first.value, list) and isinstance(second.value, list):
            return replace(first, value=[*first.value, *second.value])
        if not isinstance(first.value, dict) or not isinstance(second.value, dict):
            message = f'"{key}" has another type here than at {first.key_at}'
            self.findings.error(second.at, "wrong-type", message, "write both as a mapping, or both as a list")
            return first
        entries = dict(first.value)
        for name, node in second.value.items():
            if name in entries:
                message = f'"{name}" is under {key} already, at {entries[name].key_at}'
                self.findings.error(node.key_at, "duplicate-key", message, "remove or rename one of them")
            else:
                entries[name] = node
        return replace(first, value=entries)


def _normal(path: Path) -> Path:
    """Return *path* without ``..`` inside, so that one file has one name."""
    parts: list[str] = []
    for part in path.parts:
        if part == ".." and parts and parts[-1] not in {"..", path.anchor}:
            parts.pop()
        else:
            parts.append(part)
    return Path(*parts)


def _catalog(root: Node, context: Context) -> Catalog:
    head = root.get("catalog")
    owner = head.scalar("owner", "") if head else ""
    enums = {name: resolve_enum(name, node, context) for name, node in root.entries("enums").items()}
    fields = FieldResolver(context, root.entries("groups"), enums)
    for name, node in root.entries("groups").items():
        fields.group(name, node.key_at)
    domains = {name: node.text for name, node in root.entries("domains").items()}
    resolver = EventResolver(context, fields, owner, domains)
    check_replacements(root.entries("events"), root.entries("events"), "event", "events", context)
    events = {name: resolver.event(name, node) for name, node in root.entries("events").items()}
    storage = _storage(root)
    aggregates = AggregateResolver(context, events, enums, storage)
    catalog = Catalog(
        name=head.scalar("name", "") if head else "",
        events=tuple(events.values()),
        format=1,
        owner=owner,
        storage=storage,
        domains=domains,
        enums=tuple(enums.values()),
        aggregates=tuple(aggregates.aggregate(name, node) for name, node in root.entries("aggregates").items()),
        reserved_events=tuple(node.text for node in root.list("reserved_events")),
        python_package=head.scalar("python_package", DEFAULT_PACKAGE) if head else DEFAULT_PACKAGE,
    )
    package = head.get("python_package") if head else None
    if package is not None:
        check_package(package.text, package.at, context)
    check_names(catalog, context)
    check_examples(catalog, root, context)
    return catalog


def _storage(root: Node) -> Storage:
    node = root.get("storage")
    default = Storage()
    if node is None:
        return default
    interval = node.scalar("chunk_interval")
    return Storage(
        table=node.scalar("table", default.table),
        chunk_interval=duration(interval) if interval else default.chunk_interval,
        compress_after=_span(node, "compress_after", default.compress_after),
        retention=_span(node, "retention", default.retention),
        index_data=node.scalar("index_data", default.index_data),
    )


def _span(node: Node, key: str, default: timedelta | None) -> timedelta | None:
    text = node.scalar(key)
    if text is None:
        return default
    return None if text == "never" else duration(text)


def _check_days(root: Node, findings: Findings) -> None:
    for exception in root.list("exceptions"):
        until = exception.get("until")
        if until is not None and not _is_day(until.text):
            findings.error(
                until.at, "wrong-value", f'there is no day "{until.text}"', "use the last day of the exception"
            )


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_complete(node: Node, *keys: str) -> bool:
    return all(key in node.mapping for key in keys)


def _waiver(node: Node) -> Waiver:
    return Waiver(
        rule=node.scalar("rule"),
        subject=node.scalar("at"),
        reason=node.scalar("reason"),
        at=node.at,
        until=node.scalar("until"),
    )
