"""What questions about people share: entities, the rows that count, buckets and refreshes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from adi_analytics_codegen.load.buckets import read_bucket
from adi_analytics_codegen.load.conditions.where import Reader
from adi_analytics_codegen.model.fields import Location
from adi_analytics_codegen.model.fingerprint import canonical
from adi_analytics_codegen.model.kinds import FieldType, Store
from adi_analytics_codegen.model.questions.aggregates import USER_ID, Refresh
from adi_analytics_codegen.model.questions.people import Entity, Selection
from adi_analytics_codegen.model.text.durations import duration_text
from adi_analytics_codegen.model.text.naming import did_you_mean
from adi_analytics_codegen.model.walk import field_at

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adi_analytics_codegen.load.aggregates import AggregateResolver
    from adi_analytics_codegen.load.buckets import Bucket
    from adi_analytics_codegen.load.context import Context
    from adi_analytics_codegen.load.source.yaml import Node
    from adi_analytics_codegen.model.events import Event

ANY: Final = "any"
"""Stands for every event."""

_HOUR: Final = timedelta(hours=1)
_IDENTIFYING: Final = frozenset({FieldType.UUID, FieldType.STRING, FieldType.ENUM, FieldType.INT})
_SYSTEM_COLUMNS: Final = frozenset({"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"})


@dataclass(slots=True)
class Reading:
    """Reads the parts that every question about people has.

    Attributes:
        aggregates: Knows the rules of buckets and refreshes.
        entities: The entities that questions may be about, by name.
    """

    aggregates: AggregateResolver
    entities: dict[str, Entity | None] = field(default_factory=dict)

    @property
    def context(self) -> Context:
        """The state of this load."""
        return self.aggregates.context

    @property
    def events(self) -> dict[str, Event]:
        """The events of the catalog, by name."""
        return self.aggregates.events

    def define(self, name: str, node: Node) -> Entity | None:
        """Return the entity called *name* and remember it, or ``None`` after a finding."""
        self.entities[name] = self._entity(name, node)
        return self.entities[name]

    def _entity(self, name: str, node: Node) -> Entity | None:
        subject, description = f"entities.{name}", node.scalar("description", "")
        named = node.get("field")
        if name == USER_ID:
            if named is not None:
                message = f"{USER_ID} is the column user_id, which `columns` of the events fills"
                self.context.error(named.key_at, "key-of-other-type", message, "remove field", subject)
            return Entity(name, USER_ID, self.context.user_id, node.key_at, description)
        if named is None:
            message = "an entity needs the field that identifies its members"
            self.context.error(node.key_at, "missing-key", message, "add field: NAME", subject)
            return None
        type_ = self._type_of(named, subject)
        return None if type_ is None else Entity(name, named.text, type_, node.key_at, description)

    def _type_of(self, named: Node, subject: str) -> FieldType | None:
        """Return the type of the field in every event that has it."""
        if named.text.startswith("$"):
            type_ = self._reader((), subject).type_of(named.text, named.at)
        else:
            having = tuple(event.name for event in self.events.values() if field_at(event.fields, named.text))
            if not having:
                known = {one.name for event in self.events.values() for one in event.fields}
                message = f'no event has a field "{named.text}"'
                fix = did_you_mean(named.text, known) or "add the field to events"
                self.context.error(named.at, "entity-field", message, fix, subject)
                return None
            type_ = self._reader(having, subject).type_of(named.text, named.at)
        if type_ is not None and type_ not in _IDENTIFYING:
            message = f'"{named.text}" is {type_}, which identifies nothing'
            self.context.error(named.at, "entity-field", message, "use a uuid, string, enum or int", subject)
            return None
        return type_

    def entity(self, node: Node, subject: str) -> Entity | None:
        """Return the entity that a question is about, or ``None`` after a finding."""
        named = node.get("entity")
        name = named.text if named is not None else USER_ID
        if name == USER_ID and name not in self.entities:
            return Entity(USER_ID, USER_ID, self.context.user_id, node.key_at)
        if name not in self.entities and named is not None:
            fix = did_you_mean(name, {USER_ID, *self.entities}) or "define it under entities"
            self.context.error(named.at, "unknown-entity", f'there is no entity "{name}"', fix, subject)
        return self.entities.get(name)

    def selection(self, node: Node, entity: Entity | None, subject: str) -> Selection:
        """Return the rows that *node* names, or one of a list; every one of their events must have the entity."""
        if not isinstance(node.value, list):
            return self._selection(node, entity, subject)
        if not node.items:  # all were wrong, and have their findings
            return Selection(None, (), node.at)
        first, *others = (self._selection(one, entity, subject) for one in node.items)
        for one in (first, *others) if others else ():
            if one.event is None:
                message = f'"{ANY}" is every event already'
                self.context.error(one.at, "selection-list", message, "leave the others out", subject)
        seen: list[tuple[str | None, Any]] = []
        for one in (first, *others):
            same = canonical(one.where)
            if (one.event, same) in seen:
                message = f"{one.event} is in the list twice, with the same tests"
                self.context.error(one.at, "selection-list", message, "leave it out", subject)
            seen.append((one.event, same))
        return replace(first, others=tuple(others))

    def _selection(self, node: Node, entity: Entity | None, subject: str) -> Selection:
        tested = isinstance(node.value, dict)
        event = node.get("event") if tested else node
        if event is None or event.text == ANY:
            if tested and event is not None:
                message = 'tests are of one event, and "any" is every one'
                self.context.error(event.at, "unknown-event", message, "name an event", subject)
            elif entity is not None and not any(self._has(one, entity) for one in self.events.values()):
                message = f"no event has {entity.of}"
                self.context.error(node.at, "entity-lacking", message, _remedy(entity), subject)
            return Selection(None, (), node.at)
        found = self.events.get(event.text)
        if found is None:
            fix = did_you_mean(event.text, {ANY, *self.events}) or "define it under events"
            self.context.error(event.at, "unknown-event", f'there is no event "{event.text}"', fix, subject)
            return Selection(event.text, (), node.at)
        if entity is not None and not self._has(found, entity):
            message = f"event {found.name} has no {entity.of}, so it happens to no {entity.name}"
            self.context.error(event.at, "entity-lacking", message, _remedy(entity), subject)
        where = self._reader((found.name,), subject).where(node) if tested else ()
        return Selection(found.name, where, node.at)

    def _has(self, event: Event, entity: Entity) -> bool:
        if entity.of == USER_ID:
            return event.user_id_field is not None
        if entity.of.startswith("$"):
            return event.service_field is not None
        one = field_at(event.fields, entity.of)
        return one is not None and one.store is not Store.DROP

    def reader(self, events: Iterable[str], subject: str) -> Reader:
        """Return a reader of fields of *events*."""
        return self._reader(tuple(name for name in events if name in self.events), subject)

    def _reader(self, sources: tuple[str, ...], subject: str) -> Reader:
        return Reader(self.context, self.events, self.aggregates.enums, sources, subject)

    def bucket(self, node: Node, subject: str) -> Bucket:
        """Return how time is cut up."""
        return read_bucket(node.get("bucket"), subject, self.context)

    def check_columns(self, taken: Iterable[str], columns: Iterable[tuple[str, Location]], subject: str) -> None:
        """Report names of *columns* that PostgreSQL, or the view itself, has for something else."""
        seen = set(taken)
        for name, at in columns:
            if name in _SYSTEM_COLUMNS:
                message = f'"{name}" is a system column: every table of PostgreSQL has one'
                self.context.error(at, "system-column", message, "rename it", subject)
            elif name in seen:
                message = f'"{name}" is the name of another column of the view'
                self.context.error(at, "column-twice", message, "rename it", subject)
            seen.add(name)

    def refresh(self, node: Node, bucket: Bucket, subject: str) -> Refresh:
        """Return when stored buckets are brought up to date."""
        every, retention = min(_HOUR, bucket.width), self.aggregates.storage.retention
        default = Refresh(every, 3 * bucket.width, every)
        made = self.aggregates.refresh(node, bucket, subject, default)
        if made is default and retention is not None and default.window > retention:
            message = f"three buckets of {duration_text(bucket.width)} are longer than the retention: "
            message += "stored buckets would be computed again from rows that are gone"
            self.context.error(node.key_at, "refresh-window", message, "use smaller buckets, or say refresh", subject)
        return made


def _remedy(entity: Entity) -> str:
    if entity.of.startswith("$"):
        return "name the field that fills it under columns of the event, or use another event"
    return "add the field to the event, or use another event"
