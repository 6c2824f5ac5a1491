"""The ways to ask about people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from adi_analytics.query.api import TIMEOUT, Between
from adi_analytics.query.resolve.people import PeopleArguments

if TYPE_CHECKING:
    from collections.abc import Mapping

    import psycopg

    from adi_analytics._shared.catalog import CatalogLike
    from adi_analytics.query.model.describe import Described
    from adi_analytics.query.model.result import Result

RetentionView: TypeAlias = Literal["cohorts", "mean", "lifecycle"]
FunnelView: TypeAlias = Literal["total", "steps"]


def members(  # noqa: PLR0913 - a question has as many sides
    entity: str = "$user_id",
    *,
    between: Between | None = None,
    time_zone: str | None = None,
    suppress_below: int | None = None,
    database: psycopg.Connection[Any] | Any | str | None = None,
    catalog: CatalogLike | Described | None = None,
    timeout: float = TIMEOUT,
) -> Result:
    """Answer how many members came by day, how many were new, and how many there are. See docs/reference/query.md.

    Args:
        entity: Its name in the catalog. Defaults to ``$user_id``.
        between: Start and end of the days: a date is a whole day, a datetime a moment; or a timedelta back from now.
            Defaults to the last 30 days, today included.
        time_zone: The zone of dates, and of the times in the answer. Defaults to that of the buckets.
        suppress_below: Counts of members from 1 up to this, exclusive, and what is made from them, become ``None``.
        database: A connection, a pool, or a connection string. Defaults to what ``DATABASE_URL`` says.
        catalog: The catalog, its package, or its name. Defaults to that of the project, or the one installed.
        timeout: Seconds for each statement.

    Raises:
        QueryError: If there is no answer: an argument is wrong, or the database fails.
        CatalogError: If the catalog can't be told, or can't be used.
    """
    from adi_analytics.query.run.sync import ask  # psycopg is imported when it is needed

    arguments = PeopleArguments(
        kind="members", show="by_day", between=between, time_zone=time_zone,
        suppress_below=suppress_below,
    )  # fmt: skip
    return ask(entity, database, catalog, timeout, arguments)


async def members_async(  # noqa: PLR0913 - a question has as many sides
    entity: str = "$user_id",
    *,
    between: Between | None = None,
    time_zone: str | None = None,
    suppress_below: int | None = None,
    database: psycopg.AsyncConnection[Any] | Any | str | None = None,
    catalog: CatalogLike | Described | None = None,
    timeout: float = TIMEOUT,  # noqa: ASYNC109 - the server's, for each statement
) -> Result:
    """Answer how many members came in asyncio: as :func:`members` does, with an async connection or pool."""
    from adi_analytics.query.run.asynchronous import ask  # psycopg is imported when it is needed

    arguments = PeopleArguments(
        kind="members", show="by_day", between=between, time_zone=time_zone,
        suppress_below=suppress_below,
    )  # fmt: skip
    return await ask(entity, database, catalog, timeout, arguments)


def retention(  # noqa: PLR0913 - a question has as many sides
    name: str,
    *,
    show: RetentionView = "cohorts",
    between: Between | None = None,
    time_zone: str | None = None,
    suppress_below: int | None = None,
    database: psycopg.Connection[Any] | Any | str | None = None,
    catalog: CatalogLike | Described | None = None,
    timeout: float = TIMEOUT,
) -> Result:
    """Answer who came back. See docs/reference/query.md.

    Args:
        name: Its name in the catalog.
        show: ``cohorts``: a row for each cohort and period; ``mean``: the weighted mean of the complete cells of these
            cohorts, by period; ``lifecycle``: new, returning, resurrected and dormant members by bucket.
        between: Start and end of the cohorts: a date is a whole day, a datetime a moment; or a timedelta back from now.
            Defaults to the last 30 days, today included.
        time_zone: The zone of dates, and of the times in the answer. Defaults to that of the buckets.
        suppress_below: Counts of members from 1 up to this, exclusive, and what is made from them, become ``None``.
        database: A connection, a pool, or a connection string. Defaults to what ``DATABASE_URL`` says.
        catalog: The catalog, its package, or its name. Defaults to that of the project, or the one installed.
        timeout: Seconds for each statement.

    Raises:
        QueryError: If there is no answer: an argument is wrong, or the database fails.
        CatalogError: If the catalog can't be told, or can't be used.
    """
    from adi_analytics.query.run.sync import ask  # psycopg is imported when it is needed

    arguments = PeopleArguments(
        kind="retention", show=show, between=between, time_zone=time_zone,
        suppress_below=suppress_below,
    )  # fmt: skip
    return ask(name, database, catalog, timeout, arguments)


async def retention_async(  # noqa: PLR0913 - a question has as many sides
    name: str,
    *,
    show: RetentionView = "cohorts",
    between: Between | None = None,
    time_zone: str | None = None,
    suppress_below: int | None = None,
    database: psycopg.AsyncConnection[Any] | Any | str | None = None,
    catalog: CatalogLike | Described | None = None,
    timeout: float = TIMEOUT,  # noqa: ASYNC109 - the server's, for each statement
) -> Result:
    """Answer who came back in asyncio: as :func:`retention` does, with an async connection or pool."""
    from adi_analytics.query.run.asynchronous import ask  # psycopg is imported when it is needed

    arguments = PeopleArguments(
        kind="retention", show=show, between=between, time_zone=time_zone,
        suppress_below=suppress_below,
    )  # fmt: skip
    return await ask(name, database, catalog, timeout, arguments)


def funnel(  # noqa: PLR0913 - a question has as many sides
    name: str,
    *,
    show: FunnelView = "total",
    between: Between | None = None,
    time_zone: str | None = None,
    filters: Mapping[str, Any] | None = None,
    personal: bool = False,
    limit: int | None = None,
    suppress_below: int | None = None,
    database: psycopg.Connection[Any] | Any | str | None = None,
    catalog: CatalogLike | Described | None = None,
    timeout: float = TIMEOUT,
) -> Result:
    """Answer how far members got. See docs/reference/query.md.

    Args:
        name: Its name in the catalog.
        show: ``total``: who entered and who converted; ``steps``: a row for each step.
        between: Start and end of the buckets in which an attempt begins: a date is a whole day, a datetime a moment; or
            a timedelta back from now. Defaults to the last 30 days, today included.
        time_zone: The zone of dates, and of the times in the answer. Defaults to that of the buckets.
        filters: The dimension to a value, a list of values, ``None``, or a mapping such as ``{"ne": "web"}``.
        personal: Whether values of personal and secret fields may be shown.
        limit: The most rows to return; a warning says when there are more. Defaults to all.
        suppress_below: Counts of members from 1 up to this, exclusive, and what is made from them, become ``None``.
        database: A connection, a pool, or a connection string. Defaults to what ``DATABASE_URL`` says.
        catalog: The catalog, its package, or its name. Defaults to that of the project, or the one installed.
        timeout: Seconds for each statement.

    Raises:
        QueryError: If there is no answer: an argument is wrong, or the database fails.
        CatalogError: If the catalog can't be told, or can't be used.
    """
    from adi_analytics.query.run.sync import ask  # psycopg is imported when it is needed

    arguments = PeopleArguments(
        kind="funnel", show=show, between=between, time_zone=time_zone, filters=filters, personal=personal, limit=limit,
        suppress_below=suppress_below,
    )  # fmt: skip
    return ask(name, database, catalog, timeout, arguments)


async def funnel_async(  # noqa: PLR0913 - a question has as many sides
    name: str,
    *,
    show: FunnelView = "total",
    between: Between | None = None,
    time_zone: str | None = None,
    filters: Mapping[str, Any] | None = None,
    personal: bool = False,
    limit: int | None = None,
    suppress_below: int | None = None,
    database: psycopg.AsyncConnection[Any] | Any | str | None = None,
    catalog: CatalogLike | Described | None = None,
    timeout: float = TIMEOUT,  # noqa: ASYNC109 - the server's, for each statement
) -> Result:
    """Answer how far members got in asyncio: as :func:`funnel` does, with an async connection or pool."""
    from adi_analytics.query.run.asynchronous import ask  # psycopg is imported when it is needed

    arguments = PeopleArguments(
        kind="funnel", show=show, between=between, time_zone=time_zone, filters=filters, personal=personal, limit=limit,
        suppress_below=suppress_below,
    )  # fmt: skip
    return await ask(name, database, catalog, timeout, arguments)
