"""Names on the wire: what events and fields are called in JSON, where that is not what they are called in code.

A path of keys is written as one text: keys with dots between, in which ``~1`` is a dot and ``~0`` a ``~``, as in a JSON
Pointer (RFC 6901). Where a path leads through the keys of a map, it may have a ``*``; a key ``*`` is written ``~2``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.model.questions.aggregates import COLUMN_REFERENCES, EVENT, Choice
from adi_analytics_codegen.model.readers import lets_through
from adi_analytics_codegen.model.walk import every_field, field_at, innermost

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adi_analytics_codegen.model.catalog import Catalog
    from adi_analytics_codegen.model.events import Event
    from adi_analytics_codegen.model.fields import Field
    from adi_analytics_codegen.model.questions.aggregates import Aggregate, Condition, Measure, Test
    from adi_analytics_codegen.model.questions.people import Entity, Funnel, Retention, Selection


_KEY: Final = "~3"
_REFERENCES: Final = frozenset({*COLUMN_REFERENCES, EVENT})


def part_of_path(key: str) -> str:
    """Return *key* as it stands in a path."""
    return "~2" if key == "*" else key.replace("~", "~0").replace(".", "~1")


def key_of_part(part: str) -> str:
    """Return the key that stands as *part* in a path."""
    return "*" if part == "~2" else part.removeprefix(_KEY).replace("~1", ".").replace("~0", "~")


def keys_of_path(path: str) -> list[str]:
    """Return the keys of *path*."""
    return [key_of_part(part) for part in path.split(".")]


def path_at(fields: Iterable[Field], path: str) -> str:
    """Return the path of keys to the field at the path of names *path*; what is not known stays as it is."""
    name, _, rest = path.partition(".")
    found = next((field for field in fields if field.name == name), None)
    if found is None:
        return path
    part = part_of_path(found.key)
    return f"{part}.{path_at(innermost(found).fields, rest)}" if rest else part


def _in_row(fields: Iterable[Field], path: str) -> str:
    """Return the path of keys to the field at the path of names *path*, which is no reference to a column."""
    return _told_apart(path_at(fields, path))


def _told_apart(path: str) -> str:
    """Return *path* with a mark if a field is called there what refers to a column elsewhere, such as ``$user_id``."""
    return f"{_KEY}{path}" if path.partition(".")[0] in _REFERENCES else path


def as_on_wire(catalog: Catalog) -> Catalog:
    """Return *catalog* in the terms of rows: events are called by their types, and fields by the parts of their paths.

    What its aggregates refer to is called so, too. It is the same catalog where nothing has a name of its own on the
    wire.
    """
    if not any(event.wire or any(field.wire for field in every_field(event.fields)) for event in catalog.events):
        return catalog
    return replace(
        catalog,
        events=tuple(map(_event, catalog.events)),
        aggregates=tuple(aggregate_on_wire(catalog, aggregate) for aggregate in catalog.aggregates),
        members=tuple(replace(one, entity=_entity(catalog, one.entity)) for one in catalog.members),
        retention=tuple(_retention(catalog, one) for one in catalog.retention),
        funnels=tuple(_funnel(catalog, one) for one in catalog.funnels),
    )


def aggregate_on_wire(catalog: Catalog, aggregate: Aggregate) -> Aggregate:
    """Return *aggregate* of *catalog* with references in the terms of rows."""
    return _References(catalog, aggregate).aggregate(aggregate)


def _retention(catalog: Catalog, retention: Retention) -> Retention:
    start, returns = (_selection(catalog, one) for one in (retention.start, retention.returns))
    return replace(retention, entity=_entity(catalog, retention.entity), start=start, returns=returns)


def _funnel(catalog: Catalog, funnel: Funnel) -> Funnel:
    own = funnel.dimension
    first = catalog.event(funnel.steps[0].selection.event or "")
    return replace(
        funnel,
        entity=_entity(catalog, funnel.entity),
        steps=tuple(replace(step, selection=_selection(catalog, step.selection)) for step in funnel.steps),
        exclude=tuple(_selection(catalog, one) for one in funnel.exclude),
        dimension=None if own is None or first is None else replace(own, of=_path(first, own.of)),
    )


def _entity(catalog: Catalog, entity: Entity) -> Entity:
    """Return *entity* with the path of keys, which is one in all events that have the field."""
    having = next((event for event in catalog.events if field_at(event.fields, entity.of)), None)
    return entity if having is None else replace(entity, of=_path(having, entity.of))


def _selection(catalog: Catalog, selection: Selection) -> Selection:
    event = catalog.event(selection.event or "")
    if event is None:
        return selection
    others = tuple(_selection(catalog, one) for one in selection.others)
    return replace(selection, event=event.type, where=_tests(event, selection.where), others=others)


def _tests(event: Event, where: tuple[Test, ...]) -> tuple[Test, ...]:
    return tuple(
        replace(test, branches=tuple(_tests(event, branch) for branch in test.branches))
        if isinstance(test, Choice)
        else replace(test, field=_path(event, test.field))
        for test in where
    )


def _path(event: Event, name: str) -> str:
    return name if name in _REFERENCES else _in_row(event.fields, name)


def _event(event: Event) -> Event:
    user, service = (
        None if name is None else _in_row(event.fields, name) for name in (event.user_id_field, event.service_field)
    )
    return replace(
        event,
        name=event.type,
        wire=None,
        fields=tuple(replace(field, name=_told_apart(field.name)) for field in fields_on_wire(event.fields)),
        user_id_field=user,
        service_field=service,
        rules=tuple(
            replace(one, fields=tuple(path_at(event.fields, name) for name in one.fields)) for one in event.rules
        ),
    )


def fields_on_wire(fields: tuple[Field, ...]) -> tuple[Field, ...]:
    """Return *fields* with the parts of paths as names."""
    return tuple(_field(field) for field in fields)


def _field(field: Field) -> Field:
    items = None if field.items is None else _field(field.items)
    name = part_of_path(field.key)
    return replace(field, name=name, wire=None, fields=fields_on_wire(field.fields), items=items)


class _References:
    """Translates what an aggregate refers to. The field is the one of an event that the conditions let through."""

    def __init__(self, catalog: Catalog, aggregate: Aggregate) -> None:
        self.types = {event.name: event.type for event in catalog.events}
        self.events = [event for event in catalog.events if event.name in aggregate.sources]
        self.where = aggregate.where

    def aggregate(self, aggregate: Aggregate) -> Aggregate:
        return replace(
            aggregate,
            sources=tuple(self.types[name] for name in aggregate.sources),
            measures=tuple(map(self.measure, aggregate.measures)),
            dimensions=tuple(replace(one, of=self.path(one.of, ())) for one in aggregate.dimensions),
            where=self.tests(aggregate.where),
            each=self.path(aggregate.each, ()) if aggregate.each else "",
        )

    def measure(self, measure: Measure) -> Measure:
        made = measure.renamed(lambda name: self.path(name, measure.where))
        return replace(made, where=self.tests(measure.where))

    def tests(self, where: tuple[Test, ...], given: tuple[Test, ...] = ()) -> tuple[Test, ...]:
        known = (*given, *where)
        return tuple(
            replace(test, branches=tuple(self.tests(branch, known) for branch in test.branches))
            if isinstance(test, Choice)
            else self.condition(test, known)
            for test in where
        )

    def condition(self, condition: Condition, where: tuple[Test, ...]) -> Condition:
        if condition.field != EVENT:
            return replace(condition, field=self.path(condition.field, where))
        value = condition.value
        if isinstance(value, tuple):
            return replace(condition, value=tuple(sorted((self.types.get(name, name) for name in value), key=str)))
        return replace(condition, value=self.types.get(value, value))

    def path(self, name: str, where: tuple[Test, ...]) -> str:
        if name in COLUMN_REFERENCES:
            return name
        passing = [event for event in self.events if lets_through((*self.where, *where), event.name)]
        first = name.partition(".")[0]
        event = next((event for event in passing or self.events if event.field(first)), None)
        return name if event is None else _in_row(event.fields, name)
