"""From nodes to the aggregates of the model, checked against the events that they read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from adi_analytics_codegen._durations import duration
from adi_analytics_codegen._yaml import Node
from adi_analytics_codegen.model import (
    SERVICE,
    USER_ID,
    Aggregate,
    Condition,
    Dimension,
    Event,
    FieldType,
    Measure,
    MeasureKind,
    Operator,
    Ratio,
    Refresh,
)
from adi_analytics_codegen.naming import did_you_mean

if TYPE_CHECKING:
    from adi_analytics_codegen.findings import Findings
    from adi_analytics_codegen.model import Location

_COLUMN_TYPES: Final = {USER_ID: FieldType.UUID, SERVICE: FieldType.STRING}
_EVENT: Final = "event"


@dataclass(slots=True)
class AggregateResolver:
    """Resolves the aggregates of one catalog."""

    findings: Findings
    events: dict[str, Event]

    def aggregate(self, name: str, node: Node) -> Aggregate:
        """Return the aggregate called *name*."""
        subject = f"aggregates.{name}"
        all_events, sources = self._sources(node, subject)
        bucket = node.mapping["bucket"]
        where = self._where(node, sources, subject)
        measures = tuple(
            self._measure(key, entry, sources, f"{subject}.{key}") for key, entry in node.entries("measures").items()
        )
        return Aggregate(
            name=name,
            description=node.scalar("description", ""),
            sources=sources,
            bucket_name=bucket.scalar("as"),
            bucket_width=self._duration(bucket, "width"),
            refresh=self._refresh(node),
            measures=measures,
            at=node.key_at,
            dimensions=tuple(
                self._dimension(key, entry, sources, f"{subject}.{key}")
                for key, entry in node.entries("dimensions").items()
            ),
            derived=tuple(self._ratio(key, entry) for key, entry in node.entries("derived").items()),
            where=where,
            all_events=all_events,
            version=node.scalar("version", 1),
            owner=node.scalar("owner", ""),
        )

    def _sources(self, node: Node, subject: str) -> tuple[bool, tuple[str, ...]]:
        source = node.mapping["from"]
        if source.value == "all":
            return True, tuple(self.events)
        named = set()
        for entry in source.items:
            if entry.text in self.events:
                named.add(entry.text)
            else:
                fix = did_you_mean(entry.text, self.events) or "define it under events"
                self.findings.error(entry.at, "unknown-event", f'there is no event "{entry.text}"', fix, subject)
        return False, tuple(name for name in self.events if name in named)

    def _duration(self, node: Node, key: str) -> timedelta:
        return duration(node.mapping[key].text)

    def _refresh(self, node: Node) -> Refresh:
        refresh = node.mapping["refresh"]
        return Refresh(*(self._duration(refresh, key) for key in ("every", "window", "lag")))

    def _where(self, node: Node, sources: tuple[str, ...], subject: str) -> tuple[Condition, ...]:
        conditions: list[Condition] = []
        entries = node.entries("where")
        read = _selected(entries, sources)
        for name, entry in entries.items():
            self._type_of(name, read, entry.key_at, subject)
            conditions.extend(_conditions(name, entry))
        return tuple(conditions)

    def _type_of(self, name: str, sources: tuple[str, ...], at: Location, subject: str) -> FieldType | None:
        """Return the type of what *name* refers to in all of *sources*, or ``None`` after a finding."""
        if name in _COLUMN_TYPES:
            return _COLUMN_TYPES[name]
        if name == _EVENT:
            return FieldType.STRING
        kinds: dict[FieldType, str] = {}
        for source in sources:
            found = self.events[source].field(name)
            if found is None:
                message = f'event {source} has no field "{name}"'
                self.findings.error(at, "aggregate-field", message, "narrow it with where: {event: ...}", subject)
                return None
            kinds.setdefault(found.type, source)
        if len(kinds) > 1:
            told = ", ".join(f"{kind} in {source}" for kind, source in kinds.items())
            self.findings.error(at, "aggregate-field-type", f'field "{name}" is {told}', "read one type", subject)
            return None
        return next(iter(kinds), None)

    def _measure(self, name: str, node: Node, sources: tuple[str, ...], subject: str) -> Measure:
        kind = next(kind for kind in MeasureKind if kind in node.mapping)
        of = node.mapping["of"] if kind is MeasureKind.PERCENTILE else node.mapping[kind]
        read = _selected(node.entries("where"), sources)
        counted = kind is MeasureKind.COUNT
        return Measure(
            name=name,
            kind=kind,
            at=node.key_at,
            of=None if counted else of.text,
            type=None if counted else self._type_of(of.text, read, of.at, subject),
            quantile=node.scalar("percentile") if kind is MeasureKind.PERCENTILE else None,
            trailing=self._duration(node, "trailing") if "trailing" in node.mapping else None,
            where=self._where(node, sources, subject),
            description=node.scalar("description", ""),
        )

    def _dimension(self, name: str, node: Node, sources: tuple[str, ...], subject: str) -> Dimension:
        of = node.mapping["of"] if isinstance(node.value, dict) else node
        kind = self._type_of(of.text, sources, of.at, subject) or FieldType.STRING
        description = node.scalar("description", "") if isinstance(node.value, dict) else ""
        return Dimension(name, of.text, kind, node.key_at, description)

    def _ratio(self, name: str, node: Node) -> Ratio:
        numerator, denominator = (
            tuple(part.text for part in side.items) if isinstance(side.value, list) else (side.text,)
            for side in node.mapping["ratio"].items
        )
        return Ratio(name, numerator, denominator, node.key_at, node.scalar("description", ""))


def _selected(where: dict[str, Node], sources: tuple[str, ...]) -> tuple[str, ...]:
    """Return the events of *sources* that a ``where`` lets through."""
    node = where.get(_EVENT)
    if node is None:
        return sources
    named = {entry.value for entry in node.items} if isinstance(node.value, list) else {node.value}
    return tuple(name for name in sources if name in named)


def _conditions(name: str, node: Node) -> list[Condition]:
    """Return the tests that one entry of a ``where`` stands for."""
    if isinstance(node.value, dict):
        return [_condition(name, Operator(op), operand) for op, operand in node.value.items()]
    return [_condition(name, Operator.IN if isinstance(node.value, list) else Operator.EQ, node)]


def _condition(name: str, op: Operator, node: Node) -> Condition:
    value: Any = node.plain()
    return Condition(name, op, tuple(value) if isinstance(value, list) else value, node.at)
