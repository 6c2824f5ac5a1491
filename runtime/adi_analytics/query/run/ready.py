"""What both ways of asking do with questions of both kinds: about aggregates, and about people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from adi_analytics.query.resolve.people import PeopleArguments
from adi_analytics.query.resolve.question import Arguments
from adi_analytics.query.run.answer import answer
from adi_analytics.query.run.asked import Asked, asked_of
from adi_analytics.query.run.people import PeopleAsked, people_asked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adi_analytics.query.model.describe import Aggregate, Described
    from adi_analytics.query.model.facts import Facts
    from adi_analytics.query.model.result import Result

Given: TypeAlias = Arguments | PeopleArguments


def found_of(described: Described, name: str, arguments: Given) -> Aggregate:
    """Return what is asked about.

    Raises:
        QueryArgumentError: If there is none of that name.
    """
    if isinstance(arguments, PeopleArguments):
        return described.question(arguments.kind, name)
    return described.aggregate(name)


def ready(aggregate: Aggregate, arguments: Given, facts: Facts) -> Asked | PeopleAsked:
    """Return the statements that *arguments* ask for."""
    if isinstance(arguments, PeopleArguments):
        return people_asked(aggregate, arguments, facts)
    return asked_of(aggregate, arguments, facts)


def answered(asked: Asked | PeopleAsked, rows: Sequence[tuple[Any, ...]], totals: Sequence[Any] | None) -> Result:
    """Return the answer that *rows* and the row of *totals* make."""
    return asked.answer(rows) if isinstance(asked, PeopleAsked) else answer(asked, rows, totals)
