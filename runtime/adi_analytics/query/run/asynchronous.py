"""Ask in asyncio: the same as in :mod:`adi_analytics.query.run.sync`, statement by statement."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from adi_analytics._shared.clickhouse.errors import ClickhouseError
from adi_analytics._shared.conninfo import connection_options, resolve_conninfo
from adi_analytics._shared.libpq import require_libpq
from adi_analytics.query.model.describe import describe
from adi_analytics.query.run.asked import READ_ONLY, SNAPSHOT, checked_timeout, timeout_statement
from adi_analytics.query.run.clickhouse import SETTINGS, address_of, conversation
from adi_analytics.query.run.clickhouse import failure as clickhouse_failure
from adi_analytics.query.run.facts import facts_of, facts_statement, with_coarser
from adi_analytics.query.run.failures import failure
from adi_analytics.query.run.ready import answered, found_of, ready

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import psycopg

    from adi_analytics._shared.catalog import CatalogLike
    from adi_analytics._shared.clickhouse.address import ClickhouseAddress
    from adi_analytics.query.model.describe import Aggregate, Described
    from adi_analytics.query.model.result import Result
    from adi_analytics.query.run.clickhouse import Conversation
    from adi_analytics.query.run.ready import Given


async def ask(
    name: str,
    database: Any,
    catalog: CatalogLike | Described | None,
    limit: float,
    arguments: Given,
) -> Result:
    """Return the answer; see :func:`adi_analytics.query.query`."""
    seconds = checked_timeout(limit)
    described = describe(catalog)
    found = found_of(described, name, arguments)
    if (address := address_of(database)) is not None:
        return await _ask_clickhouse(database, address, conversation(described, found, arguments), found, seconds)
    require_libpq()
    import psycopg  # needs libpq, which the line above asks for in better words

    limited = timeout_statement(limit)
    try:
        async with _connection(database) as connection, _cursor(connection) as cursor:
            await cursor.execute(limited.encode(), prepare=False)
            await cursor.execute(facts_statement(found).encode(), prepare=False)
            facts = facts_of(found, described.catalog, await cursor.fetchone())
            if (coarser := described.coarser(found)) is not None:
                await cursor.execute(facts_statement(coarser).encode(), prepare=False)
                facts = with_coarser(facts, coarser, described.catalog, await cursor.fetchone())
            return await _answered(cursor, found, arguments, facts)
    except psycopg.Error as error:
        raise failure(error, found) from None


async def _ask_clickhouse(
    database: Any, address: ClickhouseAddress, talk: Conversation, found: Aggregate, seconds: float
) -> Result:
    from adi_analytics._shared.clickhouse.session import AsyncClickhouseSession  # needs httpx2

    session = (
        database if isinstance(database, AsyncClickhouseSession) else AsyncClickhouseSession(address, timeout=seconds)
    )
    try:
        statement = next(talk)
        while True:
            statement = talk.send(await session.rows(statement, SETTINGS))
    except StopIteration as ended:
        result: Result = ended.value
        return result
    except ClickhouseError as error:
        raise clickhouse_failure(error, found) from None
    finally:
        if session is not database:
            await session.close()


async def _answered(cursor: psycopg.AsyncCursor[Any], aggregate: Aggregate, arguments: Given, facts: Any) -> Result:
    asked = ready(aggregate, arguments, facts)
    counts = []
    for one in asked.probes():
        await cursor.execute(one.encode(), prepare=False)
        counts.append(await cursor.fetchone() or (0,))
    asked = asked.within(count for (count,) in counts)
    await cursor.execute(asked.statement.encode(), prepare=False)
    rows = await cursor.fetchall()
    totals = None
    if asked.totals_statement is not None:
        await cursor.execute(asked.totals_statement.encode(), prepare=False)
        totals = await cursor.fetchone()
    return answered(asked, rows, totals)


@asynccontextmanager
async def _connection(database: Any) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    import psycopg

    if isinstance(database, psycopg.AsyncConnection):
        yield database
    elif hasattr(database, "connection"):
        async with database.connection() as connection:
            yield connection
    else:
        options: dict[str, Any] = connection_options(10)
        async with await psycopg.AsyncConnection.connect(
            resolve_conninfo(database), autocommit=True, **options
        ) as connection:
            yield connection


@asynccontextmanager
async def _cursor(connection: psycopg.AsyncConnection[Any]) -> AsyncIterator[psycopg.AsyncCursor[Any]]:
    """Yield a cursor in a transaction that only reads; whatever is set in it ends with it."""
    from psycopg.pq import TransactionStatus
    from psycopg.rows import tuple_row

    idle = connection.info.transaction_status == TransactionStatus.IDLE
    async with connection.transaction(force_rollback=True), connection.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(SNAPSHOT if idle else READ_ONLY, prepare=False)
        yield cursor
