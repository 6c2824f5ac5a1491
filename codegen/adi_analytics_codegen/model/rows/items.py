"""Items of lists as rows of their own: what an aggregate with ``each`` reads.

In a catalog, the items go by the path of their list: in an aggregate with ``each: products``, ``products`` is an item,
and ``products.sku`` a field of it. In the terms of rows (see :mod:`adi_analytics_codegen.model.rows.wire`) the last
part of that path has a mark: ``products~2.sku``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.model.kinds import FieldType, Sensitivity
from adi_analytics_codegen.model.questions.aggregates import Choice
from adi_analytics_codegen.model.readers import lets_through
from adi_analytics_codegen.model.rows.wire import as_on_wire
from adi_analytics_codegen.model.walk import field_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from adi_analytics_codegen.model.catalog import Catalog
    from adi_analytics_codegen.model.events import Event
    from adi_analytics_codegen.model.fields import Field
    from adi_analytics_codegen.model.questions.aggregates import Aggregate, Measure, Test

MARK: Final = "~2"
"""Ends the part of a path that is one item of the list, not the list. Alone it is the key ``*``."""


def inside_item(path: str) -> str | None:
    """Return the part of *path*, in the terms of rows, that leads from an item to what is read, if it is of an item."""
    parts = path.split(".")
    at = next((at for at, part in enumerate(parts) if part.endswith(MARK) and part != MARK), None)
    return None if at is None else ".".join(parts[at + 1 :])


def is_of_item(name: str, each: str) -> bool:
    """Whether *name* is an item of the list *each*, or a field of one."""
    return bool(each) and (name == each or name.startswith(f"{each}."))


def with_items(event: Event, each: str) -> Event:
    """Return *event* with an item in place of the list at the path *each*, if it has one there."""
    return replace(event, fields=_with_items(event.fields, each, lambda found: (_item(found, found.name),)))


def in_rows(catalog: Catalog) -> Catalog:
    """Return *catalog* in the terms of rows. Beside each list that an aggregate reads items of, events have an item."""
    on_wire = as_on_wire(catalog)
    lists = dict.fromkeys(aggregate.each for aggregate in on_wire.aggregates if aggregate.each)
    if not lists:
        return on_wire
    return replace(
        on_wire,
        events=tuple(_marked(event, lists) for event in on_wire.events),
        aggregates=tuple(map(_reading_items, on_wire.aggregates)),
    )


def _marked(event: Event, lists: Iterable[str]) -> Event:
    fields = event.fields
    for each in lists:
        fields = _with_items(fields, each, lambda found: (found, _item(found, found.name + MARK)))
    return replace(event, fields=fields)


def _with_items(
    fields: tuple[Field, ...], path: str, change: Callable[[Field], tuple[Field, ...]]
) -> tuple[Field, ...]:
    """Return *fields* with the list at *path*, which leads through objects, changed."""
    name, _, rest = path.partition(".")
    made: list[Field] = []
    for field in fields:
        if field.name != name:
            made.append(field)
        elif rest:
            made.append(replace(field, fields=_with_items(field.fields, rest, change)))
        else:
            made.extend(change(field) if field.type is FieldType.LIST else (field,))
    return tuple(made)


def _item(field: Field, name: str) -> Field:
    """Return an item of the list *field*: what the list says of the whole holds for it, too."""
    item = field if field.items is None else field.items
    return replace(
        item,
        name=name,
        wire=field.wire,
        optional=True,
        description=item.description or field.description,
        sensitivity=field.sensitivity,
        store=field.store,
        store_stated=field.store_stated,
        deprecated=field.deprecated,
    )


def field_read(event: Event, of: str, each: str) -> Field | None:
    """Return what *of* is in *event*, for an aggregate that reads the items of *each*.

    It is as sensitive as the most sensitive of the objects and lists that it is in.
    """
    fields, parts = with_items(event, each).fields if each else event.fields, of.split(".")
    path = [field_at(fields, ".".join(parts[: size + 1])) for size in range(len(parts))]
    found, order = path[-1], list(Sensitivity)
    if found is None:
        return None
    return replace(found, sensitivity=max((one.sensitivity for one in path if one is not None), key=order.index))


def fields_read(catalog: Catalog, aggregate: Aggregate, of: str, where: Sequence[Test]) -> list[Field]:
    """Return the fields that *of* is in the events that *where* lets through."""
    events = (event for event in catalog.events if event.name in aggregate.sources and lets_through(where, event.name))
    return [field for event in events if (field := field_read(event, of, aggregate.each)) is not None]


def _reading_items(aggregate: Aggregate) -> Aggregate:
    """Return *aggregate* with the mark in all that it reads of items."""
    if not aggregate.each:
        return aggregate
    each = aggregate.each

    def named(name: str) -> str:
        return f"{each}{MARK}{name.removeprefix(each)}" if is_of_item(name, each) else name

    def tested(where: tuple[Test, ...]) -> tuple[Test, ...]:
        return tuple(
            replace(test, branches=tuple(map(tested, test.branches)))
            if isinstance(test, Choice)
            else replace(test, field=named(test.field))
            for test in where
        )

    def measured(measure: Measure) -> Measure:
        return replace(measure.renamed(named), where=tested(measure.where))

    return replace(
        aggregate,
        dimensions=tuple(replace(dimension, of=named(dimension.of)) for dimension in aggregate.dimensions),
        measures=tuple(map(measured, aggregate.measures)),
        where=tested(aggregate.where),
    )
