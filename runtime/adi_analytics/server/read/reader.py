"""Questions to the database: a pool of connections that only read, and every failure as a problem document."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg_pool import AsyncConnectionPool

from adi_analytics._engine.drivers.asyncio_session import PatientAsyncConnection
from adi_analytics._engine.drivers.connection import patience
from adi_analytics.query import (
    MeasureRefusedError,
    QueryArgumentError,
    QueryDatabaseError,
    Result,
    funnel_async,
    members_async,
    query_async,
    retention_async,
)
from adi_analytics.query.resolve.measures import ASK_PERSONAL
from adi_analytics.query.run.asked import SNAPSHOT, timeout_statement
from adi_analytics.server.problems import ProblemError

if TYPE_CHECKING:
    from adi_analytics.query.model.describe import Described

logger = logging.getLogger("adi_analytics.server")

MOST_ROWS: Final = 100_000
"""Most rows of one answer: more of them come in pages."""

NEVER: Final = "No answer of this service shows them."
_RETRY: Final = {"Retry-After": "5"}
_AWAY: Final = frozenset({"08", "57"})
_CANCELLED: Final = "57014"
_WAIT: Final = 5.0  # seconds for a free connection
_GIVE_UP: Final = 1.0  # seconds of trying to connect; the next request tries again, and a pause grows no longer


class Reader:
    """Asks the aggregates of a catalog.

    Args:
        described: What can be asked.
        connect_with: Returns the arguments of psycopg's ``connect``, for each connection.
        connections: Most connections at a time.
        timeout: Seconds for each statement.
        suppress_below: Distinct counts from 1 up to this, exclusive, are not shown.
        most_rows: Most rows of an answer without a limit. Defaults to `MOST_ROWS`.
    """

    def __init__(  # noqa: PLR0913 - each is an option of the service
        self,
        described: Described,
        connect_with: Callable[[], dict[str, Any]],
        *,
        connections: int,
        timeout: float,
        suppress_below: int | None,
        most_rows: int | None = None,
    ) -> None:
        self.described = described
        self._most_rows = most_rows
        self.suppress_below = suppress_below
        self.timeout = timeout
        self._connect_with = connect_with
        self._connections = connections

    async def open(self) -> None:
        """Make connections possible; each is made when it is needed."""
        self._pool: AsyncConnectionPool[PatientAsyncConnection] = AsyncConnectionPool(
            connection_class=PatientAsyncConnection,
            configure=self._configure,
            kwargs=self._connect_with,
            min_size=0,
            max_size=self._connections,
            open=False,
            check=_check,
            timeout=_WAIT,
            reconnect_timeout=_GIVE_UP,
            name="adi-analytics-reader",
        )
        await self._pool.open()

    async def _configure(self, connection: PatientAsyncConnection) -> None:
        connection.patience = patience(self.timeout)  # a server that is frozen keeps no timeout of its own

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.close()

    async def ask(self, aggregate: str, **arguments: Any) -> Result:
        """Return the answer to a question of the query layer.

        Raises:
            ProblemError: If there is none.
        """
        most = self._most_rows or MOST_ROWS
        given = {"limit": most, "database": self._pool, **arguments}
        asked = query_async(
            aggregate, catalog=self.described, timeout=self.timeout, suppress_below=self.suppress_below, **given
        )
        result = await _answered(asked)
        if result.next is not None and "limit" not in arguments:
            raise _too_many(most)
        return result

    async def ask_people(self, kind: str, name: str, **arguments: Any) -> Result:
        """Return the answer to a question about people: *kind* is ``members``, ``retention`` or ``funnel``.

        Raises:
            ProblemError: If there is none.
        """
        asked = _PEOPLE[kind](
            name, database=self._pool, catalog=self.described, timeout=self.timeout,
            suppress_below=self.suppress_below, **arguments,
        )  # fmt: skip
        result = await _answered(asked)
        most = MOST_ROWS if "limit" in arguments else self._most_rows or MOST_ROWS
        if len(result) > most:
            raise _too_many(most)
        return result

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        """Yield a connection in a transaction that only reads, at one moment; give it to `ask` as ``database``.

        Raises:
            ProblemError: If the database can't answer.
        """
        try:
            async with self._pool.connection() as connection, connection.transaction(force_rollback=True):
                await connection.execute(SNAPSHOT)
                await connection.execute(timeout_statement(self.timeout).encode())
                yield connection
        except psycopg.Error as error:
            raise database_problem(explained(error)) from None


_PEOPLE: Final[Mapping[str, Callable[..., Awaitable[Result]]]] = {
    "members": members_async,
    "retention": retention_async,
    "funnel": funnel_async,
}


async def _check(connection: psycopg.AsyncConnection[Any]) -> None:
    async with asyncio.timeout(_WAIT):
        await AsyncConnectionPool.check_connection(connection)


async def _answered(asked: Awaitable[Result]) -> Result:
    try:
        return await asked
    except QueryArgumentError as error:
        raise _wrong(error) from None
    except MeasureRefusedError as error:
        detail = f"{error.measure} has no right value for this question: {error.problem}. {error.remedy}"
        raise ProblemError(
            422, "measure-refused", detail, parameter="measures", measure=error.measure, expected=error.remedy
        ) from None
    except QueryDatabaseError as error:
        raise database_problem(error) from None


def _too_many(most: int) -> ProblemError:
    detail = f"The answer has more than {most} rows. Ask a shorter range, or pages where there is a limit."
    return ProblemError(422, "too-many-rows", detail, parameter="limit", example="1000")


def explained(error: psycopg.Error) -> QueryDatabaseError:
    """Return *error* without the server's words, which may hold values."""
    state = error.sqlstate
    if state is None or state[:2] in _AWAY:
        return QueryDatabaseError(state, "the database can't be reached, or stopped the statement", "Ask again.")
    return QueryDatabaseError(state, "the database can't answer", "Run `analytics-migrate all` and `doctor`.")


def _wrong(error: QueryArgumentError) -> ProblemError:
    expected = error.remedy.replace(ASK_PERSONAL, NEVER)
    detail = f"{error.parameter}: {error.problem}. {expected}"
    return ProblemError(400, "wrong-parameter", detail, parameter=error.parameter, expected=expected)


def database_problem(error: QueryDatabaseError) -> ProblemError:
    """Return the problem of a database that can't answer."""
    if error.sqlstate == _CANCELLED:
        return ProblemError(503, "too-slow", f"{_sentence(error.problem)} Ask a shorter range, or fewer dimensions.")
    if error.sqlstate is None or error.sqlstate[:2] in _AWAY:
        return ProblemError(503, "database-unavailable", _sentence(error.problem), headers=_RETRY)
    logger.error("the database can't answer: %s", error)
    return ProblemError(503, "database-not-ready", f"{error}", headers=_RETRY)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
