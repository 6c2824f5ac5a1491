"""The statement of an answer: the parts put together, empty buckets filled, sorted and cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adi_analytics.query.sql.dialects import dialect_of
from adi_analytics.query.sql.parts import keys, parts, values_of
from adi_analytics.query.sql.values import shown

if TYPE_CHECKING:
    from adi_analytics.query.model.column import Column
    from adi_analytics.query.resolve.question import Question, Sort
    from adi_analytics.query.sql.dialect import Dialect
    from adi_analytics.query.sql.parts import Value


def statement(question: Question) -> str:
    """Return the statement that answers *question*. It runs in psql as it stands, whatever the session's settings."""
    dialect = dialect_of(question.facts)
    columns = {column.name: f"answer.c{number}" for number, column in enumerate(question.columns, 1)}
    listed = ", ".join(f"{short} as {dialect.name(column)}" for column, short in columns.items())
    where = f"\nwhere {_after(question, columns)}" if question.after is not None else ""
    order = f"\norder by {', '.join(_sorted(question, sort, columns, dialect) for sort in question.order)}"
    limit = f"\nlimit {question.limit + 1}" if question.limit is not None else ""
    return (
        f"with {_parts(question, dialect)},\nanswer as (\n{_indented(_answer(question, dialect))}\n)\n"
        f"select {listed}\nfrom answer{where}{order if question.order else ''}{limit}"
        f"{dialect.ending(sharing=_shares(question))}"
    )


def _fills(question: Question) -> bool:
    return question.fill and question.by_time


def _shares(question: Question) -> bool:
    """Whether the parts are read twice: for their rows, and for the combinations of dimension values."""
    return _fills(question) and bool(question.dimensions)


def _parts(question: Question, dialect: Dialect) -> str:
    values = values_of(question)
    together = "\nunion all\n".join(parts(question, values))
    name = dialect.shared("parts") if _shares(question) else "parts as"
    made = f"{name} (\n{_indented(together)}\n)"
    if not _fills(question):
        return made
    return f"{made},\nfilled as (\n{_indented(_filled(question, values, dialect))}\n)"


def _filled(question: Question, values: list[Value], dialect: Dialect) -> str:
    """Return the parts, with a row for each bucket of each combination of dimension values that there is."""
    dimensions = keys(question)[1:]
    seen = f"\ncross join (select distinct {', '.join(dimensions)} from parts) as seen" if dimensions else ""  # noqa: S608 - own names
    empty = [dialect.null(value.chosen.measure) for value in values]
    listed = ", ".join(["at", *dimensions, "0", *empty])
    return f"select * from parts\nunion all\nselect {listed}\nfrom ({dialect.series(question)}) as series{seen}"  # noqa: S608 - names and literals are quoted


def _answer(question: Question, dialect: Dialect) -> str:
    values = values_of(question)
    grouped = keys(question)
    picked = [f"{dialect.known(one.name)} as {one.name}" for one in values]
    source = "filled" if _fills(question) else "parts"
    inner = f"select {', '.join([*grouped, *picked])}\nfrom {source}{dialect.group(grouped)}"
    expressions = [*grouped, *_measures(question, values, dialect)]
    listed = ",\n    ".join(f"{expression} as c{number}" for number, expression in enumerate(expressions, 1))
    return f"select\n    {listed}\nfrom (\n{_indented(inner)}\n) as grouped"


def _measures(question: Question, values: list[Value], dialect: Dialect) -> list[str]:
    """Return the expressions of the measures, in the order of the answer's columns: the range, then the one before."""
    by_name = {measure.name: measure for measure in question.aggregate.measures}
    chosen = {entry.measure.name: entry for entry in question.chosen}
    names = [column.name for column in question.columns if column.role == "measure"]
    made = []
    for previous in (False, True) if question.compared is not None else (False,):
        found = {one.chosen.measure.name: one.name for one in values if one.previous is previous}
        made += [
            shown(chosen[measure], found, by_name, question.suppress_below, dialect, question.facts.types)
            for measure in names
        ]
    return made


def _sorted(question: Question, sort: Sort, columns: dict[str, str], dialect: Dialect) -> str:
    direction = " desc" if sort.descending else ""
    column = _column(question, sort)
    return f"{dialect.sorted(columns[column.name], column.type)}{direction} nulls last"


def _column(question: Question, sort: Sort) -> Column:
    return next(column for column in question.columns if column.name == sort.column)


def _after(question: Question, columns: dict[str, str]) -> str:
    """Return the condition for the rows that come after the one with the given values."""
    dialect = dialect_of(question.facts)
    alternatives, equal = [], ""
    for sort, given in zip(question.order, question.after or (), strict=True):
        column = _column(question, sort)
        short = dialect.sorted(columns[column.name], column.type)
        if given is None:
            equal += f"{short} is null and "
            continue
        value = dialect.place(given, column.type, columns[column.name])
        sign = "<" if sort.descending else ">"
        alternatives.append(f"({equal}({short} {sign} {value} or {short} is null))")
        equal += f"{short} = {value} and "
    return " or ".join(alternatives) or "false"


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.split("\n"))
