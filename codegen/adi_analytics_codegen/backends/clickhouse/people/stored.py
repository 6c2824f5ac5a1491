"""What is stored for a question about people: a row per member and bucket, with the names that it has on PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.backends.clickhouse.expressions import buckets
from adi_analytics_codegen.backends.clickhouse.expressions.conditions import predicates
from adi_analytics_codegen.backends.clickhouse.expressions.names import literal
from adi_analytics_codegen.backends.clickhouse.expressions.values import TIME, TYPES, computed, typed
from adi_analytics_codegen.backends.clickhouse.measures import COUNT, Column
from adi_analytics_codegen.backends.clickhouse.relations import Relation, of_events, related
from adi_analytics_codegen.backends.sql.expressions.conditions import FieldTypes
from adi_analytics_codegen.backends.sql.people import stored
from adi_analytics_codegen.model.questions.people import Funnel, Members, Question, Retention, Selection
from adi_analytics_codegen.model.questions.people import reads_every_event as reads_all
from adi_analytics_codegen.model.readers import sources

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adi_analytics_codegen.model.catalog import Catalog

EXCLUDED: Final = stored.EXCLUDED

_Column = tuple[str, str]
"""The type and the expression of a column; its name is that on PostgreSQL."""


def relation(catalog: Catalog, question: Question) -> Relation:
    """Return the relation that is stored for *question*, as it is on the wire."""
    planned, entity = stored.relation(catalog, question), question.entity
    member = typed(entity.of, entity.type)
    own: list[_Column] = [
        (TIME, buckets.start(question)),
        (_sure(TYPES[entity.type]), f"assumeNotNull({member})"),
        *_columns(question, catalog),
    ]
    columns = [Column(column.name, *each) for column, each in zip(planned.columns, own, strict=True)]
    names = None if reads_all(question) else sources(catalog, question)
    tests = [f"isNotNull({member})", *_counting(question, catalog)]
    return related(planned, columns, of_events(question.calendar, names), tests)


def _sure(kind: str) -> str:
    """Return the type of values of *kind* that are not NULL."""
    return kind.removeprefix("Nullable(").removesuffix(")") if kind.startswith("Nullable(") else kind


def _columns(question: Question, catalog: Catalog) -> list[_Column]:
    """Return the columns beside the bucket and the member."""
    if isinstance(question, Members):
        return [(TIME, "min(_time)"), (TIME, "max(_time)"), (COUNT, "count()")]
    if isinstance(question, Retention):
        matches = (_matches(catalog, selection) for selection in (question.start, question.returns))
        return [("Bool", f"toBool(countIf({match}) > 0)") for match in matches]
    return _of_funnel(question, catalog)


def _of_funnel(question: Funnel, catalog: Catalog) -> list[_Column]:
    """Return arrays in the order of the rows. UUIDs sort by their second half, so their text breaks the ties."""
    kinds, values = [TIME, "UInt16"], ["_time", _steps(catalog, question)]
    if question.dimension is not None:
        kinds.append(TYPES[question.dimension.type])
        values.append(typed(question.dimension.of, question.dimension.type))
    rows = f"arraySort(groupArray(tuple(_time, toString(_id), {', '.join(values[1:])})))"
    places = [1, *range(3, len(values) + 2)]
    return [(f"Array({kind})", f"arrayMap(one -> one.{at}, {rows})") for kind, at in zip(kinds, places, strict=True)]


def _counting(question: Question, catalog: Catalog) -> Iterator[str]:
    """Yield a test of the rows that may count, unless all rows of their events do."""
    if reads_all(question) or not any(selection.where for selection in question.selections):
        return
    if isinstance(question, Funnel):
        yield f"{_steps(catalog, question)} != 0"
    else:
        matches = dict.fromkeys(_matches_one(catalog, selection) for selection in question.selections)
        yield f"({' or '.join(f'({match})' for match in matches)})"


def _steps(catalog: Catalog, question: Funnel) -> str:
    """Return an expression for the bits of the steps that a row is, or the mark of an excluded one."""
    steps = " + ".join(
        f"if({_matches(catalog, step.selection)}, {1 << number}, 0)" for number, step in enumerate(question.steps)
    )
    if question.exclude:
        ends = " or ".join(f"({_matches(catalog, selection)})" for selection in question.exclude)
        steps = f"if({ends}, {EXCLUDED}, {steps})"
    return computed(f"toUInt16({steps})")


def _matches(catalog: Catalog, selection: Selection) -> str:
    """Return a predicate for the rows of *selection*: the same in whichever order a list names them."""
    if not selection.others:
        return _matches_one(catalog, selection)
    return " or ".join(f"({one})" for one in sorted(_matches_one(catalog, one) for one in selection.each))


def _matches_one(catalog: Catalog, selection: Selection) -> str:
    event = catalog.event(selection.event or "")
    if event is None:
        return "true"
    tests = predicates(selection.where, FieldTypes((event,), catalog.user_id))
    return " and ".join([f"_type = {literal(event.name)}", *tests])
