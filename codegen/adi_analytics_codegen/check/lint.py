"""Lints: named rules of good style that a catalog may break for a reason, given as a suppression."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from adi_analytics_codegen.model.durations import duration_text
from adi_analytics_codegen.model.findings import Finding, Severity, ordered
from adi_analytics_codegen.model.model import USER_ID, Field, FieldType, MeasureKind, Sensitivity, Status, Store
from adi_analytics_codegen.model.naming import did_you_mean
from adi_analytics_codegen.model.readers import references
from adi_analytics_codegen.model.walk import every_field

if TYPE_CHECKING:
    from adi_analytics_codegen.load.loader import Loaded, Waiver
    from adi_analytics_codegen.model.model import Aggregate, Catalog, Event, Location

Found: TypeAlias = "tuple[Location, str, str, str]"
"""Place, subject, message and fix."""


@dataclass(frozen=True, slots=True)
class Lint:
    """A rule: how it checks, and what it says, for docs/reference/rules.md."""

    check: Callable[[Catalog, Loaded], Iterator[Found]]
    text: str
    severity: Severity = Severity.WARNING


def lint(loaded: Loaded) -> list[Finding]:
    """Return every finding of the lints about a loaded catalog that is not suppressed, in the order of the file."""
    catalog = loaded.catalog
    if catalog is None:
        return []
    findings = dict.fromkeys(
        Finding(at, rule.severity, name, message, fix, subject)
        for name, rule in LINTS.items()
        for at, subject, message, fix in rule.check(catalog, loaded)
    )
    suppressed = {(waiver.rule, waiver.subject) for waiver in loaded.suppressions}
    kept = [finding for finding in findings if (finding.rule, finding.subject) not in suppressed]
    present = {(finding.rule, finding.subject) for finding in findings}
    return ordered([*kept, *_stale(loaded.suppressions, present)])


def _stale(suppressions: Iterable[Waiver], present: set[tuple[str, str]]) -> Iterator[Finding]:
    for waiver in suppressions:
        if waiver.rule not in LINTS:
            fix = did_you_mean(waiver.rule, LINTS)
            message = f'there is no lint "{waiver.rule}"'
            yield Finding(waiver.at, Severity.ERROR, "unknown-lint", message, fix, waiver.subject)
        elif (waiver.rule, waiver.subject) not in present:
            message = f"{waiver.rule} finds nothing at {waiver.subject}"
            yield Finding(waiver.at, Severity.ERROR, "stale-suppression", message, "remove it", waiver.subject)


def _fields(catalog: Catalog, loaded: Loaded) -> Iterator[tuple[Field, str]]:
    """Yield every named field once, where it is defined: one of a group is not repeated for its events."""
    seen: set[Location] = set()
    for event in catalog.events:
        for field in every_field(event.fields):
            if field.name and field.at not in seen:
                seen.add(field.at)
                yield field, loaded.subjects[field.at]


def _field_undocumented(catalog: Catalog, loaded: Loaded) -> Iterator[Found]:
    for field, subject in _fields(catalog, loaded):
        if not field.description:
            yield field.at, subject, f'field "{field.name}" has no description', "say what its value means"


def _owner_missing(catalog: Catalog, _loaded: Loaded) -> Iterator[Found]:
    for event in catalog.events:
        if not event.owner:
            yield event.at, f"events.{event.name}", "the event has no owner", "set owner here or under catalog"


def _personal_kept(catalog: Catalog, loaded: Loaded) -> Iterator[Found]:
    for field, subject in _fields(catalog, loaded):
        if field.sensitivity is Sensitivity.PERSONAL and not field.store_stated:
            message = f'personal field "{field.name}" is stored unchanged because it has no store'
            yield field.at, subject, message, "set store: keep, hash or drop"


def _secret_stored(catalog: Catalog, loaded: Loaded) -> Iterator[Found]:
    for field, subject in _fields(catalog, loaded):
        if field.sensitivity is Sensitivity.SECRET and field.store is not Store.DROP:
            yield field.at, subject, f'secret field "{field.name}" is stored as {field.store}', "use store: drop"


_TELLING: Final = re.compile(
    r"(^|_)(email|e_mail|mail|password|passwd|passphrase|secret|token|api_key|phone|mobile|ssn|iban|"
    r"ip|ip_address|remote_addr|address|first_name|last_name|full_name|surname|birthday|birth_date|"
    r"latitude|longitude|device_name|host_name|hostname|user_agent)($|_\d+$)"
)


def _sensitivity_missing(catalog: Catalog, loaded: Loaded) -> Iterator[Found]:
    for field, subject in _fields(catalog, loaded):
        if field.sensitivity is Sensitivity.NONE and _TELLING.search(field.name) and field.type is not FieldType.BOOL:
            message = f'"{field.name}" sounds like personal data'
            yield field.at, subject, message, "set sensitivity"


_UNITS: Final = {
    "ns": "ns", "us": "us", "ms": "ms", "millis": "ms", "milliseconds": "ms", "s": "s", "sec": "s", "secs": "s",
    "seconds": "s", "minutes": "min", "hours": "h", "days": "d", "bytes": "bytes", "kb": "kB", "mb": "MB",
    "percent": "%", "pct": "%",
}  # fmt: skip


def _unit_missing(catalog: Catalog, loaded: Loaded) -> Iterator[Found]:
    for field, subject in _fields(catalog, loaded):
        unit = _UNITS.get(field.name.rpartition("_")[2])
        if unit and field.type in {FieldType.INT, FieldType.FLOAT} and field.unit is None:
            yield field.at, subject, f'"{field.name}" has no unit', f"set unit: {unit}"


def _column_missing(catalog: Catalog, _loaded: Loaded) -> Iterator[Found]:
    for event in catalog.events:
        for name, filler, kind in (
            ("user_id", event.user_id_field, FieldType.UUID),
            ("service", event.service_field, FieldType.STRING),
        ):
            field = event.field(name)
            if filler is None and field is not None and field.type is kind and field.store is Store.KEEP:
                message = f'field "{name}" does not fill the column {name}'
                yield event.at, f"events.{event.name}.{name}", message, f"add columns: {{{name}: {name}}}"


def _type_differs(catalog: Catalog, _loaded: Loaded) -> Iterator[Found]:
    first: dict[str, tuple[FieldType, str]] = {}
    for event in catalog.events:
        for field in event.fields:
            kind, where = first.setdefault(field.name, (field.type, event.name))
            if field.type is not kind:
                message = f'"{field.name}" is {field.type} here and {kind} in {where}'
                subject = f"events.{event.name}.{field.name}"
                yield field.at, subject, message, "use one type, or two names"


def _pattern_unanchored(catalog: Catalog, loaded: Loaded) -> Iterator[Found]:
    for field, subject in _fields(catalog, loaded):
        if field.pattern and not (field.pattern.startswith("^") and field.pattern.endswith("$")):
            message = f"the pattern of {field.name} may match anywhere in the string"
            yield field.at, subject, message, "begin it with ^ and end it with $"


def _unused(catalog: Catalog, loaded: Loaded) -> Iterator[Found]:
    root = loaded.root
    if root is None:
        return
    included = {
        name.text
        for section in ("groups", "events")
        for node in root.entries(section).values()
        for name in node.list("include")
    }
    used: dict[str, set[str | None]] = {
        "groups": {*included},
        "domains": {event.domain for event in catalog.events},
        "enums": {field.enum for event in catalog.events for field in every_field(event.fields)},
    }
    for section, names in used.items():
        for name, node in root.entries(section).items():
            if name not in names:
                yield node.key_at, f"{section}.{name}", f"{section[:-1]} {name} is not used", "use it or remove it"


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


def _draft_aggregated(catalog: Catalog, _loaded: Loaded) -> Iterator[Found]:
    for aggregate in catalog.aggregates:
        for name in () if aggregate.all_events else aggregate.sources:
            event = catalog.event(name)
            if event is not None and event.status is Status.DRAFT:
                message = f"{name} is a draft and may change under the aggregate"
                yield aggregate.at, f"aggregates.{aggregate.name}", message, "make the event stable first"


def _wide_dimension(catalog: Catalog, _loaded: Loaded) -> Iterator[Found]:
    wide = {FieldType.UUID, FieldType.FLOAT, FieldType.DATETIME}
    for aggregate in catalog.aggregates:
        for dimension in aggregate.dimensions:
            if dimension.type in wide:
                message = f"dimension {dimension.name} is {dimension.type}: there may be as many rows as events"
                yield dimension.at, f"aggregates.{aggregate.name}.{dimension.name}", message, "count it with distinct"


def _column_unfilled(catalog: Catalog, _loaded: Loaded) -> Iterator[Found]:
    filling = {event.name for event in catalog.events if event.user_id_field is not None}
    for aggregate in catalog.aggregates:
        if filling.isdisjoint(aggregate.sources) and any(of == USER_ID for _, of in references(aggregate)):
            message = f"{USER_ID} is empty in every event that the aggregate reads"
            fix = "name the field that fills it under columns of the events"
            yield aggregate.at, f"aggregates.{aggregate.name}", message, fix


def _personal_aggregated(catalog: Catalog, _loaded: Loaded) -> Iterator[Found]:
    for aggregate in catalog.aggregates:
        for name, of, at in _shown(aggregate):
            sources = filter(None, map(catalog.event, aggregate.sources))
            if any(_is_personal(event, of) for event in sources):
                message = f'column {name} shows the personal field "{of}" for as long as the aggregate is kept'
                yield at, f"aggregates.{aggregate.name}.{name}", message, "show something else, or give a reason"


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


def _shown(aggregate: Aggregate) -> Iterator[tuple[str, str, Location]]:
    """Yield the columns that hold values as they were sent."""
    for dimension in aggregate.dimensions:
        yield dimension.name, dimension.of, dimension.at
    for measure in aggregate.measures:
        if measure.of and measure.kind in {MeasureKind.FIRST, MeasureKind.LAST, MeasureKind.MIN, MeasureKind.MAX}:
            yield measure.name, measure.of, measure.at


def _is_personal(event: Event, of: str) -> bool:
    fields, found = event.fields, None
    for part in of.split("."):
        found = next((field for field in fields if field.name == part), None)
        if found is None:
            return False
        if found.sensitivity in {Sensitivity.PERSONAL, Sensitivity.SECRET} and found.store is Store.KEEP:
            return True
        fields = found.fields
    return False


LINTS: Final = {
    "field-undocumented": Lint(
        _field_undocumented, "A field has no description. Its name alone is not enough for analysts."
    ),
    "owner-missing": Lint(
        _owner_missing, "An event has no owner. Someone must answer when it looks wrong or should go."
    ),
    "personal-kept": Lint(
        _personal_kept,
        "A personal field does not say `store`. Keeping personal data must be a decision, not an oversight.",
    ),
    "secret-stored": Lint(
        _secret_stored, "A secret is kept or hashed. A secret in a table is a secret in every backup of it."
    ),
    "sensitivity-missing": Lint(
        _sensitivity_missing, "A field is called `email`, `ip_address` or the like, and has no sensitivity."
    ),
    "unit-missing": Lint(_unit_missing, "A number is called `..._ms`, `..._bytes` or the like, and has no unit."),
    "column-missing": Lint(
        _column_missing,
        "A field `user_id` or `service` does not fill its column, so aggregates over the column miss the event.",
    ),
    "type-differs": Lint(
        _type_differs, "Fields of two events have one name and two types, so they cannot be read together."
    ),
    "pattern-unanchored": Lint(
        _pattern_unanchored, "A pattern does not begin with `^` or end with `$`, and accepts anything around a match."
    ),
    "unused": Lint(_unused, "A group, an enum or a domain is not used."),
    "deprecation-unexplained": Lint(_deprecation_unexplained, "A deprecated or retired event does not say why."),
    "replacement-outdated": Lint(_replacement_outdated, "What replaces an event is deprecated or retired itself."),
    "draft-aggregated": Lint(_draft_aggregated, "An aggregate names a draft, which may change without notice."),
    "wide-dimension": Lint(
        _wide_dimension,
        "An aggregate groups by a uuid, a float or a time, and may have as many rows as there are events.",
    ),
    "column-unfilled": Lint(
        _column_unfilled, "An aggregate reads `$user_id`, and none of its events fills the column."
    ),
    "storage-spans": Lint(
        _storage_spans, "Rows are deleted before they are compressed, or a chunk holds more time than rows are kept."
    ),
    "personal-aggregated": Lint(
        _personal_aggregated,
        "An aggregate shows values of a personal field. Aggregates outlive the retention of events.",
    ),
}
"""Every lint by its id."""
