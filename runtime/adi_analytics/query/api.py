"""The two ways to ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from adi_analytics.query.resolve.question import Arguments

if TYPE_CHECKING:
    import psycopg

    from adi_analytics._shared.catalog import CatalogLike
    from adi_analytics.query.model.describe import Described
    from adi_analytics.query.model.result import Result

Granularity: TypeAlias = Literal["bucket", "hour", "day", "week", "month", "total"]
Comparison: TypeAlias = Literal["previous_period", "previous_year"]
Distinct: TypeAlias = Literal["auto", "exact", "approximate"]
Moment: TypeAlias = datetime | date | str
Between: TypeAlias = tuple[Moment, Moment] | timedelta
TIMEOUT = 30.0


def query(  # noqa: PLR0913 - a question has as many sides
    aggregate: str,
    *,
    measures: Sequence[str] | None = None,
    dimensions: Sequence[str] = (),
    filters: Mapping[str, Any] | None = None,
    between: Between | None = None,
    granularity: Granularity = "bucket",
    time_zone: str | None = None,
    compare: Comparison | None = None,
    order_by: str | Sequence[str] = (),
    limit: int | None = None,
    after: str | None = None,
    fill: bool = True,
    totals: bool = True,
    personal: bool = False,
    suppress_below: int | None = None,
    distinct: Distinct = "auto",
    database: psycopg.Connection[Any] | Any | str | None = None,
    catalog: CatalogLike | Described | None = None,
    timeout: float = TIMEOUT,
) -> Result:
    """Answer a question about an aggregate. docs/reference/query.md describes arguments and answer.

    Args:
        aggregate: Its name in the catalog.
        measures: Defaults to every measure that has a right value; a warning names the others.
        dimensions: What to group by. Defaults to nothing: the rows of all values are put together.
        filters: Dimension to a value, a list of values, ``None``, or a mapping such as ``{"gte": 400}``.
        between: Start and end: a date is a whole day, a datetime a moment; or a timedelta back from now. Defaults to
            the last 30 days, today included.
        granularity: The length of a bucket. Defaults to ``bucket``, the aggregate's own.
        time_zone: Where days, weeks and months begin. Defaults to that of the aggregate's buckets, which
            is UTC unless events.yaml says another.
        compare: Adds to each measure that of the period before.
        order_by: Columns, with a ``-`` before those from large to small. Defaults to time and dimensions.
        limit: The most rows to return. Defaults to all.
        after: The ``next`` of the answer before, for the rows that follow.
        fill: Whether buckets without events get a row.
        totals: Whether each measure is also answered over the whole range.
        personal: Whether values of personal and secret fields may be shown.
        suppress_below: Distinct counts from 1 up to this, exclusive, become ``None``.
        distinct: Where distinct counts over several buckets come from, if there is a choice: ``exact``, from the stored
            members; ``approximate``, from the sketch; ``auto``, from the members unless these are very many.
        database: A connection, a pool, or a connection string. Defaults to what ``DATABASE_URL`` says.
        catalog: The catalog, its package, or its name. Defaults to that of the project, or the one installed.
        timeout: Seconds for each statement.

    Raises:
        QueryError: If there is no answer: an argument is wrong, a measure has no right value, the database fails.
        CatalogError: If the catalog can't be told, or can't be used.
    """
    from adi_analytics.query.run.sync import ask  # psycopg is imported when it is needed

    arguments = Arguments(
        measures=measures, dimensions=dimensions, filters=filters, between=between, granularity=granularity,
        time_zone=time_zone, compare=compare, order_by=order_by, limit=limit, after=after, fill=fill, totals=totals,
        personal=personal, suppress_below=suppress_below, distinct=distinct,
    )  # fmt: skip
    return ask(aggregate, database, catalog, timeout, arguments)


async def query_async(  # noqa: PLR0913 - as above
    aggregate: str,
    *,
    measures: Sequence[str] | None = None,
    dimensions: Sequence[str] = (),
    filters: Mapping[str, Any] | None = None,
    between: Between | None = None,
    granularity: Granularity = "bucket",
    time_zone: str | None = None,
    compare: Comparison | None = None,
    order_by: str | Sequence[str] = (),
    limit: int | None = None,
    after: str | None = None,
    fill: bool = True,
    totals: bool = True,
    personal: bool = False,
    suppress_below: int | None = None,
    distinct: Distinct = "auto",
    database: psycopg.AsyncConnection[Any] | Any | str | None = None,
    catalog: CatalogLike | Described | None = None,
    timeout: float = TIMEOUT,  # noqa: ASYNC109 - the server's, for each statement
) -> Result:
    """Answer a question about an aggregate in asyncio: as :func:`query` does, with an async connection or pool."""
    from adi_analytics.query.run.asynchronous import ask

    arguments = Arguments(
        measures=measures, dimensions=dimensions, filters=filters, between=between, granularity=granularity,
        time_zone=time_zone, compare=compare, order_by=order_by, limit=limit, after=after, fill=fill, totals=totals,
        personal=personal, suppress_below=suppress_below, distinct=distinct,
    )  # fmt: skip
    return await ask(aggregate, database, catalog, timeout, arguments)
