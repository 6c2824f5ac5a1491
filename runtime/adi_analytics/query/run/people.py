"""A question about people that is ready to be asked, and its answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from adi_analytics.query.model.result import Resolved, Result, State, Warn
from adi_analytics.query.resolve.grid import grid_of
from adi_analytics.query.resolve.people import resolve_people
from adi_analytics.query.sql.people import people_statement

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from adi_analytics.query.model.describe import Aggregate
    from adi_analytics.query.model.facts import Facts
    from adi_analytics.query.resolve.people import PeopleArguments, PeopleQuestion

_OVER: Final = {"provisional": False, "complete": True}
"""The columns that say whether a row can still grow, and what they say when it can't."""


@dataclass(frozen=True, slots=True)
class PeopleAsked:
    """A question about people with its statement."""

    question: PeopleQuestion
    statement: str
    totals: None = None
    totals_statement: None = None

    def probes(self) -> list[str]:
        """Return nothing: there is one way to ask."""
        return []

    def within(self, _counts: Iterable[int]) -> PeopleAsked:
        """Return this."""
        return self

    def answer(self, rows: Sequence[tuple[Any, ...]]) -> Result:
        """Return the answer that *rows* make."""
        question, facts = self.question, self.question.facts
        more = question.limit is not None and len(rows) > question.limit
        kept = [_local(question, row) for row in (rows[: question.limit] if more else rows)]
        states: tuple[State, ...] = tuple(_state(question, row) for row in kept)
        cut = [Warn("cut", f"There are more rows than the limit of {question.limit}.")] if more else []
        return Result(
            columns=question.columns,
            rows=tuple(kept),
            states=states,
            totals={},
            state=_worst(states),
            query=_resolved(question),
            watermark=None if facts.watermark is None else facts.watermark.astimezone(question.zone),
            at=facts.now.astimezone(question.zone),
            next=None,
            warnings=(*question.warnings, *cut),
            statement=self.statement,
        )


def people_asked(aggregate: Aggregate, arguments: PeopleArguments, facts: Facts) -> PeopleAsked:
    """Return the statement that *arguments* ask for."""
    question = resolve_people(aggregate, arguments, facts)
    return PeopleAsked(question, people_statement(question))


def _local(question: PeopleQuestion, row: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(value.astimezone(question.zone) if isinstance(value, datetime) else value for value in row)


def _state(question: PeopleQuestion, row: Sequence[Any]) -> State:
    values = dict(zip((column.name for column in question.columns), row, strict=True))
    facts, start = question.facts, values.get(question.aggregate.bucket.column, question.period.start)
    if facts.incomplete_before is not None and start < facts.incomplete_before:
        return "incomplete"
    for name, over in _OVER.items():
        if name in values:
            return "final" if values[name] is over else "provisional"
    if question.show == "retention_mean":  # of complete cells only
        return "final"
    return "provisional" if grid_of(question.aggregate.bucket).next(start) > facts.now else "final"


def _worst(states: Sequence[State]) -> State:
    if "incomplete" in states:
        return "incomplete"
    return "provisional" if "provisional" in states else "final"


def _resolved(question: PeopleQuestion) -> Resolved:
    return Resolved(
        aggregate=question.aggregate.name,
        measures=tuple(column.name for column in question.columns if column.role == "measure"),
        dimensions=tuple(column.name for column in question.columns if column.role == "dimension"),
        filters=question.filters.given,
        start=question.period.start.astimezone(question.zone),
        end=question.period.end.astimezone(question.zone),
        granularity="bucket",
        time_zone=question.zone_name,
        compare=None,
        compared=None,
        order_by=tuple(column.name for column in question.columns if column.role != "measure"),
        limit=question.limit,
    )
