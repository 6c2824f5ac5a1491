"""What is stored for a question about people: a row per member and bucket, which every backend keeps like a rollup."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.backends.sql.expressions.conditions import FieldTypes, predicates
from adi_analytics_codegen.backends.sql.expressions.values import COLUMNS, SQL_TYPES, typed
from adi_analytics_codegen.backends.sql.relations.measures import Column
from adi_analytics_codegen.backends.sql.relations.plan import END_OF_TIME, TIMESTAMP_TYPE, Relation, first_time
from adi_analytics_codegen.backends.sql.text.names import literal, unused
from adi_analytics_codegen.model.questions.people import Funnel, Members, Question, Retention, Selection
from adi_analytics_codegen.model.questions.people import reads_every_event as reads_all
from adi_analytics_codegen.model.readers import sources
from adi_analytics_codegen.model.tables import shorten

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adi_analytics_codegen.model.catalog import Catalog

EXCLUDED: Final = 256
"""The mark of a row that ends the attempts of a funnel. Step number n, from 1, has the bit 2 to the n - 1."""

KIND: Final = "people"
"""The kind of such a relation in the manifest."""

_IN_ORDER: Final = 'order by "timestamp", event_id'


def relation(catalog: Catalog, question: Question) -> Relation:
    """Return the relation that is stored for *question*."""
    entity = question.entity
    member = typed(entity.of, entity.type)
    keys = [
        Column(question.bucket_name, TIMESTAMP_TYPE, "", "bucket"),
        Column("member", SQL_TYPES[entity.type], member, "member"),
    ]
    columns = [*keys, *_columns(question, catalog)]
    taken: set[str] = {question.bucket_name}
    named = [columns[0]]
    for column in columns[1:]:
        name = unused(column.name, taken)
        taken.add(name)
        named.append(Column(name, column.type, column.expression, column.role, column.merge))
    value = member if entity.of in COLUMNS else f"({member})"
    tests = [
        f'"timestamp" >= timestamptz {literal(first_time(question.calendar))}',
        f'"timestamp" < timestamptz {literal(END_OF_TIME)}',
        *_of_events(catalog, question),
        f"{value} is not null",
        *_counting(question, catalog),
    ]
    return Relation(shorten(f"{question.name}_v{question.version}"), KIND, tuple(named), len(keys), tuple(tests), ())


def _of_events(catalog: Catalog, question: Question) -> Iterator[str]:
    if not reads_all(question):
        yield f"event_type in ({', '.join(literal(name) for name in sources(catalog, question))})"


def _columns(question: Question, catalog: Catalog) -> list[Column]:
    """Return the columns beside the bucket and the member."""
    if isinstance(question, Members):
        return _of_members()
    return _of_retention(question, catalog) if isinstance(question, Retention) else _of_funnel(question, catalog)


def _of_members() -> list[Column]:
    return [
        Column("first", TIMESTAMP_TYPE, 'min("timestamp")', "first", "min"),
        Column("last", TIMESTAMP_TYPE, 'max("timestamp")', "last", "max"),
        Column("row_count", "bigint", "count(*)", "count", "sum"),
    ]


def _of_retention(question: Retention, catalog: Catalog) -> list[Column]:
    return [
        Column(name, "boolean", f"coalesce(bool_or({_matches(catalog, selection)}), false)", "flag", "bool_or")
        for name, selection in (("started", question.start), ("returned", question.returns))
    ]


def _of_funnel(question: Funnel, catalog: Catalog) -> list[Column]:
    columns = [
        Column("times", f"{TIMESTAMP_TYPE}[]", f'array_agg("timestamp" {_IN_ORDER})', "times"),
        Column("steps", "integer[]", f"array_agg({_steps(catalog, question)} {_IN_ORDER})", "steps"),
    ]
    dimension = question.dimension
    if dimension is not None:
        value = typed(dimension.of, dimension.type)
        columns.append(
            Column("dimensions", f"{SQL_TYPES[dimension.type]}[]", f"array_agg({value} {_IN_ORDER})", "dimensions")
        )
    return columns


def _counting(question: Question, catalog: Catalog) -> Iterator[str]:
    """Yield a test of the rows that may count, unless all rows of their events do."""
    if reads_all(question) or not any(selection.where for selection in question.selections):
        return
    if isinstance(question, Funnel):
        yield f"({_steps(catalog, question)}) <> 0"
    else:
        matches = dict.fromkeys(_matches_one(catalog, selection) for selection in question.selections)
        yield f"({' or '.join(f'({match})' for match in matches)})"


def _steps(catalog: Catalog, question: Funnel) -> str:
    """Return an expression for the bits of the steps that a row is, or the mark of an excluded one."""
    bits = [
        f"case when {_matches(catalog, step.selection)} then {1 << number} else 0 end"
        for number, step in enumerate(question.steps)
    ]
    steps = " + ".join(bits)
    if not question.exclude:
        return steps
    ends = " or ".join(f"({_matches(catalog, selection)})" for selection in question.exclude)
    return f"case when {ends} then {EXCLUDED} else {steps} end"


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
    return " and ".join([f"event_type = {literal(event.name)}", *tests])
