"""Errors of the database as ours. A server's message may hold values, so none is repeated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adi_analytics.query.model.errors import QueryDatabaseError

if TYPE_CHECKING:
    import psycopg

    from adi_analytics.query.model.describe import Aggregate

GRANT: Final = "Let `analytics-migrate all --grant-reader ROLE` give it the rights of a reader."
_MIGRATE: Final = "Run `analytics-migrate all` with the catalog's migrations, or use the catalog of the database."
_REASONS: Final = {
    "57014": ("the answer took longer than the timeout", "Ask a shorter range, or give a longer timeout."),
    "42501": ("the role may not read what the answer needs", GRANT),
    "22023": ("the server does not know the time zone, or another value", "Ask with time_zone='UTC'."),
    "55P03": ("a lock was not free in time", "Ask again."),
    "40001": ("the server stopped the transaction in favour of another", "Ask again."),
    "57P01": ("the server is shutting down", "Ask again when it is back."),
}
_MISSING: Final = frozenset({"42P01", "42703", "3F000", "42883"})


def failure(error: psycopg.Error, aggregate: Aggregate) -> QueryDatabaseError:
    """Return *error* as one that says what to do."""
    state = error.sqlstate
    if state in _MISSING:
        return missing(state, aggregate)
    if state is None or state.startswith("08"):
        return QueryDatabaseError(state, "the database can't be reached", "Look at the connection, and ask again.")
    problem, remedy = _REASONS.get(state, ("the database can't answer", "Look the code up in its documentation."))
    return QueryDatabaseError(state, problem, remedy)


def missing(state: str, aggregate: Aggregate) -> QueryDatabaseError:
    """Return what it means that there is no such relation or column."""
    problem = f"the database does not have version {aggregate.version} of {aggregate.name} as this catalog knows it"
    return QueryDatabaseError(state, problem, _MIGRATE)
