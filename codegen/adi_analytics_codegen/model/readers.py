"""Which aggregates read which events and fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.model.kinds import Operator
from adi_analytics_codegen.model.questions.aggregates import EVENT, SERVICE, USER_ID, Choice

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from adi_analytics_codegen.model.catalog import Catalog
    from adi_analytics_codegen.model.events import Event
    from adi_analytics_codegen.model.questions.aggregates import Aggregate, Condition, Test
    from adi_analytics_codegen.model.questions.people import Question

_TESTS_OF_EVENTS: Final = frozenset({Operator.EQ, Operator.NE, Operator.IN})


def references(aggregate: Aggregate) -> Iterator[tuple[str, str]]:
    """Yield column and field for everything that *aggregate* reads; the column is empty for its own ``where``."""
    if aggregate.each:
        yield "", aggregate.each
    yield from _tested("", aggregate.where)
    for dimension in aggregate.dimensions:
        yield dimension.name, dimension.of
    for measure in aggregate.measures:
        for of in measure.fields:
            yield measure.name, of
        yield from _tested(measure.name, measure.where)


def every_condition(where: Iterable[Test]) -> Iterator[Condition]:
    """Yield the conditions of *where*, and those inside its choices."""
    for test in where:
        if isinstance(test, Choice):
            for branch in test.branches:
                yield from every_condition(branch)
        else:
            yield test


def _tested(column: str, where: Iterable[Test]) -> Iterator[tuple[str, str]]:
    for condition in every_condition(where):
        if condition.field != EVENT:
            yield column, condition.field


def readers_of_event(catalog: Catalog, event: str) -> list[Aggregate]:
    """Return the aggregates that read *event*, in the order of the catalog."""
    return [aggregate for aggregate in catalog.aggregates if event in aggregate.sources]


def questions(catalog: Catalog) -> tuple[Question, ...]:
    """Return all questions about people of *catalog*, in the order in which they are created."""
    return (*catalog.members, *catalog.retention, *catalog.funnels)


def sources(catalog: Catalog, question: Question) -> tuple[str, ...]:
    """Return the names of the events that *question* reads, in catalog order."""
    named = {selection.event for selection in question.selections}
    return tuple(event.name for event in catalog.events if None in named or event.name in named)


def questions_of_event(catalog: Catalog, event: str) -> list[Question]:
    """Return the questions about people that name *event*."""
    return [one for one in questions(catalog) if any(selection.event == event for selection in one.selections)]


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


def lets_through(where: Iterable[Test], event: str) -> bool:
    """Whether a row of *event* can pass *where*, as far as its tests of the event's name say."""
    return all(_can_hold(test, event) for test in where)


def _can_hold(test: Test, event: str) -> bool:
    if not isinstance(test, Choice):
        return test.field != EVENT or _is_true(test, event)
    if test.negated:
        return not any(all(_must_hold(one, event) for one in branch) for branch in test.branches)
    return any(lets_through(branch, event) for branch in test.branches)


def _must_hold(test: Test, event: str) -> bool:
    """Whether every row of *event* passes *test*, whatever its fields are."""
    if not isinstance(test, Choice):
        return test.field == EVENT and _is_true(test, event)
    if test.negated:
        return not any(lets_through(branch, event) for branch in test.branches)
    return any(all(_must_hold(one, event) for one in branch) for branch in test.branches)


def _is_true(condition: Condition, event: str) -> bool:
    if condition.op not in _TESTS_OF_EVENTS:
        return True  # the loader refuses the others, and goes on to find more
    named = condition.value if isinstance(condition.value, tuple) else (condition.value,)
    return (event in named) != (condition.op is Operator.NE)
