"""The aggregates and questions of a database: what a refresh needs to know of each, and how far each is stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from adi_analytics._shared.clickhouse.text import literal, quoted
from adi_analytics._shared.clickhouse.versions import TICKS
from adi_analytics.migrate.clickhouse.files.objects import AGGREGATES, BUCKETS
from adi_analytics.migrate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adi_analytics.migrate.clickhouse.server.session import Server

EXPIRED: Final = "analytics_meta_expired"
TOUCHED: Final = "analytics_meta_touched"
FIRST: Final = "toDateTime64('1900-01-01 00:00:00', 6, 'UTC')"
"""The bucket whose row says up to when everything is stored."""
HOUR: Final = 3_600_000_000  # microseconds, as all times here
_EPOCH: Final = "toDateTime64('1970-01-01 00:00:00', 6, 'UTC')"
_READ: Final = ("aggregate", "rollup", "bucket", "relations", "start", "longest", "every", "lag")


@dataclass(frozen=True, slots=True)
class Rollup:
    """A row of `analytics_meta_aggregates`.

    Attributes:
        aggregate: The public name.
        rollup: The main stored table.
        bucket: The column with the start of the bucket.
        relations: The stored tables, the main one first.
        start: An expression for the start of the bucket that the moment ``_at`` is in.
        longest: The most microseconds that a bucket lasts.
        every: Microseconds from one refresh to the next.
        lag: Microseconds from the end of a bucket until it is stored.
    """

    aggregate: str
    rollup: str
    bucket: str
    relations: tuple[str, ...]
    start: str
    longest: int
    every: int
    lag: int


@dataclass(frozen=True, slots=True)
class Stored:
    """How far a rollup is stored, in microseconds since 1970.

    Attributes:
        until: Up to when, or ``None`` if nothing is.
        last: The version of the last refresh that was complete, which says when it began.
        version: The largest version of a bucket.
    """

    until: int | None
    last: int
    version: int

    @property
    def at(self) -> int:
        """When the last complete refresh began."""
        return self.last // TICKS


def read(server: Server, source: str | None = None) -> list[Rollup]:
    """Return the rollups of the database, or those that the SELECT *source* gives."""
    rows = server.session.rows(f"select {', '.join(_READ)} from ({source or f'select * from {AGGREGATES}'})")
    return [Rollup(name, rollup, bucket, tuple(tables), *rest) for name, rollup, bucket, tables, *rest in rows]


def chosen(server: Server, names: Sequence[str]) -> list[Rollup]:
    """Return the rollups with these public names; all of them for none.

    Raises:
        UsageError: If one is unknown.
    """
    found = read(server)
    known = {one.aggregate: one for one in found}
    for name in names:
        if name not in known:
            remedy = f"Expected one of {', '.join(sorted(known))}."
            raise UsageError(f"no aggregate {name!r}", remedy, setting="aggregate", value=name)
    return [known[name] for name in dict.fromkeys(names)] or found


def stored(server: Server, rollup: str) -> Stored:
    """Return how far *rollup* is stored."""
    ((count, until, last, version),) = server.session.rows(
        f"select count(), toUnixTimestamp64Micro(max(until)), max(if(bucket = {FIRST}, version, 0)), max(version)"
        f" from {BUCKETS} where rollup = {literal(rollup)}"
    )
    return Stored(until if count else None, last, version)


def start_of(server: Server, rollup: Rollup, moment: int) -> int:
    """Return the start of the bucket that *moment* is in."""
    found: int = server.session.value(
        f"select toUnixTimestamp64Micro({rollup.start}) from (select {at(moment)} as _at)"
    )
    return found


def end_of(server: Server, rollup: Rollup, moment: int) -> int:
    """Return the first start of a bucket that is not before *moment*."""
    start = start_of(server, rollup, moment)
    return start if start == moment else start_of(server, rollup, start + rollup.longest)


def buckets_of(server: Server, rollup: Rollup, hours: str) -> list[tuple[int, int, int]]:
    """Return the buckets that hours are in: the start of the first, the end of the last, and how many hours share them.

    Args:
        server: Where.
        rollup: Whose buckets.
        hours: A SELECT of their starts, as ``hour``.
    """
    first = f"select {_micros(rollup.start)} as _first, _at as _hour from (select hour as _at from ({hours}))"
    last = f"select _first, {_micros('_hour')} + {HOUR - 1} as _last from ({first})"
    held = f"select _first, {_micros(rollup.start)} as _held from (select _first, {_at('_last')} as _at from ({last}))"
    after = f"select _first, {_at(f'_held + {rollup.longest}')} as _at from ({held})"
    rows = server.session.rows(
        f"select _first, _end, count() from (select _first, {_micros(rollup.start)} as _end from ({after}))"
        " group by _first, _end order by _first, _end"
    )
    return [(start, end, count) for start, end, count in rows]


def _micros(time: str) -> str:
    return f"toUnixTimestamp64Micro({time})"


def _at(micros: str) -> str:
    return f"fromUnixTimestamp64Micro(toInt64({micros}), 'UTC')"


def at(moment: int) -> str:
    """Return *moment* as an expression."""
    return _at(str(moment))


def now(server: Server) -> int:
    """Return the server's time."""
    found: int = server.session.value("select toUnixTimestamp64Micro(now64(6, 'UTC'))")
    return found


def expired(server: Server) -> int:
    """Return before which moment events were dropped; 0 if none were."""
    found: int = server.session.value(f"select toUnixTimestamp64Micro(max(before)) from {EXPIRED}")
    return max(0, found)


def late_for(server: Server, since: int) -> int:
    """Return how many hours events came to since that moment, whose other events were dropped before."""
    found: int = server.session.value(
        f"select uniqExact(hour) from {TOUCHED} where hour < {at(expired(server))} and at >= {at(since)}"
        f" and at > (select max(at) from {EXPIRED})"
    )
    return found


def lowest(server: Server, rollup: Rollup) -> int:
    """Return the start of the first bucket that may be computed.

    Events before 1970 are in no bucket, though the one that 1970 begins in may begin before; and buckets that lost
    events to the retention are not computed again.
    """
    since = expired(server)
    return end_of(server, rollup, since) if since else start_of(server, rollup, 0)


def oldest(server: Server, rollup: Rollup) -> int | None:
    """Return the start of the first bucket that can be computed; ``None`` if there are no events."""
    ((count, first),) = server.session.rows(
        f"select count(), toUnixTimestamp64Micro(min(timestamp)) from {quoted(server.table)}"
        f" where timestamp >= {_EPOCH} and timestamp >= {at(expired(server))}"
    )
    return max(start_of(server, rollup, first), lowest(server, rollup)) if count else None
