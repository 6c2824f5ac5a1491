"""A ClickHouse that answers, over a few connections. It has no snapshots: each statement sees a moment of its own."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from adi_analytics._audit.clickhouse import audit_clickhouse
from adi_analytics._audit.findings import NotInstalledError, check_catalog
from adi_analytics._shared.clickhouse.errors import ClickhouseError
from adi_analytics._shared.clickhouse.session import AsyncClickhouseSession, ClickhouseSession
from adi_analytics._shared.clickhouse.text import literal, quoted
from adi_analytics.query.run.clickhouse import SETTINGS, refused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from adi_analytics._audit.findings import Audit
    from adi_analytics._shared.catalog import Catalog
    from adi_analytics._shared.clickhouse.address import ClickhouseAddress

_ABOUT: Final = "(select any(catalog) from analytics_meta_installation)"
_NUMBERS: Final = f"""
with toDateTime64(toStartOfDay(now('UTC')), 6, 'UTC') as today
select
    {_ABOUT}, u.people, u.of_day, u.of_week, u.of_month, t.made, t.made_today,
    if(t.done + t.failed = 0, null, t.done / (t.done + t.failed)), c.registered, c.of_day, i.connected
from (
    select count() as people, countIf(last >= today) as of_day,
        countIf(last >= today - toIntervalHour(144)) as of_week,
        countIf(last >= today - toIntervalHour(696)) as of_month
    from {{members}}
) as u cross join (
    select sum(_t.created) as made, sumIf(_t.created, _t.{{tasks_bucket}} = today) as made_today,
        sum(_t.completed) as done, sum(_t.failed) as failed
    from {{tasks}} as _t
) as t cross join (
    select sum(_c.registrations) as registered, sumIf(_c.unique_cocoons, _c.{{cocoons_bucket}} = today) as of_day
    from {{cocoons}} as _c
) as c cross join (select sum(_i.connections) as connected from {{integrations}} as _i) as i
"""  # noqa: S608 - names are quoted
"""The same as on PostgreSQL, in one statement."""

_AGES: Final = f"""
select a.aggregate, (toUnixTimestamp64Micro(now64(6)) - max(toUnixTimestamp64Micro(b.until))) / 1000000
from analytics_meta_aggregates as a join analytics_meta_buckets as b on b.rollup = a.rollup
where {_ABOUT} = {{catalog}} group by a.aggregate
"""  # noqa: S608 - the name is a literal


class ClickhouseSource:
    """Reads a ClickHouse, as `Source` says.

    Args:
        address: The server, and the database.
        connect_timeout: Seconds for a connection.
        connections: Most connections at a time.
        timeout: Seconds for each statement.
    """

    def __init__(self, address: ClickhouseAddress, connect_timeout: float, *, connections: int, timeout: float) -> None:
        self._address = address
        self._connect_timeout = connect_timeout
        self._timeout = timeout
        self._session = AsyncClickhouseSession(
            address, connect_timeout=connect_timeout, timeout=timeout, connections=connections
        )

    @property
    def database(self) -> AsyncClickhouseSession:
        """The session."""
        return self._session

    async def open(self) -> None:
        """Do nothing: a connection is made when it is needed."""

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def numbers(self, catalog: str, names: Mapping[str, str]) -> Sequence[Any]:
        """Return the numbers of ``/overview``."""
        statement = _NUMBERS.format(**{key: quoted(name) for key, name in names.items()})
        with _telling():
            ((found, *numbers),) = await self._session.rows(statement, SETTINGS)
        if not found:
            raise NotInstalledError
        check_catalog(found, catalog)
        return numbers

    async def ages(self, catalog: str) -> dict[str, float]:
        """Return the seconds since each watermark."""
        with _telling():
            rows = await self._session.rows(_AGES.format(catalog=literal(catalog)), SETTINGS)
        return {aggregate: float(age) for aggregate, age in rows}

    async def observed(self, catalog: Catalog, *, days: int, sample: int) -> Audit:
        """Return what is observed of the events."""

        def look() -> Audit:
            with ClickhouseSession(
                self._address, connect_timeout=self._connect_timeout, timeout=self._timeout
            ) as session:
                return audit_clickhouse(session, catalog, days=days, sample=sample)

        with _telling():
            return await asyncio.to_thread(look)


@contextmanager
def _telling() -> Iterator[None]:
    try:
        yield
    except ClickhouseError as error:
        raise refused(error) from None
