"""How long answers take over HTTP, and the same statements through psycopg over as many connections."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import psycopg
from adi_analytics.query import describe, query
from adi_analytics.server.read import original, overview
from adi_analytics.server.read.sources.postgres import numbers_statement
from process import READ_CONNECTIONS, Connection, Server, request
from psycopg_pool import AsyncConnectionPool

CATALOG = "adi_analytics_events"
_MERGED = (
    "/aggregates/analytics_api_latency_hourly?measures=request_count,p95_duration_ms&dimensions=service"
    "&granularity=day&between=7d"
)
_COUNTS = "/aggregates/analytics_task_stats_daily?between=30d"


@dataclass(frozen=True)
class Question:
    """A path, and the statements that answer it.

    Attributes:
        name: What it is called in the table.
        path: Its path and query.
        statements: What the database is asked for it, apart from where its rows are.
    """

    name: str
    path: str
    statements: tuple[bytes, ...]


@dataclass(frozen=True)
class Times:
    """Milliseconds, answers a second, and how many questions were refused since the database had no time."""

    p50: float
    p99: float
    rate: float
    refused: int = 0


def questions(dsn: str) -> list[Question]:
    """Return what is measured."""
    described = describe(CATALOG)
    since = (dt.datetime.now(dt.UTC) - dt.timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    view = overview.members_view(described)
    assert view is not None
    numbers = numbers_statement("public", overview.relations(described, view))
    found = [Question("/overview", "/overview", (numbers.encode(),))]
    for path, given in (("/users/daily", {}), ("/api/latency", {"start_date": since})):
        (table,) = (one for one in original.TABLES if one.path == path)
        asked = original.arguments_of(table, described, between=original.range_of(given))
        result = query(table.aggregate, **asked, database=dsn, catalog=CATALOG)
        text = "&".join(f"{name}={value}" for name, value in given.items())
        found.append(Question(path, f"{path}?{text}" if text else path, (result.sql().encode(),)))
    for name, path in (("an aggregate: counts by day", _COUNTS), ("an aggregate: merged percentiles", _MERGED)):
        asked = dict(part.split("=") for part in path.partition("?")[2].split("&"))
        for listed in ("measures", "dimensions"):
            if listed in asked:
                asked[listed] = asked[listed].split(",")
        asked["between"] = dt.timedelta(days=int(asked["between"][:-1]))
        result = query(path.partition("?")[0].rpartition("/")[2], **asked, database=dsn, catalog=CATALOG)
        found.append(Question(name, path, (result.sql().encode(), result.sql(totals=True).encode())))
    return found


def over_http(server: Server, question: Question, clients: int, seconds: float) -> Times:
    """Ask by *clients* connections, each as soon as it has its answer."""
    asked = request("GET", question.path)

    def client() -> Callable[[], Awaitable[bool]]:
        connection = Connection(server)

        async def ask() -> bool:
            status, body = await connection.ask(asked)
            assert status in {200, 503}, (question.path, status, body[:500])
            return status == 200

        return ask

    async def run() -> Times:
        return await _measured([client() for _ in range(max(clients, READ_CONNECTIONS))], clients, seconds)

    return asyncio.run(run())


def over_psycopg(dsn: str, question: Question, clients: int, seconds: float) -> Times:
    """Run the statements by *clients* tasks over as many connections as the service has."""

    async def run() -> Times:
        pool: AsyncConnectionPool = AsyncConnectionPool(
            dsn, min_size=READ_CONNECTIONS, max_size=READ_CONNECTIONS, open=False, timeout=120,
            kwargs={"autocommit": True, "prepare_threshold": None},
        )  # fmt: skip
        async with pool:
            await pool.wait()

            async def ask() -> bool:
                async with pool.connection() as connection:
                    for statement in question.statements:
                        await (await connection.execute(statement)).fetchall()
                return True

            return await _measured([ask] * max(clients, READ_CONNECTIONS), clients, seconds)

    return asyncio.run(run())


async def _measured(asking: list[Callable[[], Awaitable[bool]]], clients: int, seconds: float) -> Times:
    """Ask by *clients* of *asking* for *seconds*, after two answers of all that do not count.

    A connection that is new reads the descriptions of all partitions at its first question.
    """
    for _ in range(2):
        await asyncio.gather(*(ask() for ask in asking))
    taken: list[float] = []
    refused = 0
    began = time.perf_counter()
    end = began + seconds

    async def repeat(ask: Callable[[], Awaitable[bool]]) -> None:
        nonlocal refused
        while (start := time.perf_counter()) < end:
            answered = await ask()
            taken.append(time.perf_counter() - start)
            refused += not answered

    await asyncio.gather(*(repeat(ask) for ask in asking[:clients]))
    taken.sort()
    rate = len(taken) / (time.perf_counter() - began)
    last = min(len(taken) - 1, len(taken) * 99 // 100)
    return Times(taken[len(taken) // 2] * 1000, taken[last] * 1000, rate, refused)


def ready(dsn: str) -> None:
    """Let the server read what it needs into memory once."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("select count(*) from analytics_events where \"timestamp\" > now() - interval '2 days'")
