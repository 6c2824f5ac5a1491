"""The statement of a question about people: what a public view shows of some buckets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adi_analytics.query.sql.dialects import dialect_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adi_analytics.query.model.column import Column
    from adi_analytics.query.resolve.people import PeopleQuestion
    from adi_analytics.query.sql.dialect import Dialect

_NO_MEMBERS: Final = frozenset({"cohorts", "step", "period"})
_TOGETHER: Final = ("new_members", "returning_members")
"""Each is what the members of the bucket are without the other."""


def people_statement(question: PeopleQuestion) -> str:
    """Return the statement that answers *question*. It runs in psql as it stands, whatever the session's settings."""
    dialect = dialect_of(question.facts)
    bucket = dialect.column(question.aggregate.bucket.column)
    period = question.period
    where = [f"{bucket} >= {dialect.moment(period.start)}", f"{bucket} < {dialect.moment(period.end)}"]
    where += map(dialect.test, question.filters.tests)
    mean = question.show == "retention_mean"
    view = question.aggregate.view("retention")[0] if mean else question.view
    read = _mean(dialect) if mean else {c.name: dialect.column(c.name) for c in question.columns}
    listed = ", ".join(f"{read[c.name]} as {dialect.name(c.name)}" for c in question.columns)
    inner = f"select {listed}\nfrom {dialect.relation(view, question.facts.schema)}\nwhere {' and '.join(where)}"
    if mean:
        inner += f" and {dialect.column('complete')}{dialect.group([dialect.column('period')])}"
    shown = ", ".join(
        f"{_shown(question, column, dialect)} as {dialect.name(column.name)}" for column in question.columns
    )
    order = ", ".join(
        f"{dialect.sorted(_of_answer(column.name, dialect), column.type)} nulls last"
        for column in question.columns
        if column.role != "measure"
    )
    limit = f"\nlimit {question.limit + 1}" if question.limit is not None else ""
    source = "\n".join(f"    {line}" for line in inner.split("\n"))
    ending = dialect.ending(sharing=False)
    return f"select {shown}\nfrom (\n{source}\n) as answer\norder by {order}{limit}{ending}"


def _mean(dialect: Dialect) -> dict[str, str]:
    """Return the columns of the view of means, of some cohorts only."""
    period, members, returned = map(dialect.column, ("period", "members", "returned"))
    return {
        "period": period,
        "cohorts": "count(*)",
        "members": dialect.counted(members),
        "returned": dialect.counted(returned),
        "rate": dialect.share(returned, members),
    }


def _of_answer(name: str, dialect: Dialect) -> str:
    return f"answer.{dialect.name(name)}"


def _shown(question: PeopleQuestion, column: Column, dialect: Dialect) -> str:
    """Return the expression of *column*: no value where it tells of few members."""
    value = _of_answer(column.name, dialect)
    counts = (_of_answer(name, dialect) for name in _counts(question, column))
    few = [f"({one} > 0 and {one} < {question.suppress_below})" for one in counts]
    if question.suppress_below is None or not few:
        return value
    return f"case when {' or '.join(few)} then null else {value} end"


def _counts(question: PeopleQuestion, column: Column) -> Iterator[str]:
    """Yield the names of the counts of members that *column* is, or is made from."""
    numbers = [
        c.name for c in question.columns if c.role == "measure" and c.type == "int" and c.name not in _NO_MEMBERS
    ]
    if column.type == "float":
        yield from numbers
    elif column.name in _TOGETHER and all(one in numbers for one in _TOGETHER):
        yield from _TOGETHER
    elif column.name in numbers:
        yield column.name
