"""Which aggregates read which events and fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.model.model import EVENT, SERVICE, USER_ID, Operator

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from adi_analytics_codegen.model.model import Aggregate, Catalog, Condition, Event

_TESTS_OF_EVENTS: Final = frozenset({Operator.EQ, Operator.NE, Operator.IN})


def references(aggregate: Aggregate) -> Iterator[tuple[str, str]]:
    """Yield column and field for everything that *aggregate* reads; the column is empty for its own ``where``."""
    yield from _tested("", aggregate.where)
    for dimension in aggregate.dimensions:
        yield dimension.name, dimension.of
    for measure in aggregate.measures:
        if measure.of is not None:
            yield measure.name, measure.of
        yield from _tested(measure.name, measure.where)


def _tested(column: str, where: tuple[Condition, ...]) -> Iterator[tuple[str, str]]:
    for condition in where:
        if condition.field != EVENT:
            yield column, condition.field


def readers_of_event(catalog: Catalog, event: str) -> list[Aggregate]:
    """Return the aggregates that read *event*, in the order of the catalog."""
    return [aggregate for aggregate in catalog.aggregates if event in aggregate.sources]


def columns_reading(catalog: Catalog, event: Event, path: str) -> list[tuple[Aggregate, str]]:
    """Return the aggregates and columns that read the field at *path* of *event*, or something inside it."""
    columns = {USER_ID: event.user_id_field, SERVICE: event.service_field}
    found = []
    for aggregate in readers_of_event(catalog, event.name):
        for column, of in references(aggregate):
            name = columns.get(of, of)
            if name is not None and (name == path or name.startswith(f"{path}.")):
                found.append((aggregate, column))
    return list(dict.fromkeys(found))


def columns_fed(aggregate: Aggregate, event: str) -> list[str]:
    """Return the measures of *aggregate* that count rows of *event*: those whose ``where`` lets it through."""
    return [m.name for m in aggregate.measures if lets_through((*aggregate.where, *m.where), event)]


def lets_through(where: Iterable[Condition], event: str) -> bool:
    """Whether the tests of the event's name in *where* are true of *event*."""
    return all(_is_true(condition, event) for condition in where if condition.field == EVENT)


def _is_true(condition: Condition, event: str) -> bool:
    if condition.op not in _TESTS_OF_EVENTS:
        return True  # the loader refuses the others, and goes on to find more
    named = condition.value if isinstance(condition.value, tuple) else (condition.value,)
    return (event in named) != (condition.op is Operator.NE)
