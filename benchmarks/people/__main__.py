"""Measures members, retention and funnels, and writes docs/benchmarks-people.md.

Examples:
  nox -s bench                          everything (with the other benchmarks)
  python benchmarks/people --quick      few events, printed only: shows that it works
  python benchmarks/people --most 7     up to 10^7 events

It runs on an embedded PostgreSQL with one process a query, and counts processor time, so that a busy machine changes
little. The same questions are asked by hand over the raw rows, there and on DuckDB with one thread, and must have the
same answers.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import platform
import time
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
EVENTS_A_PERSON = 40

_INSERT = """
insert into analytics_events ("timestamp", event_type, service, user_id, data, event_id)
select date_trunc('day', now()) - random() * %(days)s * interval '24 hours',
       (array['task_created', 'task_started', 'task_completed', 'api_request'])[1 + (random() * 4)::int %% 4], 's',
       md5(((random() * random() * %(people)s)::int)::text)::uuid,
       jsonb_build_object('exit_code', (random() * 1.4)::int), gen_random_uuid()
from generate_series(1, %(count)s)
"""
_COPY = """
copy (select "timestamp" at time zone 'UTC' as "timestamp", event_type, user_id, event_id,
             (data ->> 'exit_code')::int as exit_code from analytics_events)
to stdout (format csv, header)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few events, and no page is written")
    parser.add_argument("--most", type=int, default=6, help="the largest number of events, as a power of ten")
    arguments = parser.parse_args()
    sizes = [2000] if arguments.quick else [10**power for power in range(4, arguments.most + 1)]
    page = _page({size: _measure(size) for size in sizes})
    print(page)
    if not arguments.quick:
        PAGE.write_text(page, encoding="utf-8")


def _measure(count: int) -> dict[str, dict[str, float]]:
    """Return task -> way -> seconds."""
    with embedded.start_server() as server, psycopg.connect(server.dsn, autocommit=True) as connection:
        options = migrate.Options(database_url=server.dsn)
        migrate.apply(options=options)
        connection.execute("set timezone = 'UTC'")
        connection.execute("set max_parallel_workers_per_gather = 0")
        connection.execute("set work_mem = '256MB'")
        connection.execute("select setseed(0.5)")
        connection.execute(_INSERT, {"count": count, "people": count // EVENTS_A_PERSON + 1, "days": DAYS})
        connection.execute("vacuum analyze analytics_events")
        found = {"refresh": _refreshes(connection, options)}
        connection.execute("vacuum analyze")
        with TemporaryDirectory() as folder:
            duck = _duckdb(connection, Path(folder) / "events.csv")
            for task, view in VIEWS.items():
                ways: dict[str, Any] = {
                    "view": (_on_postgres, connection, view),
                    "by hand": (_on_postgres, connection, by_hand("postgres")[task]),
                    "DuckDB": (_on_duckdb, duck, by_hand("duckdb")[task]),
                }
                found[task], answers = {}, {}
                for way, (ask, on, query) in ways.items():
                    found[task][way], answers[way] = min((ask(on, query) for _ in range(3)), key=lambda one: one[0])
                assert answers["view"] == answers["by hand"] == answers["DuckDB"], f"{task}: the answers differ"
        return found


def _refreshes(connection: psycopg.Connection[Any], options: migrate.Options) -> dict[str, float]:
    """Store everything, and return the processor time of the server by question."""
    started = time.monotonic()
    found = {}
    for rollup in ("analytics_members_daily_v1", "daily_retention_v1", "task_flow_v1"):
        found[rollup.removesuffix("_v1")], _ = _on_postgres(
            connection, f"call analytics_meta.compute('{rollup}', null, null, true, null)"
        )
    migrate.refresh(options=options)
    assert time.monotonic() > started
    return found


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
        f"Events of {DAYS} days, {EVENTS_A_PERSON} a person on average. Processor seconds, the best of three. All",
        "three ways must give the same answers. `python benchmarks/people` writes this page.",
        "",
        f"| question | way | {' | '.join(f'{size:,} events' for size in sizes)} | growth a tenfold |",
        f"|---|---|{'---:|' * (len(sizes) + 1)}",
    ]
    for task in found[sizes[0]]:
        for way in found[sizes[0]][task]:
            times = [found[size][task][way] for size in sizes]
            growth = f"{times[-1] / times[-2]:.1f}" if len(times) > 1 and times[-2] >= _TICKS else ""
            cells = " | ".join(f"{one:.3f}" for one in times)
            lines.append(f"| {task} | {way} | {cells} | {growth} |")
    lines += [
        "",
        "`view` reads what is stored, also when the raw events are gone; the others read raw events. `refresh`",
        "stores everything at once; in daily life only the refresh window is computed.",
        "",
        "A processor time below 0.02 s is as coarse as the system's clock ticks. Growth of ten is linear.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
