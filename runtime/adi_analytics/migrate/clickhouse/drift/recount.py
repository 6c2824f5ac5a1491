"""Computes stored buckets again and compares: what ``drift --recount`` does on ClickHouse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adi_analytics._shared.clickhouse.text import literal, quoted
from adi_analytics._shared.moments import micros_of, moment_of
from adi_analytics._shared.sql import shorten
from adi_analytics.migrate.clickhouse.files.objects import BUCKETS
from adi_analytics.migrate.clickhouse.upkeep import rollups
from adi_analytics.migrate.clickhouse.upkeep.rollups import HOUR, TOUCHED, at
from adi_analytics.migrate.drift.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from adi_analytics.migrate.clickhouse.server.session import Server
    from adi_analytics.migrate.clickhouse.upkeep.rollups import Rollup
    from adi_analytics.migrate.options import Progress

_RANGE: Final = 31 * 24 * HOUR


def compare(
    server: Server, progress: Progress, since: datetime | None, until: datetime | None
) -> tuple[int, list[Finding]]:
    """Return how many stored rows were compared, and what differs."""
    counted, found = 0, []
    for rollup in rollups.read(server):
        progress.step(f"recount {rollup.aggregate}")
        for start, end in _ranges(server, rollup, since, until):
            for relation in rollup.relations:
                rows, differing, first = _compared(server, rollup, relation, start, end)
                counted += rows
                if differing:
                    found.append(_finding(rollup, relation, differing, first))
    return counted, found


def _ranges(
    server: Server, rollup: Rollup, since: datetime | None, until: datetime | None
) -> Iterator[tuple[int, int]]:
    stored, first = rollups.stored(server, rollup.rollup).until, rollups.oldest(server, rollup)
    if stored is None or first is None:
        return
    start = max(first, rollups.start_of(server, rollup, micros_of(since)) if since else first)
    end = min(stored, rollups.start_of(server, rollup, micros_of(until)) if until else stored)
    while start < end:
        stop = min(end, max(rollups.end_of(server, rollup, start + _RANGE), start + 1))
        yield start, stop
        start = stop


def _compared(server: Server, rollup: Rollup, relation: str, start: int, end: int) -> tuple[int, int, int]:
    """Return how many rows are stored, how many differ from those computed now, and the first bucket of these."""
    bucket, named = quoted(rollup.bucket), literal(rollup.rollup)
    rows = quoted(shorten(f"{relation}_rows"))
    texts = f"'{_text(start)}', to_time = '{_text(end)}'"
    computed = f"select * from {rows}(from_time = {texts})"
    kept = (
        f"select * except (_version) from {quoted(relation)} where {bucket} >= {at(start)} and {bucket} < {at(end)}"
        f" and ({bucket}, _version) in"
        f" (select bucket, max(version) from {BUCKETS} where rollup = {named} group by bucket)"
    )
    # Counted, since a row may stand there twice; a bucket that events came to since is not stored yet.
    ((stored, differing, first),) = server.session.rows(
        f"select sum(a), countIf(a != b), toUnixTimestamp64Micro(minIf(_bucket, a != b)) from ("
        f"select any({bucket}) as _bucket, countIf(_side = 1) as a, countIf(_side = 2) as b from ("
        f"select *, 1 as _side from ({kept}) union all select *, 2 as _side from ({computed})"
        f") group by {', '.join(_columns(server, relation))}) where not ({_touched(server, rollup)})"
    )
    return stored, differing, first


def _columns(server: Server, relation: str) -> list[str]:
    names = server.session.rows(
        "select name from system.columns where database = currentDatabase() and table = {relation:String}"
        " order by position",
        relation=relation,
    )
    return [quoted(name) for (name,) in names if name != "_version"]


def _touched(server: Server, rollup: Rollup) -> str:
    """Return a test for buckets with an hour that events came to since the last refresh began."""
    begun = rollups.stored(server, rollup.rollup).at
    start = "toUnixTimestamp64Micro(_bucket)"
    came = f"select groupArray(toUnixTimestamp64Micro(hour)) from {TOUCHED} where at >= {at(begun)}"
    return f"arrayExists(_hour -> _hour < {start} + {rollup.longest} and _hour + {HOUR} > {start}, ({came}))"


def _finding(rollup: Rollup, relation: str, differing: int, first: int) -> Finding:
    since = f"--since {moment_of(first):%Y-%m-%dT%H:%M:%SZ}"
    return Finding(
        "error",
        f"stored rows of {relation}",
        "equal to those that its events make",
        f"{differing} rows differ, the first of them in the bucket of {moment_of(first)}",
        advice=f"Run `analytics-migrate refresh {rollup.aggregate} --rebuild {since}`.",
    )


def _text(moment_: int) -> str:
    return f"{moment_of(moment_):%Y-%m-%d %H:%M:%S.%f}"
