"""The statement of a question about people: what a public view shows of some buckets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adi_analytics.query.model.text import moment, name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adi_analytics.query.model.column import Column
    from adi_analytics.query.resolve.people import PeopleQuestion

_MEAN: Final = {
    "period": "period",
    "cohorts": "count(*)",
    "members": "sum(members)::bigint",
    "returned": "sum(returned)::bigint",
    "rate": "sum(returned)::double precision / nullif(sum(members), 0)::double precision",
}
"""The view of means, of some cohorts only."""

_NO_MEMBERS: Final = frozenset({"cohorts", "step", "period"})
_TOGETHER: Final = ("new_members", "returning_members")
"""Each is what the members of the bucket are without the other."""


def people_statement(question: PeopleQuestion) -> str:
    """Return the statement that answers *question*. It runs in psql as it stands, whatever the session's settings."""
    bucket = name(question.aggregate.bucket.column)
    where = [f"{bucket} >= {moment(question.period.start)}", f"{bucket} < {moment(question.period.end)}"]
    where += question.filters.tests
    mean = question.show == "retention_mean"
    view = question.aggregate.view("retention")[0] if mean else question.view
    read = [f"{_MEAN[c.name]} as {c.name}" if mean else name(c.name) for c in question.columns]
    inner = f"select {', '.join(read)}\nfrom {name(view, question.facts.schema)}\nwhere {' and '.join(where)}"
    if mean:
        inner += " and complete\ngroup by period"
    listed = ", ".join(_shown(question, column) for column in question.columns)
    order = ", ".join(_sorted(column) for column in question.columns if column.role != "measure")
    limit = f"\nlimit {question.limit + 1}" if question.limit is not None else ""
    source = "\n".join(f"    {line}" for line in inner.split("\n"))
    return f"select {listed}\nfrom (\n{source}\n) as answer\norder by {order}{limit};"


def _sorted(column: Column) -> str:
    return (
        f'{name(column.name)} collate "C" nulls last' if column.type == "string" else f"{name(column.name)} nulls last"
    )


def _shown(question: PeopleQuestion, column: Column) -> str:
    """Return the expression of *column*: no value where it tells of few members."""
    few = [f"({one} > 0 and {one} < {question.suppress_below})" for one in _counts(question, column)]
    if question.suppress_below is None or not few:
        return name(column.name)
    return f"case when {' or '.join(few)} then null else {name(column.name)} end as {name(column.name)}"


def _counts(question: PeopleQuestion, column: Column) -> Iterator[str]:
    """Yield the counts of members that *column* is, or is made from."""
    numbers = [
        c.name for c in question.columns if c.role == "measure" and c.type == "int" and c.name not in _NO_MEMBERS
    ]
    if column.type == "float":
        yield from map(name, numbers)
    elif column.name in _TOGETHER and all(one in numbers for one in _TOGETHER):
        yield from map(name, _TOGETHER)
    elif column.name in numbers:
        yield name(column.name)
