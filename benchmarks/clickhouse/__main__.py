"""Measures the same catalog on PostgreSQL, TimescaleDB and ClickHouse, and writes docs/benchmarks-clickhouse.md.

Examples:
  nox -s bench                              everything (with the other benchmarks)
  python benchmarks/clickhouse --quick      few events, printed only: shows that it works
  python benchmarks/clickhouse --sizes 1_000_000,10_000_000,50_000_000

PostgreSQL is an embedded one, ClickHouse the engine as a library (chdb). TimescaleDB is measured if
ADI_ANALYTICS_BENCH_TIMESCALE_DSN names a server on this machine where it may make a database. All get the same events
and must give the same answers. They run one after the other, and processor time is counted, so that a busy machine
changes little.
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
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[1]))

from databases import timescale_server
from engines import Engine, clickhouse, postgres, timescale
from events import block

PAGE: Final = Path(__file__).parents[2] / "docs" / "benchmarks-clickhouse.md"
DAYS: Final = 60
EVENTS_A_PERSON: Final = 40
BATCH, BATCHES = 5000, 20
SEVEN: Final = (
    "analytics_api_latency_hourly", "analytics_auth_events_daily", "analytics_cocoon_activity_daily",
    "analytics_daily_active_users", "analytics_errors_hourly", "analytics_integration_health_daily",
    "analytics_task_stats_daily",
)  # fmt: skip
PERSON: Final = "select count(*) from analytics_events where user_id = '{}'"
_LEAST: Final = 0.005
"""Seconds below which a figure is too coarse to compare."""

Found = dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few events, and no page is written")
    parser.add_argument("--sizes", default="1_000_000", help="numbers of events (default: %(default)s)")
    arguments = parser.parse_args()
    sizes = [20_000] if arguments.quick else [int(size) for size in arguments.sizes.split(",")]
    versions: dict[str, str] = {}
    found: dict[int, dict[str, Found]] = {}
    for size in sizes:
        found[size] = _measure(size, versions)
        page = _page(found, versions)
        if not arguments.quick:
            PAGE.write_text(page, encoding="utf-8")
    print(page)


def _measure(count: int, versions: dict[str, str]) -> dict[str, Found]:
    """Return engine -> task -> seconds or bytes."""
    engines: dict[str, Callable[[ExitStack], Engine]] = {"PostgreSQL": postgres, "ClickHouse": clickhouse}
    if server := timescale_server():
        engines = {"PostgreSQL": postgres, "TimescaleDB": functools.partial(timescale, server), **engines}
    found: dict[str, Found] = {}
    answers: dict[str, list[Any]] = {}
    for name, start in engines.items():
        _say(f"{count:,} events, {name}")
        with ExitStack() as stack:  # what it stores goes before the next one starts: the disk need not hold all
            engine = start(stack)
            versions[name] = engine.version
            found[name], answers[name] = _of_engine(engine, count)
        for number, (right, here) in enumerate(zip(answers["PostgreSQL"], answers[name], strict=True)):
            differing = sorted(set(right) ^ set(here))[:4]
            assert right == here, f"{name}, {SEVEN[number]}: not the answers of PostgreSQL: {differing}"
    return found


def _of_engine(engine: Engine, count: int) -> tuple[Found, list[Any]]:
    today = dt.datetime.now(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    each = max(16, count // DAYS)
    for back in range(DAYS, 0, -1):
        engine.fill(today - dt.timedelta(days=back), each, count // EVENTS_A_PERSON + 1)
    _say("filled")
    made: Found = {"bytes an event": engine.size() / (each * DAYS)}
    raw = [engine.ask(f"select * from {view}") for view in SEVEN]
    made["all seven from the events, s"] = sum(spent for spent, _ in raw)
    _say("asked the events")
    made["a refresh of everything, s"] = engine.refresh(list(SEVEN))
    _say("refreshed")
    if engine.compresses:
        made["to compress an event, us"] = engine.compress() / (each * DAYS) * 1e6
        made["bytes an event, compressed"] = engine.size() / (each * DAYS)
        _say("compressed")
    stored = [engine.ask(f"select * from {view}") for view in SEVEN]
    made["all seven, stored, s"] = sum(spent for spent, _ in stored)
    people = engine.ask("select user_id from analytics_events where user_id is not null limit 5")[1]
    made["all events of a person, s"] = sum(engine.ask(PERSON.format(one))[0] for (one,) in people) / len(people)
    answers = [sorted(map(_plain, rows)) for _, rows in raw]
    assert answers == [sorted(map(_plain, rows)) for _, rows in stored], "a refresh changed the answers"
    rows = [block(number, BATCH) for number in range(BATCHES)]
    spent = sum(engine.insert(one) for one in rows)
    made["to write an event, us"] = spent / (BATCH * BATCHES) * 1e6
    made["events a busy processor writes a second"] = BATCH * BATCHES / spent
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


def _page(found: dict[int, dict[str, Found]], versions: dict[str, str]) -> str:
    ways = list(versions)
    ratios = [f"PostgreSQL : {name}" for name in ways[1:]]
    lines = [
        "# Benchmarks of the backends",
        "",
        f"Measured on {dt.datetime.now(dt.UTC).date()}, {os.cpu_count()} processors, {platform.platform(terse=True)},",
        f"load {os.getloadavg()[2]:.0f}: {'; '.join(versions.values())}.",
        "PostgreSQL and TimescaleDB have the same settings of the server, and no parallel queries.",
        f"Events of {DAYS} days, {EVENTS_A_PERSON} a person on average, ids without order. Seconds are a processor's.",
        "All must give the same answers to all seven aggregates, before and after the refresh.",
        "`python benchmarks/clickhouse` writes this page.",
        "",
        f"| events | what | {' | '.join((*ways, *ratios))} |",
        f"|---:|---|{'---:|' * (len(ways) + len(ratios))}",
    ]
    for size, engines in found.items():
        for task in dict.fromkeys(task for tasks in engines.values() for task in tasks):
            figures = [engines[name].get(task) for name in ways]
            cells = ["" if figure is None else _figure(figure) for figure in figures]
            lines.append(f"| {size:,} | {task} | {' | '.join((*cells, *map(_ratio, figures[:1] * 9, figures[1:])))} |")
    lines += [
        "",
        f"Written are {BATCHES} batches of {BATCH} rows, to tables with all indexes that are filled already. What",
        "merges and vacuum do later is left out. A refresh stores everything at once, on PostgreSQL and TimescaleDB",
        "with what is kept beside it: trailing counts, which ClickHouse computes at each read. TimescaleDB compresses",
        "after the refresh, so what follows reads compressed events.",
        "",
    ]
    return "\n".join(lines)


def _figure(figure: float) -> str:
    if figure < _LEAST:
        return f"< {_LEAST}"
    return f"{figure:,.0f}" if figure >= 1000 else f"{figure:.3f}" if figure < 1 else f"{figure:.2f}"


def _ratio(right: float | None, here: float | None) -> str:
    """Return how many times *here* is less than *right*."""
    return "" if right is None or here is None or min(right, here) < _LEAST else f"{right / here:.2f}"


def _say(what: str) -> None:
    print(f"{dt.datetime.now(dt.UTC):%H:%M:%S} {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    started = time.monotonic()
    main()
    _say(f"done in {time.monotonic() - started:.0f} s")
