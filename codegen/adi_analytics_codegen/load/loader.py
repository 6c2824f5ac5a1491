"""``events.yaml`` to a :class:`~adi_analytics_codegen.model.catalog.Catalog`, with every finding on the way.

The steps, each in a module of its own: bytes to nodes (``yaml``), the files of a catalog to one tree (``files``), the
tree against the published schema (``shape``), and what is left of it to the model, checked for meaning (``fields``,
``events``, ``aggregates``, ``people``, ``names``). A mistake removes only its own part from the next step: one run
finds them all.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from adi_analytics_codegen.load.aggregates import AggregateResolver
from adi_analytics_codegen.load.annotations import owners
from adi_analytics_codegen.load.checks.languages import check_languages
from adi_analytics_codegen.load.checks.names import check_names, check_package
from adi_analytics_codegen.load.coarser import CoarserResolver
from adi_analytics_codegen.load.context import Context
from adi_analytics_codegen.load.dashboard import read_dashboard
from adi_analytics_codegen.load.definitions import definitions
from adi_analytics_codegen.load.events.fields import FieldResolver, check_replacements
from adi_analytics_codegen.load.events.resolver import EventResolver, resolve_enum
from adi_analytics_codegen.load.people.reading import Reading
from adi_analytics_codegen.load.people.resolver import PeopleResolver
from adi_analytics_codegen.load.source.files import Files, Read, read_file
from adi_analytics_codegen.load.source.shape import Shape, catalog_schema
from adi_analytics_codegen.load.source.yaml import Node
from adi_analytics_codegen.model.catalog import DEFAULT_OUTPUTS, FORMATS, OUTPUTS, Catalog, Storage
from adi_analytics_codegen.model.fields import Location
from adi_analytics_codegen.model.findings import Finding, Findings, has_errors, ordered
from adi_analytics_codegen.model.kinds import FieldType
from adi_analytics_codegen.model.shown import Shown
from adi_analytics_codegen.model.tables import CLICKHOUSE_META
from adi_analytics_codegen.model.text.durations import duration
from adi_analytics_codegen.model.text.naming import default_package

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import timedelta

_Thing = TypeVar("_Thing")


@dataclass(frozen=True, slots=True, repr=False)
class Waiver(Shown):
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


@dataclass(frozen=True, slots=True, repr=False)
class Loaded(Shown):
    """What came out of a catalog file.

    Attributes:
        draft: The catalog as far as it could be read, even with errors; ``None`` when nothing could be read.
        findings: Everything found, in the order of the file.
        subjects: Place to the path of what is defined there, such as ``groups.user.user_id``.
        broken: Places of fields whose type is not known.
        root: The tree of all files together.
        today: The day by which lints judge what expires, in UTC.
    """

    draft: Catalog | None
    findings: list[Finding]
    suppressions: tuple[Waiver, ...] = ()
    exceptions: tuple[Waiver, ...] = ()
    subjects: dict[Location, str] = field(default_factory=dict)
    broken: frozenset[Location] = frozenset()
    root: Node | None = None
    today: date = field(default_factory=lambda: datetime.now(UTC).date())

    @property
    def catalog(self) -> Catalog | None:
        """The catalog, or ``None`` when it has errors."""
        return None if has_errors(self.findings) else self.draft


def resolve(path: Path, read: Read = read_file) -> Loaded:
    """Read the catalog at *path* and everything that it includes.

    The examples of events are not checked: :func:`adi_analytics_codegen.check.catalog.load` checks them too.

    Args:
        path: The main file.
        read: Returns the bytes of a file; raises ``OSError`` when it cannot.
    """
    findings = Findings()
    files = Files(findings, read)
    root = files.tree(path)
    if root is None:
        return Loaded(None, ordered(findings.items))
    checked = Shape(catalog_schema(), findings, format=_format(root)).check(root)
    if checked is None:
        return Loaded(None, ordered(findings.items))
    _check_days(checked, findings)
    context = Context(findings)
    catalog = _catalog(checked, context)
    catalog = replace(
        catalog,
        dashboard=read_dashboard(checked, catalog, context),
        definitions=tuple(definitions(checked, files.texts, path)),
    )
    return Loaded(
        catalog,
        ordered(findings.items),
        tuple(_waiver(node) for node in checked.list("suppressions") if _is_complete(node, "rule", "at", "reason")),
        tuple(
            _waiver(node) for node in checked.list("exceptions") if _is_complete(node, "rule", "at", "reason", "until")
        ),
        context.subjects,
        frozenset(context.broken),
        checked,
    )


def _catalog(root: Node, context: Context) -> Catalog:
    head = root.get("catalog")
    owner = owners(head, "") if head else ""
    called = head.scalar("name", "") if head else ""
    context.user_id = FieldType(head.scalar("user_id", "uuid")) if head else FieldType.UUID
    enums = {name: resolve_enum(name, node, context) for name, node in root.entries("enums").items()}
    fields = FieldResolver(context, root.entries("groups"), enums, root.entries("types"))
    for name, node in root.entries("groups").items():
        fields.group(name, node.key_at)
    for name, node in root.entries("types").items():
        fields.object_type(name, node.key_at)
    domains = {name: node.text for name, node in root.entries("domains").items()}
    resolver = EventResolver(context, fields, owner, domains)
    check_replacements(root.entries("events"), root.entries("events"), "event", "events", context)
    events = {name: resolver.event(name, node) for name, node in root.entries("events").items()}
    storage = _storage(root)
    aggregates = AggregateResolver(context, events, enums, storage, _format(root), owner)
    people = PeopleResolver(Reading(aggregates), storage.table)
    catalog = Catalog(
        name=called,
        events=tuple(events.values()),
        format=_format(root),
        owner=owner,
        user_id=context.user_id,
        storage=storage,
        domains=domains,
        enums=tuple(enums.values()),
        types=tuple(fields.types.values()),
        aggregates=tuple(
            one
            for name, node in root.entries("aggregates").items()
            for one in CoarserResolver(aggregates, root.entries("aggregates")).with_coarser(name, node)
        ),
        members=_known(people.members(name, node) for name, node in root.entries("entities").items()),
        retention=_known(people.retention(name, node) for name, node in root.entries("retention").items()),
        funnels=_known(people.funnel(name, node) for name, node in root.entries("funnels").items()),
        reserved_events=tuple(node.text for node in root.list("reserved_events")),
        outputs=_outputs(head),
        python_package=head.scalar("python_package", default_package(called)) if head else default_package(called),
    )
    package = head.get("python_package") if head else None
    if package is not None:
        check_package(package.text, package.at, context)
    check_names(catalog, context)
    _check_table(root, catalog, context)
    check_languages(catalog, context)
    return catalog


def _check_table(root: Node, catalog: Catalog, context: Context) -> None:
    node = root.get("storage")
    table = node.get("table") if node is not None else None
    if table is not None and "clickhouse" in catalog.outputs and catalog.storage.table.startswith(CLICKHOUSE_META):
        message = f'names that begin with "{CLICKHOUSE_META}" are those of the migrations'
        context.error(table.at, "name-taken", message, "rename the table", "storage.table")


def _known(found: Iterable[_Thing | None]) -> tuple[_Thing, ...]:
    return tuple(one for one in found if one is not None)


def _outputs(head: Node | None) -> tuple[str, ...]:
    chosen = {node.text for node in head.list("outputs")} if head else set()
    return tuple(name for name in OUTPUTS if name in chosen) if chosen else DEFAULT_OUTPUTS


def _format(root: Node) -> int:
    """Return the format that a catalog says it has; the newest one where it does not say one that there is."""
    head = root.get("catalog") if isinstance(root.value, dict) else None
    stated = head.get("format") if head is not None and isinstance(head.value, dict) else None
    return next((known for known in FORMATS if stated is not None and stated.value == known), FORMATS[-1])


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
