"""Measures the service over many events, and writes docs/benchmarks-server.md.

Examples:
  nox -s bench                            everything (with the other benchmarks)
  python benchmarks/server --quick        few events, printed only: shows that it works
  python benchmarks/server --events 1000000

It runs on an embedded PostgreSQL, or in a new database of the server that ADI_ANALYTICS_BENCH_DSN names. Ten million
events take about eight minutes on two idle processors; most of it loads and stores them.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import platform
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[1]))

import memory
import reading
import taking
from database import DAYS, database, fill
from databases import version
from process import READ_CONNECTIONS, Curve, service
from reading import Question, Times

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks-server.md"
CLIENTS = (1, 16, 64)
MOST_RATIO = 1.5
MOST_OVERVIEW = 50  # milliseconds
_BEGAN = time.monotonic()

Asked = dict[str, dict[int, tuple[Times, Times]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few events, and no page is written")
    parser.add_argument("--events", type=int, help="how many events (default: 10 000 000)")
    arguments = parser.parse_args()
    count = arguments.events or (20_000 if arguments.quick else 10_000_000)
    seconds = 0.3 if arguments.quick else 3.0
    with database() as dsn, TemporaryDirectory() as folder:
        say(f"loading {count:,} events")
        fill(dsn, count, say)
        asked = _asked(dsn, Path(folder), seconds)
        say("taking events")
        taken = taking.measure(dsn, Path(folder), 2000 if arguments.quick else 50_000)
        say("memory")
        kept = memory.measure(dsn, Path(folder), 1.0 if arguments.quick else 6.0, say)
        page = _page(count, version(dsn), asked, taken, kept)
    say("done")
    print(page)
    if not arguments.quick:
        PAGE.write_text(page, encoding="utf-8")


def say(what: str) -> None:
    """Tell how far it is."""
    print(f"{time.monotonic() - _BEGAN:6.1f} s  {what}", file=sys.stderr, flush=True)


def _asked(dsn: str, folder: Path, seconds: float) -> Asked:
    """Return question -> clients -> times over HTTP, and through psycopg."""
    reading.ready(dsn)
    found: Asked = {}
    with service(dsn, folder) as server:
        for question in reading.questions(dsn):
            say(f"asking {question.name}")
            found[question.name] = {clients: _both(server, dsn, question, clients, seconds) for clients in CLIENTS}
    return found


def _both(server: reading.Server, dsn: str, question: Question, clients: int, seconds: float) -> tuple[Times, Times]:
    own = reading.over_http(server, question, clients, seconds)
    plain = reading.over_psycopg(dsn, question, clients, seconds)
    say(f"  {clients} clients: {own.p50:.1f} ms, SQL alone {plain.p50:.1f} ms")
    return own, plain


def _page(count: int, server: str, asked: Asked, taken: dict[str, float], kept: dict[str, list[Curve]]) -> str:
    lines = [
        "# Benchmarks of the service",
        "",
        f"Measured on {dt.datetime.now(dt.UTC).date()}, {os.cpu_count()} processors, {platform.platform(terse=True)},",
        f"load {os.getloadavg()[2]:.0f}: {server}, {count:,} events of {DAYS} days. `python benchmarks/server` writes",
        "this page. The service is one process, and shares the processors with the database and the clients.",
        "",
        *_targets(asked),
        *_reading_table(asked),
        *_taking_table(taken),
        *_memory_table(kept),
    ]
    return "\n".join(lines)


def _targets(asked: Asked) -> list[str]:
    overview = asked["/overview"][1][0].p99
    rows = [
        ("p99 of `/overview`, 1 client", f"under {MOST_OVERVIEW} ms", f"{overview:.1f} ms", overview < MOST_OVERVIEW)
    ]
    for name, by in asked.items():
        own, plain = by[1]
        ratio = own.p50 / plain.p50
        rows.append(
            (f"{name} to its SQL, median, 1 client", f"at most {MOST_RATIO}", f"{ratio:.2f}", ratio <= MOST_RATIO)
        )
    head = ["| target | wanted | this run | reached |", "|---|---:|---:|---|"]
    return [*head, *(f"| {what} | {want} | {got} | {'yes' if ok else 'no'} |" for what, want, got, ok in rows), ""]


def _reading_table(asked: Asked) -> list[str]:
    lines = [
        "## Answers",
        "",
        "Milliseconds, median and 99th percentile. `SQL` runs the statements of the answer through psycopg, over",
        f"{READ_CONNECTIONS} connections, as many as the service has. It does not ask where the rows are, takes no",
        "snapshot, and makes no JSON. 503 counts questions that waited for a connection for five seconds. An answer of",
        "`/overview` that took over 50 ms is kept for 20 times as long: most of its requests ask the database nothing.",
        "",
        "| path | clients | HTTP p50 | HTTP p99 | a second | SQL p50 | SQL p99 | ratio of p50 | ratio of p99 | 503 |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, by in asked.items():
        for clients, (own, plain) in by.items():
            ratios = f"{own.p50 / plain.p50:.2f} | {own.p99 / plain.p99:.2f}"
            times = f"{own.p50:.1f} | {own.p99:.1f} | {own.rate:.0f} | {plain.p50:.1f} | {plain.p99:.1f}"
            lines.append(f"| {name} | {clients} | {times} | {ratios} | {own.refused} |")
    return [*lines, ""]


def _taking_table(taken: dict[str, float]) -> list[str]:
    first = next(iter(taken.values()))
    return [
        "## Events taken",
        "",
        f"Events a second until all are committed, by {taking.CLIENTS} clients. The plain receiver,",
        "`benchmarks/server/receiver.py`, writes a table with the same indexes, without partitions. It has no",
        "tokens, no spool, no verdict for each event, and fails on a retry. PostHog, Plausible, Snowplow, RudderStack",
        "need containers or clusters, and can't run beside it here; an OpenTelemetry collector stores nothing itself.",
        "",
        "| way | events a second | to the first |",
        "|---|---:|---:|",
        *(f"| {way} | {rate:,.0f} | {rate / first:.2f} |" for way, rate in taken.items()),
        "",
    ]


def _memory_table(kept: dict[str, list[Curve]]) -> list[str]:
    turns = range(1, memory.TURNS + 1)
    return [
        "## Memory",
        "",
        "MiB of the service's process: before, at most, and after each of four times the same, when the database has",
        "nothing to do any more. What a first time adds may stay: Python and the C library keep free memory for the",
        "next request. A leak would add as much each time.",
        "",
        f"| situation | before | most | {' | '.join(f'after {turn}' for turn in turns)} |",
        f"|---|---:|---:|{'---:|' * len(turns)}",
        *(
            f"| {name} | {all_[0].before:.0f} | {max(one.peak for one in all_):.0f} |"
            + "".join(f" {one.after:.0f} |" for one in all_)
            for name, all_ in kept.items()
        ),
        "",
    ]


if __name__ == "__main__":
    main()
