"""The statement of an answer: the parts put together, empty buckets filled, sorted and cut."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from adi_analytics._shared.sql import line_literal
from adi_analytics.query.model.text import SQL_TYPES, moment, name, span
from adi_analytics.query.sql.parts import keys, parts, values_of
from adi_analytics.query.sql.values import shown, type_of

if TYPE_CHECKING:
    from adi_analytics.query.model.column import Column
    from adi_analytics.query.resolve.question import Question, Sort
    from adi_analytics.query.sql.parts import Value

_STEPS: Final = {"day": "1 day", "week": "7 days", "month": "1 month"}
_HOUR: Final = timedelta(hours=1)


def statement(question: Question) -> str:
    """Return the statement that answers *question*. It runs in psql as it stands, whatever the session's settings."""
    columns = {column.name: f"c{number}" for number, column in enumerate(question.columns, 1)}
    listed = ", ".join(f"{short} as {name(column)}" for column, short in columns.items())
    where = f"\nwhere {_after(question, columns)}" if question.after is not None else ""
    order = f"\norder by {', '.join(_sorted(question, sort, columns) for sort in question.order)}"
    limit = f"\nlimit {question.limit + 1}" if question.limit is not None else ""
    return (
        f"with {_parts(question)},\nanswer as (\n{_indented(_answer(question, columns))}\n)\n"
        f"select {listed}\nfrom answer{where}{order if question.order else ''}{limit};"
    )


def _parts(question: Question) -> str:
    values = values_of(question)
    together = "\nunion all\n".join(parts(question, values))
    made = f"parts as (\n{_indented(together)}\n)"
    if not (question.fill and question.by_time):
        return made
    return f"{made},\nfilled as (\n{_indented(_filled(question, values))}\n)"


def _filled(question: Question, values: list[Value]) -> str:
    """Return the parts, with a row for each bucket of each combination of dimension values that there is."""
    dimensions = keys(question)[1:]
    seen = f"\ncross join (select distinct {', '.join(dimensions)} from parts) as seen" if dimensions else ""  # noqa: S608 - own names
    empty = [f"null::{type_of(value.chosen.measure)}" for value in values]
    listed = ", ".join(["at", *dimensions, "0", *empty])
    return f"select * from parts\nunion all\nselect {listed}\nfrom ({_series(question)}) as series{seen}"  # noqa: S608 - names and literals are quoted


def _series(question: Question) -> str:
    first, last = question.edges[0], question.edges[-2]
    if question.granularity in {"bucket", "hour"}:
        width = timedelta(seconds=question.aggregate.bucket.width) if question.granularity == "bucket" else _HOUR
        return f"select generate_series({moment(first)}, {moment(last)}, {span(width)}) as at"
    days = (at.astimezone(question.zone).date() for at in (first, last))
    bounds = ", ".join(f"timestamp '{day} 00:00:00'" for day in days)
    zone, step = line_literal(question.zone_name), _STEPS[question.granularity]
    return f"select day at time zone {zone} as at from generate_series({bounds}, interval '{step}') as day"  # noqa: S608 - literals are quoted


def _answer(question: Question, columns: dict[str, str]) -> str:
    values = values_of(question)
    grouped = keys(question)
    picked = [f"(array_agg({one.name}) filter (where {one.name} is not null))[1] as {one.name}" for one in values]
    source = "filled" if question.fill and question.by_time else "parts"
    group = ", ".join(grouped) or "()"
    inner = f"select {', '.join([*grouped, *picked])}\nfrom {source}\ngroup by {group}"
    expressions = [*grouped, *_measures(question, values)]
    listed = ",\n    ".join(
        f"{expression} as {short}" for expression, short in zip(expressions, columns.values(), strict=True)
    )
    return f"select\n    {listed}\nfrom (\n{_indented(inner)}\n) as grouped"


def _measures(question: Question, values: list[Value]) -> list[str]:
    """Return the expressions of the measures, in the order of the answer's columns: the range, then the one before."""
    by_name = {measure.name: measure for measure in question.aggregate.measures}
    chosen = {entry.measure.name: entry for entry in question.chosen}
    names = [column.name for column in question.columns if column.role == "measure"]
    made = []
    for previous in (False, True) if question.compared is not None else (False,):
        found = {one.chosen.measure.name: one.name for one in values if one.previous is previous}
        made += [shown(chosen[measure], found, by_name, question.suppress_below) for measure in names]
    return made


def _sorted(question: Question, sort: Sort, columns: dict[str, str]) -> str:
    direction = " desc" if sort.descending else ""
    return f"{_collated(_column(question, sort), columns)}{direction} nulls last"


def _column(question: Question, sort: Sort) -> Column:
    return next(column for column in question.columns if column.name == sort.column)


def _collated(column: Column, columns: dict[str, str]) -> str:
    short = columns[column.name]
    return f'{short} collate "C"' if column.type == "string" else short


def _after(question: Question, columns: dict[str, str]) -> str:
    """Return the condition for the rows that come after the one with the given values."""
    alternatives, equal = [], ""
    for sort, given in zip(question.order, question.after or (), strict=True):
        column = _column(question, sort)
        short = _collated(column, columns)
        if given is None:
            equal += f"{short} is null and "
            continue
        value = f"{line_literal(given)}::{SQL_TYPES[column.type] if column.type != 'int' else 'numeric'}"
        sign = "<" if sort.descending else ">"
        alternatives.append(f"({equal}({short} {sign} {value} or {short} is null))")
        equal += f"{short} = {value} and "
    return " or ".join(alternatives) or "false"


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.split("\n"))
