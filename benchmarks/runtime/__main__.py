"""Measures the client and the worker against peers, and writes docs/benchmarks.md (the part between its markers).

Examples:
  nox -s bench                      everything; about an hour, on a machine that does nothing else
  python benchmarks/runtime --size medium some twenty minutes: the same comparisons with fewer events
  python benchmarks/runtime --quick       tiny sizes, written to a temporary folder: shows that it works

Every number is measured in a process of its own; the contenders of a comparison take turns, several rounds each, and
the median counts. A native TimescaleDB is measured too if ADI_ANALYTICS_BENCH_TIMESCALE_DSN names one.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import psycopg
from adi_analytics.embedded import EmbeddedServer, start_server
from contenders import CONTENDERS
from machine import describe
from report import write
from rich.console import Console
from throughput import METHODS

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / "docs"
console = Console(stderr=True)


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    rounds: int
    samples: int
    rate: int
    events: int
    memory_events: int
    scaling: tuple[int, ...]


FULL = Sizes(3, 100_000, 2000, 200_000, 2_000_000, (10**3, 10**4, 10**5, 10**6, 10**7))
MEDIUM = Sizes(3, 20_000, 2000, 100_000, 1_000_000, (10**3, 10**4, 10**5, 10**6, 10**7))
QUICK = Sizes(1, 1000, 2000, 5000, 20_000, (10**3, 10**4))
SIZES = {"quick": QUICK, "medium": MEDIUM, "full": FULL}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="full", help="how much is measured (default: %(default)s)")
    parser.add_argument(
        "--quick", dest="size", action="store_const", const="quick", help="tiny sizes; the numbers mean nothing"
    )
    parser.add_argument("--docs", type=Path, help="the folder to write to (default: docs/)")
    options = parser.parse_args()
    sizes, quick = SIZES[options.size], options.size == "quick"
    docs = options.docs or (Path(tempfile.mkdtemp(prefix="bench-")) if quick else DOCS)
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(start_server())
        dsn = stack.enter_context(migrated_database(server.dsn, "PostgreSQL"))
        databases = {"PostgreSQL": dsn}
        if timescale := os.environ.get("ADI_ANALYTICS_BENCH_TIMESCALE_DSN"):
            databases["TimescaleDB"] = stack.enter_context(migrated_database(timescale, "TimescaleDB"))
        results = {
            "machine": describe(databases),
            "quick": quick,
            "sizes": sizes.__dict__,
            "call_cost": call_cost(dsn, sizes),
            "throughput": {name: throughput(database, sizes, name) for name, database in databases.items()},
            "memory": memory(server, dsn, sizes),
            "scaling": [child("scaling.py", "--dsn", dsn, "--events", str(number)) for number in sizes.scaling],
        }
    console.print(f"written: {write(results, docs)}")


def call_cost(dsn: str, sizes: Sizes) -> dict[str, Any]:
    rounds: dict[str, list[dict[str, float]]] = defaultdict(list)
    size = ("--samples", str(sizes.samples), "--rate", str(sizes.rate))
    with sink() as port:
        for _ in range(sizes.rounds):
            for name in CONTENDERS:
                empty(dsn)
                rounds[name].append(child("call_cost.py", name, "--dsn", dsn, "--sink-port", str(port), *size))
    return {name: medians(found) for name, found in rounds.items()}


def throughput(dsn: str, sizes: Sizes, server: str) -> dict[str, Any]:
    rounds: dict[str, list[dict[str, float]]] = defaultdict(list)
    for _ in range(sizes.rounds):
        for name in METHODS:
            console.print(f"{server}:", end=" ")
            rounds[name].append(child("throughput.py", name, "--dsn", dsn, "--events", str(sizes.events)))
    return {
        name: medians(found) | {"slowest": min(r["rate"] for r in found), "fastest": max(r["rate"] for r in found)}
        for name, found in rounds.items()
    }


def memory(server: EmbeddedServer, dsn: str, sizes: Sizes) -> dict[str, Any]:
    size = ("--events", str(sizes.memory_events))
    refused = "postgresql://postgres@127.0.0.1:1/postgres"
    results = {"refused": child("memory.py", "refused", "--dsn", refused, *size)}
    with tempfile.TemporaryDirectory() as folder:
        results["refused, spool"] = child("memory.py", "refused", "--dsn", refused, *size, "--spool", folder)
    console.print("memory.py hung")
    command = [sys.executable, str(HERE / "memory.py"), "hung", "--dsn", dsn, *size]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        with frozen(server):
            process.stdin.write("frozen\n")
            process.stdin.flush()
            results["hung"] = json.loads(process.stdout.readline())
            process.wait()
    return results


@contextlib.contextmanager
def migrated_database(admin_dsn: str, server: str) -> Iterator[str]:
    """Make a database with our schema on the server, and drop it afterwards."""
    with psycopg.connect(admin_dsn, autocommit=True) as connection:
        connection.execute("drop database if exists adi_analytics_bench with (force)")
        connection.execute("create database adi_analytics_bench template template0")
        head, _, options = admin_dsn.partition("?")
        dsn = f"{head.rpartition('/')[0]}/adi_analytics_bench" + (f"?{options}" if options else "")
        if server == "TimescaleDB":
            with psycopg.connect(dsn, autocommit=True) as inside:
                inside.execute("create extension timescaledb")
        migrate = "import sys; from adi_analytics.migrate.cli.main import main; sys.exit(main())"
        subprocess.run([sys.executable, "-c", migrate, "all", "--database-url", dsn], check=True, capture_output=True)
        try:
            yield dsn
        finally:
            connection.execute("drop database adi_analytics_bench with (force)")


@contextlib.contextmanager
def sink() -> Iterator[int]:
    """Run the HTTP server that the peers post to; yields its port."""
    with subprocess.Popen([sys.executable, str(HERE / "sink.py")], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


@contextlib.contextmanager
def frozen(server: EmbeddedServer) -> Iterator[None]:
    """Stop all processes of the server with SIGSTOP while the block runs."""
    postmaster = psutil.Process(server.pid)
    processes = [postmaster, *postmaster.children(recursive=True)]
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            process.resume()


def child(script: str, *arguments: str) -> dict[str, Any]:
    """Run a measurement in a process of its own and return what it found."""
    console.print(script, *arguments[:1])
    done = subprocess.run(
        [sys.executable, str(HERE / script), *arguments], stdout=subprocess.PIPE, text=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def empty(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("truncate analytics_events")
        connection.execute("checkpoint")


def medians(rounds: list[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.median(found[name] for found in rounds) for name in rounds[0]}


if __name__ == "__main__":
    main()
