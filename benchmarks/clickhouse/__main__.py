"""Measures the same catalog on PostgreSQL and ClickHouse in one run, and writes docs/benchmarks-clickhouse.md.

Examples:
  nox -s bench                              everything (with the other benchmarks)
  python benchmarks/clickhouse --quick      few events, printed only: shows that it works
  python benchmarks/clickhouse --sizes 1_000_000,10_000_000

PostgreSQL is an embedded one, ClickHouse the engine as a library (chdb). Both get the same events, and must give the
same answers. Processor time is counted, so that a busy machine changes little.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import platform
import sys
import time
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import chdb
from adi_analytics import embedded
from engines import Engine, OnClickhouse, OnPostgres, block

PAGE: Final = Path(__file__).parents[2] / "docs" / "benchmarks-clickhouse.md"
DAYS: Final = 60
EVENTS_A_PERSON: Final = 40
BATCH, BATCHES = 5000, 20
SEVEN: Final = (
    "analytics_api_latency_hourly", "analytics_auth_events_daily", "analytics_cocoon_activity_daily",
    "analytics_daily_active_users", "analytics_errors_hourly", "analytics_integration_health_daily",
    "analytics_task_stats_daily",
)  # fmt: skip
_SETTINGS: Final = {"max_wal_size": "8GB", "shared_buffers": "1GB", "synchronous_commit": "off", "autovacuum": "off"}

Found = dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few events, and no page is written")
    parser.add_argument("--sizes", default="1_000_000", help="numbers of events (default: %(default)s)")
    arguments = parser.parse_args()
    sizes = [20_000] if arguments.quick else [int(size) for size in arguments.sizes.split(",")]
    found: dict[int, dict[str, Found]] = {}
    for size in sizes:
        found[size] = _measure(size)
        page = _page(found)
        if not arguments.quick:
            PAGE.write_text(page, encoding="utf-8")
    print(page)


def _measure(count: int) -> dict[str, Found]:
    """Return engine -> task -> seconds or bytes."""
    with embedded.start_server(settings=_SETTINGS) as server, TemporaryDirectory() as folder:
        engines: dict[str, Engine] = {"PostgreSQL": OnPostgres(server.dsn), "ClickHouse": OnClickhouse(folder)}
        found: dict[str, Found] = {}
        answers: dict[str, list[Any]] = {}
        for name, engine in engines.items():
            _say(f"{count:,} events, {name}")
            found[name], answers[name] = _of_engine(engine, count)
        for number, (right, here) in enumerate(zip(*answers.values(), strict=True)):
            assert right == here, (
                f"{SEVEN[number % len(SEVEN)]}: the answers differ: {sorted(set(right) ^ set(here))[:4]}"
            )
        return found


def _of_engine(engine: Engine, count: int) -> tuple[Found, list[Any]]:
    today = dt.datetime.now(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    for back in range(DAYS, 0, -1):
        engine.fill(today - dt.timedelta(days=back), max(16, count // DAYS), count // EVENTS_A_PERSON + 1)
    _say("filled")
    made: Found = {"bytes an event": engine.size() / (max(16, count // DAYS) * DAYS)}
    raw = [engine.ask(f"select * from {view}") for view in SEVEN]
    made["all seven from the events"] = sum(spent for spent, _ in raw)
    _say("asked the events")
    made["a refresh of everything"] = engine.refresh(list(SEVEN), today)
    _say("refreshed")
    stored = [engine.ask(f"select * from {view}") for view in SEVEN]
    made["all seven, stored"] = sum(spent for spent, _ in stored)
    answers = [sorted(map(_plain, rows)) for _, rows in (*raw, *stored)]
    assert answers[: len(SEVEN)] == answers[len(SEVEN) :], "a refresh changed the answers"
    rows = [block(number, BATCH) for number in range(BATCHES)]
    made["to write an event, us"] = sum(engine.insert(one) for one in rows) / (BATCH * BATCHES) * 1e6
    return made, answers


def _plain(row: tuple[Any, ...]) -> tuple[str, ...]:
    return tuple(map(_text, row))


def _text(value: Any) -> str:
    """Return *value* in words that both have in common."""
    if value in (None, "\\N"):
        return ""
    if isinstance(value, dt.datetime):
        return f"{value.astimezone(dt.UTC):%Y-%m-%d %H:%M}"
    text = str(value)
    if text[:1].isdigit() and text[4:5] == "-":
        return text[:16]
    try:
        return f"{float(Decimal(text)):.9g}"
    except ArithmeticError:
        return text


def _page(found: dict[int, dict[str, Found]]) -> str:
    lines = [
        "# Benchmarks of ClickHouse",
        "",
        f"Measured on {dt.datetime.now(dt.UTC).date()}, {os.cpu_count()} processors, {platform.platform(terse=True)},",
        f"load {os.getloadavg()[2]:.0f}: embedded PostgreSQL without parallel queries; ClickHouse {_version()} as a",
        "library.",
        f"Events of {DAYS} days, {EVENTS_A_PERSON} a person on average, ids without order. Processor seconds where",
        "nothing else is said. Both must give the same answers to all seven aggregates, before and after the refresh.",
        "`python benchmarks/clickhouse` writes this page.",
        "",
        "| events | what | PostgreSQL | ClickHouse | ratio |",
        "|---:|---|---:|---:|---:|",
    ]
    for size, engines in found.items():
        for task, right in engines["PostgreSQL"].items():
            here = engines["ClickHouse"][task]
            lines.append(f"| {size:,} | {task} | {right:.2f} | {here:.2f} | {right / max(here, 0.005):.1f} |")
    lines += [
        "",
        f"Written are {BATCHES} batches of {BATCH} rows, to tables with all indexes that are filled already. A refresh",
        "stores everything at once; on PostgreSQL with what is kept beside it: trailing counts, which ClickHouse",
        "computes at each read.",
        "",
    ]
    return "\n".join(lines)


def _version() -> str:
    return str(chdb.__version__)


def _say(what: str) -> None:
    print(f"{dt.datetime.now(dt.UTC):%H:%M:%S} {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    started = time.monotonic()
    main()
    _say(f"done in {time.monotonic() - started:.0f} s")
