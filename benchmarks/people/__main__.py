"""Measures members, retention and funnels, and writes docs/benchmarks-people.md.

Examples:
  nox -s bench                          everything (with the other benchmarks)
  python benchmarks/people --quick      few events, printed only: shows that it works
  python benchmarks/people --sizes 10_000,100_000,1_000_000,10_000_000,50_000_000

It runs on an embedded PostgreSQL with one process a query, and counts processor time, so that a busy machine changes
little. The same questions are asked by hand over the raw rows, there and on DuckDB with one thread, and must have the
same answers.
"""

from __future__ import annotations

import argparse
import datetime as dt
import functools
import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import psutil
import psycopg
from adi_analytics import embedded, migrate
from queries import VIEWS, by_hand

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks-people.md"
DAYS = 60
_TICKS = 0.02  # seconds below which the system's clock is too coarse to compare
_LONG = 10.0  # seconds
EVENTS_A_PERSON = 40
_SETTINGS = {"max_wal_size": "8GB", "shared_buffers": "1GB", "synchronous_commit": "off", "autovacuum": "off"}

_EACH_DAY = """
insert into analytics_events ("timestamp", event_type, service, data, event_id)
select now() - g * interval '24 hours', 'project_created', 's', '{}', gen_random_uuid()
from generate_series(0, %(days)s) g
"""
"""A row a day makes the partitions of these days; they stay when the rows go."""

_DAY = """
insert into analytics_events ("timestamp", event_type, service, user_id, data, event_id)
select least(%(day)s + g * interval '24 hours' / %(count)s, now()),
       (array['task_created', 'task_started', 'task_completed', 'api_request'])[1 + (random() * 4)::int %% 4], 's',
       md5(((random() * random() * %(people)s)::int)::text)::uuid,
       jsonb_build_object('exit_code', (random() * 1.4)::int), gen_random_uuid()
from generate_series(1, %(count)s) g
"""
_COPY = """
copy (select "timestamp" at time zone 'UTC' as "timestamp", event_type, user_id, event_id,
             (data ->> 'exit_code')::int as exit_code from analytics_events)
to stdout (format csv, header)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few events, and no page is written")
    parser.add_argument("--sizes", default="10_000,100_000,1_000_000", help="numbers of events (default: %(default)s)")
    arguments = parser.parse_args()
    sizes = [2000] if arguments.quick else [int(size) for size in arguments.sizes.split(",")]
    found, page = {}, ""
    for size in sizes:
        found[size] = _measure(size)
        page = _page(found)
        if not arguments.quick:
            PAGE.write_text(page, encoding="utf-8")
    print(page)


def _measure(count: int) -> dict[str, dict[str, float]]:
    """Return task -> way -> seconds."""
    with (
        TemporaryDirectory() as place,
        embedded.start_server(settings=_SETTINGS) as server,
        psycopg.connect(server.dsn, autocommit=True) as connection,
    ):
        _say(f"{count:,} events")
        options = migrate.Options(database_url=server.dsn)
        migrate.apply(options=options)
        for setting in ("timezone = 'UTC'", "max_parallel_workers_per_gather = 0", "work_mem = '256MB'"):
            connection.execute(f"set {setting}".encode())
        _load(connection, count)
        found = {"refresh": _refreshes(connection, options)}
        connection.execute("vacuum analyze")
        duck = _duckdb(connection, Path(place) / "events.csv")
        for task, view in VIEWS.items():
            ways: dict[str, Any] = {
                "view": (_on_postgres, connection, view),
                "by hand": (_on_postgres, connection, by_hand("postgres")[task]),
                "DuckDB": (_on_duckdb, duck, by_hand("duckdb")[task]),
            }
            found[task], answers = {}, {}
            for way, (ask, on, query) in ways.items():
                found[task][way], answers[way] = _best(functools.partial(ask, on, query))
                _say(f"{task}, {way}: {found[task][way]:.3f} s")
            assert answers["view"] == answers["by hand"] == answers["DuckDB"], f"{task}: the answers differ"
        return found


def _load(connection: psycopg.Connection[Any], count: int) -> None:
    """Insert *count* events of DAYS days, in the order of time, as services send them."""
    today = dt.datetime.now(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    connection.execute(_EACH_DAY, {"days": DAYS})
    connection.execute("call analytics_meta.prepare_storage(null)")
    connection.execute("truncate analytics_events")
    connection.execute("select setseed(0.5)")
    for day in range(DAYS):
        given = {"day": today - dt.timedelta(days=DAYS - 1 - day), "count": max(1, count // DAYS)}
        connection.execute(_DAY, {**given, "people": count // EVENTS_A_PERSON + 1})
    connection.execute("vacuum analyze analytics_events")
    _say("loaded")


def _refreshes(connection: psycopg.Connection[Any], options: migrate.Options) -> dict[str, float]:
    """Store everything, and return the processor time of the server by question."""
    server = psutil.Process(connection.info.backend_pid).parent()
    found = {}
    for name in ("analytics_members_daily", "daily_retention", "task_flow"):
        before = _of_ended(server)
        migrate.refresh([name], options=options)
        found[name] = _of_ended(server) - before
        _say(f"refresh of {name}: {found[name]:.1f} s")
    return found


def _of_ended(server: psutil.Process) -> float:
    """Return the processor time of the connections that have ended: refresh opens and closes its own."""
    time.sleep(0.5)  # until the server has noticed that they ended
    times = server.cpu_times()
    return float(times.children_user + times.children_system)


def _best(ask: Callable[[], tuple[float, Any]]) -> tuple[float, Any]:
    """Return the best of three answers; what takes longer than ten seconds is asked once."""
    first = ask()
    return first if first[0] > _LONG else min((first, ask(), ask()), key=lambda one: one[0])


def _say(what: str) -> None:
    print(f"{dt.datetime.now(dt.UTC):%H:%M:%S} {what}", file=sys.stderr, flush=True)


def _on_postgres(connection: psycopg.Connection[Any], query: str) -> tuple[float, list[tuple[str, ...]]]:
    process = psutil.Process(connection.info.backend_pid)
    before = process.cpu_times()
    rows = connection.execute(query.encode()).fetchall()
    after = process.cpu_times()
    return max(0.0, after.user + after.system - before.user - before.system), _plain(rows)


def _duckdb(connection: psycopg.Connection[Any], file: Path) -> duckdb.DuckDBPyConnection:
    with file.open("wb") as out, connection.cursor().copy(_COPY) as copied:
        for block in copied:
            out.write(block)
    made = duckdb.connect()
    made.execute("set threads = 1")
    made.execute(f"create table analytics_events as select * from read_csv('{file}')")
    return made


def _on_duckdb(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[float, list[tuple[str, ...]]]:
    before = time.process_time()
    rows = connection.execute(query).fetchall()
    return time.process_time() - before, _plain(rows)


def _plain(rows: list[Any]) -> list[tuple[str, ...]]:
    return sorted(
        tuple(f"{c:%Y-%m-%d}" if isinstance(c, dt.datetime) else str(int(c or 0)) for c in row) for row in rows
    )


def _page(found: dict[int, dict[str, dict[str, float]]]) -> str:
    sizes = list(found)
    lines = [
        "# Benchmarks of members, retention and funnels",
        "",
        f"Measured on {dt.datetime.now(dt.UTC).date()}, {os.cpu_count()} processors, {platform.platform(terse=True)},",
        f"load {os.getloadavg()[2]:.0f}:",
        f"embedded PostgreSQL without parallel queries, DuckDB {duckdb.__version__} with one thread.",
        f"Events of {DAYS} days, {EVENTS_A_PERSON} a person on average. Processor seconds, the best of three, or one",
        f"if it takes over {_LONG:.0f} s. All three ways must give the same answers.",
        "`python benchmarks/people` writes this page.",
        "",
        f"| question | way | {' | '.join(f'{size:,} events' for size in sizes)} | time an event, last : before |",
        f"|---|---|{'---:|' * (len(sizes) + 1)}",
    ]
    for task in found[sizes[0]]:
        for way in found[sizes[0]][task]:
            times = [found[size][task][way] for size in sizes]
            compared = len(times) > 1 and times[-2] >= _TICKS
            growth = f"{times[-1] / times[-2] / (sizes[-1] / sizes[-2]):.2f}" if compared else ""
            cells = " | ".join(f"{one:.3f}" for one in times)
            lines.append(f"| {task} | {way} | {cells} | {growth} |")
    lines += [
        "",
        "`view` reads what is stored, also when the raw events are gone; the others read raw events. `refresh`",
        "stores everything at once; in daily life only the refresh window is computed.",
        "",
        "A processor time below 0.02 s is as coarse as the system's clock ticks. In the last column",
        "1 is linear growth.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
