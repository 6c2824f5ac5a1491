"""A question that is ready to be asked: its statements, which both ways of asking run alike."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from adi_analytics._shared.pins import transaction_pins
from adi_analytics.query.model.errors import QueryArgumentError
from adi_analytics.query.resolve.resolve import resolve, totals_of
from adi_analytics.query.sql.parts import member_rows
from adi_analytics.query.sql.statement import statement

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adi_analytics.query.model.describe import Aggregate
    from adi_analytics.query.model.facts import Facts
    from adi_analytics.query.model.result import Warn
    from adi_analytics.query.resolve.question import Arguments, Question

SNAPSHOT: Final = "set transaction isolation level repeatable read, read only"
"""In a transaction of our own: rows and totals are of one moment."""

READ_ONLY: Final = "set transaction read only"
"""In a transaction of the caller's, which may have begun: until our part of it is rolled back."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with its statements."""

    question: Question
    totals: Question | None
    warnings: tuple[Warn, ...]
    statement: str
    totals_statement: str | None
    arguments: Arguments

    def probes(self) -> list[str]:
        """Return the statements that count the rows that exact counts read, up to a limit, where a sketch could do.

        The planner knows no number: where stored rows end is nothing that its statistics tell.
        """
        if self.question.distinct != "auto":
            return []
        questions = (self.question, self.totals) if self.totals is not None else (self.question,)
        found = dict.fromkeys(rows for question in questions for rows in member_rows(question))
        return [f"select count(*) from (\n{rows}\nlimit {MOST_MEMBERS + 1}\n) as members" for rows in found]  # noqa: S608 - names and literals are quoted

    def within(self, counts: Iterable[int]) -> Asked:
        """Return this, or the same from sketches when the probes' *counts* are more than is quick."""
        if sum(counts) <= MOST_MEMBERS:
            return self
        return asked_of(self.question.aggregate, replace(self.arguments, distinct="approximate"), self.question.facts)


MOST_MEMBERS: Final = 200_000
"""Rows of members that are read for an exact count where a sketch could do: that takes less than 0.1 s."""


def asked_of(aggregate: Aggregate, arguments: Arguments, facts: Facts) -> Asked:
    """Return the statements that *arguments* ask for."""
    question = resolve(aggregate, arguments, facts)
    if not arguments.totals:
        return Asked(question, None, (), statement(question), None, arguments)
    totals, warnings = totals_of(question)
    text = statement(totals) if totals.columns else None
    return Asked(question, totals, tuple(warnings), statement(question), text, arguments)


def timeout_statement(seconds: float) -> str:
    """Return the statement that limits each statement of the transaction and pins what its answers depend on.

    Nothing of it stays after the transaction.

    Raises:
        QueryArgumentError: If *seconds* is no such span.
    """
    return transaction_pins(max(0.001, checked_timeout(seconds)))


def checked_timeout(seconds: float) -> float:
    """Return *seconds* if a statement can be limited to them.

    Raises:
        QueryArgumentError: If not.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < 1e6:  # noqa: PLR2004 - eleven days; the server's own limit is 24
        raise QueryArgumentError("timeout", f"{seconds!r} is none", "Expected seconds, above 0.")
    return seconds
