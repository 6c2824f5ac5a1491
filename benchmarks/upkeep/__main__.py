"""Measures how long late events and a refresh take, and writes docs/benchmarks-upkeep.md.

Examples:
  nox -s bench                       everything (with the other benchmarks)
  python benchmarks/upkeep --quick   few marks, printed only: shows that it works

It runs on an embedded PostgreSQL, and on TimescaleDB if ADI_ANALYTICS_BENCH_TIMESCALE_DSN names a server where it may
make a database.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import platform
import random
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import psycopg
from adi_analytics import embedded, migrate

sys.path.insert(0, str(Path(__file__).parents[1]))
from databases import empty_database, timescale_server, version

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks-upkeep.md"
DAYS = 85  # as far back as the events and the late ones go; retention is 90 days
EVENTS = 66_000
TARGETS = {"1000 scattered marked hours": 20, "a refresh of what two weeks of events changed": 5}

_INSERT = """
insert into analytics_events ("timestamp", event_type, service, user_id, data, event_id)
select %(now)s - g * %(span)s::interval / %(count)s,
       (array['task_created', 'task_completed', 'api_request', 'auth_login_attempt'])[1 + g %% 4], 's',
       md5((g %% 97)::text)::uuid,
       jsonb_build_object('duration_ms', g %% 977, 'endpoint', '/x' || g %% 9, 'method', 'GET', 'status_code', 200),
       md5(%(name)s || g)::uuid
from generate_series(1, %(count)s) g
"""
_MARK = """
with late as (
    insert into analytics_events ("timestamp", event_type, service, data, event_id)
    values (%(at)s, 'api_request', 's', '{"endpoint": "/x", "method": "GET", "status_code": 200}', gen_random_uuid())
)
insert into analytics_meta.late_buckets (bucket) values (date_trunc('hour', %(at)s::timestamptz)) on conflict do nothing
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few marks, and no page is written")
    quick = parser.parse_args().quick
    with ExitStack() as stack:
        servers = {"PostgreSQL": stack.enter_context(embedded.start_server()).dsn}
        if given := timescale_server():
            servers["TimescaleDB"] = empty_database(given, stack, extension=True)
        found = {name: _measure(dsn, 20 if quick else 1000) for name, dsn in servers.items()}
        page = _page(found, {name: version(dsn) for name, dsn in servers.items()})
    print(page)
    if not quick:
        PAGE.write_text(page, encoding="utf-8")


def _measure(dsn: str, many: int) -> dict[str, float]:
    """Return task to seconds."""
    options = migrate.Options(database_url=dsn)
    migrate.apply(options=options)
    now = dt.datetime.now(dt.UTC)
    _insert(dsn, now, "old", DAYS)
    migrate.maintain(options)
    found = {"everything afresh": _timed(lambda: migrate.refresh(rebuild=True, options=options))}
    found["a refresh of what is up to date"] = _timed(lambda: migrate.refresh(options=options))
    draw = random.Random(1)
    for count in (many * 6 // 100, many):
        _mark(dsn, [now - dt.timedelta(hours=hour, minutes=20) for hour in draw.sample(range(80, DAYS * 24), count)])
        found[f"{count} scattered marked hours"] = _timed(lambda: migrate.maintain(options))
    _insert(dsn, now, "new", 14)
    found["a refresh of what two weeks of events changed"] = _timed(lambda: migrate.refresh(options=options))
    return found


def _insert(dsn: str, now: dt.datetime, name: str, days: int) -> None:
    with psycopg.connect(dsn) as connection:
        values = {"now": now, "name": name, "count": EVENTS, "span": dt.timedelta(days=days)}
        connection.execute(_INSERT, values)


def _mark(dsn: str, times: list[dt.datetime]) -> None:
    with psycopg.connect(dsn) as connection, connection.cursor() as cursor:
        cursor.executemany(_MARK, [{"at": at} for at in times])


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _page(found: dict[str, dict[str, float]], versions: dict[str, str]) -> str:
    head = ["task", *found, "target"]
    lines = [
        "# Benchmarks of the upkeep",
        "",
        f"Measured on {dt.datetime.now(dt.UTC).date()}, {os.cpu_count()} processors, {platform.platform(terse=True)}: "
        + "; ".join(versions.values())
        + ".",
        f"{EVENTS} events of {DAYS} days, seven aggregates. Seconds. `python benchmarks/upkeep` writes this page.",
        "",
        f"| {' | '.join(head)} |",
        f"|{'|'.join(['---', *['---:'] * (len(head) - 1)])}|",
    ]
    for task in next(iter(found.values())):
        target = f"under {TARGETS[task]}" if task in TARGETS else ""
        lines.append(f"| {task} | {' | '.join(f'{times[task]:.2f}' for times in found.values())} | {target} |")
    return "\n".join([*lines, ""])


main()
