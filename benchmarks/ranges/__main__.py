"""Measures percentiles, distinct counts and trailing counts over long ranges, and writes docs/benchmarks-ranges.md.

Examples:
  nox -s bench                          everything (with the other benchmarks)
  python benchmarks/ranges --quick      few events, printed only: shows that it works
  python benchmarks/ranges --most 7     up to 10^7 events

The catalog is our own, whose latencies keep their percentiles by day, too. It runs on an embedded PostgreSQL with one
process a query, and counts processor time, so that a busy machine changes little. DuckDB has one thread.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import duckdb
import msgspec
import psutil
import psycopg
import yaml
from adi_analytics import embedded, migrate
from adi_analytics.query import query
from adi_analytics.query.model.describe import Described
from adi_analytics_codegen.backends.sql.manifest.document import manifest, to_json
from adi_analytics_codegen.check.catalog import load_catalog

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "benchmarks-ranges.md"
DAYS = 30
LATENCY, USERS = "analytics_api_latency_hourly", "analytics_daily_active_users"
EVENTS_A_PERSON = 10

_INSERT = """
insert into analytics_events ("timestamp", event_type, service, user_id, data, event_id)
select date_trunc('day', now(), 'UTC') - random() * %(days)s * interval '24 hours' + %(later)s * interval '1 second',
       'api_request',
       'service ' || (random() * 3)::int, md5(((random() * %(people)s)::int)::text)::uuid,
       jsonb_build_object('endpoint', '/' || (random() * 14)::int, 'method', (array['GET', 'POST', 'PUT', 'DELETE',
           'PATCH', 'HEAD'])[1 + (random() * 5)::int], 'status_code', 200,
           'duration_ms', exp(3 + 1.2 * sqrt(-2 * ln(1 - random())) * cos(6.2831853 * random()))::int),
       gen_random_uuid()
from generate_series(1, %(count)s)
"""
_COPY = """
copy (select "timestamp" at time zone 'UTC' as "timestamp", service, user_id, (data ->> 'duration_ms')::int as ms
      from analytics_events) to stdout (format csv, header)
"""
_TRAILING_BY_HAND = """
with seen as (select distinct timestamp::date as day, user_id from analytics_events),
     counted as (
         select last.day, count(distinct user_id) filter (where seen.day > last.day - 7) as week,
                count(distinct user_id) as month
         from (select distinct day from seen) last join seen on seen.day between last.day - 29 and last.day group by 1
     )
select sum(week + month) from counted
"""
TRAILING = f"active users of 1, 7 and 30 days, each of {DAYS} days"
_FILL = """
insert into analytics_daily_active_users_v1_sketch
select date_trunc('day', now(), 'UTC') - day * interval '24 hours', register, 1 + (random() * 20)::int
from generate_series(1, %s) as day, generate_series(0, 4095) as register
"""
LONG = 90
FILLED = f"users of {LONG} days"


@dataclass(frozen=True)
class Measured:
    """What one way of asking took, and what it answered."""

    seconds: float
    answer: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few events, and no page is written")
    parser.add_argument("--most", type=int, default=6, help="the largest number of events, as a power of ten")
    arguments = parser.parse_args()
    sizes = [3000] if arguments.quick else [10**power for power in range(5, arguments.most + 1)]
    page = _page({size: _measure(size) for size in sizes})
    print(page)
    if not arguments.quick:
        PAGE.write_text(page, encoding="utf-8")


def _measure(count: int) -> dict[str, dict[str, Measured]]:
    """Return question -> way -> what it took."""
    with (
        TemporaryDirectory() as folder,
        embedded.start_server() as server,
        psycopg.connect(server.dsn, autocommit=True) as connection,
    ):
        options, known = _project(Path(folder), server.dsn)
        migrate.apply(options=options)
        for setting in ("timezone = 'UTC'", "max_parallel_workers_per_gather = 0", "work_mem = '256MB'"):
            connection.execute(f"set {setting}".encode())
        connection.execute("select setseed(0.5)")
        people = count // EVENTS_A_PERSON + 1
        connection.execute(_INSERT, {"count": count, "people": people, "days": DAYS, "later": 0})
        migrate.refresh(options=options)
        connection.execute("vacuum analyze")
        duck = _duckdb(connection, Path(folder) / "events.csv")
        found = {
            name: {way: min((ask() for _ in range(3)), key=lambda one: one.seconds) for way, ask in ways.items()}
            for name, ways in _questions(connection, duck, known).items()
        }
        filled = _filled(connection, known)
        # The events of a whole day, within the seconds of today that are over: nothing is stored of them yet.
        seconds = (dt.datetime.now(dt.UTC) - _today()).total_seconds()
        today = {"count": count // DAYS, "people": people, "days": seconds / 86400 * 0.999, "later": seconds}
        connection.execute(_INSERT, today)
        connection.execute("analyze analytics_events")
        trailing = found[TRAILING]
        found[TRAILING] = {
            "view": trailing["view"],
            "view, with a day's events today": min((_trailing(connection) for _ in range(3)), key=lambda o: o.seconds),
            "events, DuckDB": trailing["events, DuckDB"],
        }
        found[FILLED] = {"sketch, every register of every day filled": filled}
        return found


def _filled(connection: psycopg.Connection[Any], known: Described) -> Measured:
    """Read sketches that are as full as they get: more users, or more events, add no row."""
    connection.execute("truncate analytics_daily_active_users_v1_sketch")
    connection.execute(_FILL, [LONG])
    connection.execute("vacuum analyze analytics_daily_active_users_v1_sketch")
    between = (_today() - dt.timedelta(days=LONG), _today())

    def ask() -> float:
        result = query(
            USERS,
            measures=["active_users"],
            between=between,
            granularity="total",
            distinct="approximate",
            database=connection,
            catalog=known,
        )
        return float(result.totals["active_users"])

    return min((_on_postgres(connection, ask) for _ in range(3)), key=lambda one: one.seconds)


def _project(folder: Path, dsn: str) -> tuple[migrate.Options, Described]:
    document = yaml.safe_load((ROOT / "events.yaml").read_text(encoding="utf-8"))
    document["aggregates"][LATENCY]["percentiles"] = {"rollup": "day", "dimensions": ["service"]}
    source, made = folder / "events.yaml", folder / "manifest.json"
    source.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    made.write_text(to_json(manifest(load_catalog(source))), encoding="utf-8")
    (folder / "migrations").mkdir()
    migrate.new(migrations=folder / "migrations", manifest=made)
    known = msgspec.json.decode(made.read_bytes(), type=Described)
    return migrate.Options(database_url=dsn, migrations=folder / "migrations"), known


def _today() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _trailing(connection: psycopg.Connection[Any]) -> Measured:
    """Read the whole view: a row a day. The answer is the sum of the days before today."""
    columns = "sum(weekly_active_users + monthly_active_users) filter (where day < date_trunc('day', now(), 'UTC'))"
    text = f"select {columns}, count(*), max(active_users) from {USERS}"
    return _on_postgres(connection, lambda: float(connection.execute(text.encode()).fetchall()[0][0]))


def _questions(
    connection: psycopg.Connection[Any], duck: duckdb.DuckDBPyConnection, known: Described
) -> dict[str, dict[str, Callable[[], Measured]]]:
    asked = {"between": (_today() - dt.timedelta(days=DAYS), _today()), "granularity": "total"}
    hours = msgspec.structs.replace(known, aggregates=tuple(map(_without_days, known.aggregates)))

    def layer(aggregate: str, measure: str, catalog: Described, **more: Any) -> Callable[[], Measured]:
        def ask() -> float:
            result = query(aggregate, measures=[measure], database=connection, catalog=catalog, **asked, **more)
            return float(result.totals[measure])

        return lambda: _on_postgres(connection, ask)

    def by_hand(text: str) -> Callable[[], Measured]:
        return lambda: _on_postgres(connection, lambda: float(connection.execute(text.encode()).fetchall()[0][0]))

    def on_duckdb(text: str) -> Callable[[], Measured]:
        return lambda: _on_duckdb(duck, text)

    sorted_ms = "percentile_cont(0.95) within group (order by (data ->> 'duration_ms')::int)"
    users = "select count(distinct user_id) from analytics_events"
    return {
        f"p95 of {DAYS} days": {
            "days": layer(LATENCY, "p95_duration_ms", known),
            "hours": layer(LATENCY, "p95_duration_ms", hours),
            "events, by hand": by_hand(f"select {sorted_ms} from analytics_events"),
            "events, DuckDB": on_duckdb("select quantile_cont(ms, 0.95) from analytics_events"),
        },
        f"users of {DAYS} days": {
            "sketch": layer(USERS, "active_users", known, distinct="approximate"),
            "members": layer(USERS, "active_users", known, distinct="exact"),
            "events, by hand": by_hand(users),
            "events, DuckDB": on_duckdb(users),
        },
        TRAILING: {
            "view": lambda: _trailing(connection),
            "events, DuckDB": on_duckdb(_TRAILING_BY_HAND),
        },
    }


def _without_days(aggregate: Any) -> Any:
    if aggregate.query is None:
        return aggregate
    return msgspec.structs.replace(aggregate, query=msgspec.structs.replace(aggregate.query, coarser=None))


def _on_postgres(connection: psycopg.Connection[Any], ask: Callable[[], float]) -> Measured:
    process = psutil.Process(connection.info.backend_pid)
    before = process.cpu_times()
    answer = ask()
    after = process.cpu_times()
    return Measured(max(0.0, after.user + after.system - before.user - before.system), answer)


def _duckdb(connection: psycopg.Connection[Any], file: Path) -> duckdb.DuckDBPyConnection:
    with file.open("wb") as out, connection.cursor().copy(_COPY) as copied:
        for block in copied:
            out.write(block)
    made = duckdb.connect()
    made.execute("set threads = 1")
    made.execute(f"create table analytics_events as select * from read_csv('{file}')")
    return made


def _on_duckdb(connection: duckdb.DuckDBPyConnection, text: str) -> Measured:
    before = time.process_time()
    rows = connection.execute(text).fetchall()
    return Measured(time.process_time() - before, float(rows[0][0]))


def _page(found: dict[int, dict[str, dict[str, Measured]]]) -> str:
    sizes = list(found)
    lines = [
        "# Benchmarks of long ranges",
        "",
        f"Measured on {dt.datetime.now(dt.UTC).date()}, {os.cpu_count()} processors, {platform.platform(terse=True)},",
        f"load {os.getloadavg()[2]:.0f}:",
        f"embedded PostgreSQL without parallel queries, DuckDB {duckdb.__version__} with one thread. Requests of",
        f"{DAYS} days with 360 combinations of dimensions, {EVENTS_A_PERSON} a user on average. Processor seconds, the",
        "best of three, and how far the answer is from that of the events. The first two ways of each question are the",
        "query layer's. `python benchmarks/ranges` writes this page.",
        "",
        f"| question | way | {' | '.join(f'{size:,} events' for size in sizes)} |",
        f"|---|---|{'---:|' * len(sizes)}",
    ]
    for name, ways in found[sizes[0]].items():
        for way in ways:
            cells = []
            for size in sizes:
                one, right = found[size][name][way], found[size][name].get("events, DuckDB")
                error = "" if right is None else f" ({abs(one.answer - right.answer) / right.answer:.2%})"
                cells.append(f"{one.seconds:.3f}{error}")
            lines.append(f"| {name} | {way} | {' | '.join(cells)} |")
    lines += [
        "",
        "A sketch of a day has at most 4096 rows, whatever the number of users; longer ranges take longer in",
        "proportion. The stored trailing counts are a row a day.",
    ]
    lines += ["", "A processor time below 0.02 s is as coarse as the system's clock ticks.", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
