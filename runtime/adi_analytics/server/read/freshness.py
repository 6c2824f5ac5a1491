"""How far behind the stored aggregates are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from adi_analytics.server.read.reader import Reader

_AGES: Final = b"""
select u.aggregate, extract(epoch from now() - u.stored_until)::float8
from (
    select a.aggregate, nullif(analytics_meta.stored_until(a.rollup), '-infinity') as stored_until
    from analytics_meta.aggregates a, analytics_meta.installation i
    where a.active and (i.catalog is null or i.catalog = %s)
) u
where u.stored_until is not null
"""


async def ages(reader: Reader) -> dict[str, float]:
    """Return the seconds since the watermark of each aggregate that has one.

    Raises:
        ProblemError: If the database can't answer.
    """
    async with reader.snapshot() as connection:
        found = await (await connection.execute(_AGES, (reader.described.catalog,))).fetchall()
    return dict(found)
