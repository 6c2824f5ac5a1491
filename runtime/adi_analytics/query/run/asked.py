"""A question that is ready to be asked: its statements, which both ways of asking run alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from adi_analytics.query.model.errors import QueryArgumentError
from adi_analytics.query.resolve.resolve import resolve, totals_of
from adi_analytics.query.sql.statement import statement

if TYPE_CHECKING:
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


def asked_of(aggregate: Aggregate, arguments: Arguments, facts: Facts) -> Asked:
    """Return the statements that *arguments* ask for."""
    question = resolve(aggregate, arguments, facts)
    if not arguments.totals:
        return Asked(question, None, (), statement(question), None)
    totals, warnings = totals_of(question)
    text = statement(totals) if totals.columns else None
    return Asked(question, totals, tuple(warnings), statement(question), text)


def timeout_statement(seconds: float) -> str:
    """Return the statement that limits each statement of the transaction, and nothing after it.

    Raises:
        QueryArgumentError: If *seconds* is no such span.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < 1e6:  # noqa: PLR2004 - eleven days; the server's own limit is 24
        raise QueryArgumentError("timeout", f"{seconds!r} is none", "Expected seconds, above 0.")
    return f"set local statement_timeout = {max(1, round(seconds * 1000))}"
