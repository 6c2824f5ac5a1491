"""A PostgreSQL that answers: a pool of connections that only read."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg_pool import AsyncConnectionPool

from adi_analytics._audit.audit import audit
from adi_analytics._audit.findings import NotInstalledError, check_catalog
from adi_analytics._engine.drivers.asyncio_session import PatientAsyncConnection
from adi_analytics._engine.drivers.connection import patience
from adi_analytics._engine.drivers.thread_session import PatientConnection
from adi_analytics._shared.sql import quote
from adi_analytics.query import QueryDatabaseError
from adi_analytics.query.run.asked import SNAPSHOT, timeout_statement

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from adi_analytics._audit.findings import Audit
    from adi_analytics._shared.catalog import Catalog

_AWAY: Final = frozenset({"08", "57"})
_WAIT: Final = 5.0  # seconds for a free connection
_GIVE_UP: Final = 1.0  # seconds of trying to connect; the next request tries again, and a pause grows no longer
_INSTALLED: Final = "select events_schema, catalog from analytics_meta.installation"
_NUMBERS: Final = """
with today as (select date_trunc('day', now(), 'UTC') as at)
select
    u.total_users, u.active_users_today, u.active_users_week, u.active_users_month,
    coalesce(t.total, 0)::bigint as total_tasks, coalesce(t.today, 0)::bigint as tasks_today,
    (t.done / nullif(t.done + t.failed, 0))::float8 as task_success_rate,
    coalesce(c.total, 0)::bigint as total_cocoons, coalesce(c.today, 0)::bigint as active_cocoons,
    coalesce(i.total, 0)::bigint as total_integrations
from (
    select count(*) as total_users, count(*) filter (where last >= at) as active_users_today,
        count(*) filter (where last >= at - interval '144 hours') as active_users_week,
        count(*) filter (where last >= at - interval '696 hours') as active_users_month
    from {schema}.{members}, today
) u, (
    select sum(created) as total, sum(created) filter (where {tasks_bucket} = at) as today,
        sum(completed) as done, sum(failed) as failed
    from {schema}.{tasks}, today
) t, (
    select sum(registrations) as total, sum(unique_cocoons) filter (where {cocoons_bucket} = at) as today
    from {schema}.{cocoons}, today
) c, (select sum(connections) as total from {schema}.{integrations}) i
"""
"""A week is today and the six days before, a month today and 29. The public views read events above watermarks only."""

_AGES: Final = b"""
select u.aggregate, extract(epoch from now() - u.stored_until)::float8
from (
    select a.aggregate, nullif(analytics_meta.stored_until(a.rollup), '-infinity') as stored_until
    from analytics_meta.aggregates a, analytics_meta.installation i
    where a.active and (i.catalog is null or i.catalog = %s)
) u
where u.stored_until is not null
"""


class PostgresSource:
    """Reads a PostgreSQL, as `Source` says.

    Args:
        connect_with: Returns the arguments of psycopg's ``connect``, for each connection.
        connections: Most connections at a time.
        timeout: Seconds for each statement.
    """

    def __init__(self, connect_with: Callable[[], dict[str, Any]], *, connections: int, timeout: float) -> None:
        self._connect_with = connect_with
        self._connections = connections
        self._timeout = timeout

    @property
    def database(self) -> AsyncConnectionPool[PatientAsyncConnection]:
        """The pool."""
        return self._pool

    async def open(self) -> None:
        """Make connections possible."""
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
        connection.patience = patience(self._timeout)  # a server that is frozen keeps no timeout of its own

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.close()

    async def numbers(self, catalog: str, names: Mapping[str, str]) -> Sequence[Any]:
        """Return the numbers of ``/overview``."""
        async with self._snapshot() as connection:
            found = await (await connection.execute(_INSTALLED)).fetchone()
            if found is None:
                raise NotInstalledError
            check_catalog(found[1], catalog)
            cursor = await connection.execute(numbers_statement(found[0], names).encode(), prepare=False)
            return await cursor.fetchone() or ()

    async def ages(self, catalog: str) -> dict[str, float]:
        """Return the seconds since each watermark."""
        async with self._snapshot() as connection:
            return dict(await (await connection.execute(_AGES, (catalog,))).fetchall())

    async def observed(self, catalog: Catalog, *, days: int, sample: int) -> Audit:
        """Return what is observed of the events."""

        def look() -> Audit:
            with PatientConnection.connect(**self._connect_with()) as connection:
                connection.patience = patience(self._timeout)
                return audit(connection, catalog, days=days, sample=sample, timeout=self._timeout)

        try:
            return await asyncio.to_thread(look)
        except psycopg.Error as error:
            raise _explained(error) from None

    @asynccontextmanager
    async def _snapshot(self) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        """Yield a connection in a transaction that only reads, at one moment."""
        try:
            async with self._pool.connection() as connection, connection.transaction(force_rollback=True):
                await connection.execute(SNAPSHOT)
                await connection.execute(timeout_statement(self._timeout).encode())
                yield connection
        except psycopg.Error as error:
            raise _explained(error) from None


def numbers_statement(schema: str, names: Mapping[str, str]) -> str:
    """Return the query for the numbers of ``/overview`` from the relations *names* of *schema*."""
    return _NUMBERS.format(schema=quote(schema), **{key: quote(name) for key, name in names.items()})


async def _check(connection: psycopg.AsyncConnection[Any]) -> None:
    async with asyncio.timeout(_WAIT):
        await AsyncConnectionPool.check_connection(connection)


def _explained(error: psycopg.Error) -> QueryDatabaseError:
    """Return *error* without the server's words, which may hold values."""
    state = error.sqlstate
    if state is None or state[:2] in _AWAY:
        return QueryDatabaseError(state, "the database can't be reached, or stopped the statement", "Ask again.")
    return QueryDatabaseError(state, "the database can't answer", "Run `analytics-migrate all` and `doctor`.")
