"""From an empty database to checked rollups: migrate, send, refresh, show, compare.

Examples:
  nox -s demo                                   an embedded PostgreSQL, removed at the end
  nox -s demo -- --keep                         the same, but the server stays up and its URL is printed
  nox -s demo -- --serve                        the same, and then analytics-server over it, until Ctrl-C
  DATABASE_URL=postgresql://... nox -s demo     a server of your own; the events table must be empty
  nox -s demo -- --backend clickhouse           the engine of ClickHouse (chdb), or a ClickHouse of DATABASE_URL
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import on_clickhouse
import psycopg
import uvicorn
from adi_analytics import AnalyticsClient, AnalyticsError, embedded, migrate
from adi_analytics.server import ServerOptions, create_app
from expected import Rows, expected
from report import differences, print_table, read_rows
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from stream import Sent, Stream

# A log file or a pipe has no width of its own; the widest table needs this much.
console = Console(width=None if sys.stdout.isatty() else 130)


def main() -> int:
    """Run the demo; return 0 when every aggregate agrees with the events sent."""
    parser = _parser()
    options = parser.parse_args()
    if options.backend == "clickhouse" and options.keep:
        parser.error("--keep is for PostgreSQL")
    try:
        with ExitStack() as stack:
            clickhouse = options.backend == "clickhouse"
            url = _database_url(options, stack)
            code = _run(options, url, on_clickhouse.read_rows if clickhouse else read_rows)
            if options.serve:
                _serve(url, options.port)
            return code
    except (AnalyticsError, psycopg.Error) as error:
        console.print(f"[red]error:[/] {error}", highlight=False)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="demo", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=100_000, metavar="N", help="how many to send (100000)")
    parser.add_argument("--days", type=int, default=14, metavar="N", help="how many days back they reach (14)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="another number gives another stream (1)")
    parser.add_argument("--backend", choices=("postgresql", "clickhouse"), default="postgresql", help="(postgresql)")
    parser.add_argument("--keep", action="store_true", help="leave the embedded server up and print its URL")
    parser.add_argument("--serve", action="store_true", help="then run the service, without tokens, until Ctrl-C")
    parser.add_argument("--port", type=int, default=0, metavar="N", help="the port of the service (a free one)")
    return parser


def _database_url(options: argparse.Namespace, stack: ExitStack) -> str:
    given = os.environ.get("DATABASE_URL")
    if given:
        console.print("[bold]1. Server[/]  the one that DATABASE_URL names")
        return given
    started = time.perf_counter()
    if options.backend == "clickhouse":
        url = on_clickhouse.server(stack)
        console.print(f"[bold]1. Server[/]  the engine of ClickHouse, up in {time.perf_counter() - started:.1f} s")
        return url
    server = embedded.start_server(port=0 if options.keep else None)
    stack.callback(_leave_up if options.keep else embedded.EmbeddedServer.stop, server)
    console.print(f"[bold]1. Server[/]  embedded PostgreSQL, up in {time.perf_counter() - started:.1f} s")
    return server.dsn


def _leave_up(server: embedded.EmbeddedServer) -> None:
    server.keep()
    console.print(f"\nThe server stays up: [bold]{server.dsn}[/]", soft_wrap=True, highlight=False)
    console.print(f"Stop it with: python -m adi_analytics.embedded stop {server.directory}", highlight=False)


def _run(options: argparse.Namespace, url: str, read: Callable[[str, str], Rows]) -> int:
    where = migrate.Options(database_url=url, catalog="adi_analytics_events")
    applied = migrate.apply(options=where)
    console.print(f"[bold]2. Migrate[/] {len(applied.applied)} migrations applied, backend {applied.backend}")
    _refuse_used_table(url, read)
    sent = Stream(seed=options.seed, now=datetime.now(UTC), days=options.days).events(options.events)
    kinds = len({type(event) for _, event in sent})
    rate = _send(url, sent)
    console.print(f"[bold]3. Send[/]    {len(sent):,} events of {kinds} types at {rate:,.0f} events/s")
    started = time.perf_counter()
    migrate.maintain(where)  # partitions for the days that the events went back to
    migrate.refresh(options=replace(where, progress=Steps()))
    console.print(f"[bold]4. Refresh[/] all aggregates in {time.perf_counter() - started:.1f} s")
    return 0 if _agree(sent, partial(read, url)) else 1


class Steps:
    """Says on standard error what the migrator does: a refresh of everything takes a while."""

    def waiting(self, holder: str) -> None:
        """Another run holds the migrator's lock."""
        print(f"   waiting for {holder}", file=sys.stderr, flush=True)

    def step(self, what: str) -> None:
        """An aggregate begins."""
        print(f"   {what}", file=sys.stderr, flush=True)

    def advance(self, what: str, done: int, total: int) -> None:
        """*done* of *total* are done."""


def _refuse_used_table(url: str, read: Callable[[str, str], Rows]) -> None:
    if read(url, "analytics_daily_active_users"):
        message = (
            "the table analytics_events already holds events, so the tables could not be checked against the "
            "events of this run. Give DATABASE_URL an empty database."
        )
        raise AnalyticsError(message)


def _send(url: str, sent: list[Sent]) -> float:
    """Send everything through the real client and worker; return the rate from the first call to the last commit."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    started = time.perf_counter()
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("sending", total=len(sent))
        with AnalyticsClient.connect(
            url, service="demo", when_full="block", block_timeout=60, hash_key="demo"
        ) as client:
            for number, (at, event) in enumerate(sent):
                client.track(event, timestamp=at)
                if number % 1000 == 0:
                    progress.update(task, completed=number)
            result = client.flush(timeout=120)
            stats = client.stats()
    if not result.ok or stats.delivered != len(sent):
        raise AnalyticsError(f"not everything was delivered: {result}, {stats}")
    return len(sent) / (time.perf_counter() - started)


def _serve(url: str, port: int) -> None:
    """Answer over HTTP until a signal comes: for this machine alone, since nobody needs a token."""
    app = create_app(ServerOptions(database_url=url, catalog="adi_analytics_events", without_tokens=True))
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the database is stopped then, too
    with socket.create_server(("127.0.0.1", port)) as listening, suppress(KeyboardInterrupt):
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        console.print(f"[bold]6. Serve[/]   [bold]{address}[/] until Ctrl-C", highlight=False)
        console.print(f"   curl '{address}/aggregates/analytics_task_stats_daily.csv'", soft_wrap=True, highlight=False)
        uvicorn.Server(uvicorn.Config(app, log_level="warning")).run([listening])
    console.print("Stopped.")


def _agree(sent: list[Sent], read: Callable[[str], Rows]) -> bool:
    console.print("[bold]5. Rollups[/] against what was counted from the events sent\n")
    wrong = 0
    for name, rows in expected(sent).items():
        actual = read(name)
        found = differences(rows, actual)
        print_table(console, name, actual, agrees=not found)
        for line in found[:5]:
            console.print(f"  [red]{line}[/]", highlight=False)
        wrong += bool(found)
    verdict = "[green]All seven agree.[/]" if not wrong else f"[red]{wrong} of 7 differ.[/]"
    console.print(verdict)
    return not wrong


if __name__ == "__main__":
    sys.exit(main())
