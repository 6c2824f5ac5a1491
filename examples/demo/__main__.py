"""From an empty database to checked rollups: migrate, send, refresh, show, compare.

Examples:
  nox -s demo                                   an embedded PostgreSQL, removed at the end
  nox -s demo -- --keep                         the same, but the server stays up and its URL is printed
  DATABASE_URL=postgresql://... nox -s demo     a server of your own; the events table must be empty
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime

import psycopg
from adi_analytics import AnalyticsClient, AnalyticsError, embedded, migrate
from expected import expected
from report import differences, print_table, read_rows
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from stream import Sent, Stream

# A log file or a pipe has no width of its own; the widest table needs this much.
console = Console(width=None if sys.stdout.isatty() else 130)


def main() -> int:
    """Run the demo; return 0 when every aggregate agrees with the events sent."""
    options = _parser().parse_args()
    try:
        with ExitStack() as stack:
            return _run(options, _database_url(options, stack))
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
    parser.add_argument("--keep", action="store_true", help="leave the embedded server up and print its URL")
    return parser


def _database_url(options: argparse.Namespace, stack: ExitStack) -> str:
    given = os.environ.get("DATABASE_URL")
    if given:
        console.print("[bold]1. Server[/]  the one that DATABASE_URL names")
        return given
    started = time.perf_counter()
    server = embedded.start_server(port=0 if options.keep else None)
    stack.callback(_leave_up if options.keep else embedded.EmbeddedServer.stop, server)
    console.print(f"[bold]1. Server[/]  embedded PostgreSQL, up in {time.perf_counter() - started:.1f} s")
    return server.dsn


def _leave_up(server: embedded.EmbeddedServer) -> None:
    server.keep()
    console.print(f"\nThe server stays up: [bold]{server.dsn}[/]", soft_wrap=True, highlight=False)
    console.print(f"Stop it with: python -m adi_analytics.embedded stop {server.directory}", highlight=False)


def _run(options: argparse.Namespace, url: str) -> int:
    where = migrate.Options(database_url=url, catalog="adi_analytics_events")
    applied = migrate.apply(options=where)
    console.print(f"[bold]2. Migrate[/] {len(applied.applied)} migrations applied, backend {applied.backend}")
    _refuse_used_table(url)
    sent = Stream(seed=options.seed, now=datetime.now(UTC), days=options.days).events(options.events)
    kinds = len({type(event) for _, event in sent})
    rate = _send(url, sent)
    console.print(f"[bold]3. Send[/]    {len(sent):,} events of {kinds} types at {rate:,.0f} events/s")
    started = time.perf_counter()
    migrate.maintain(where)  # partitions for the days that the events went back to
    migrate.refresh(options=replace(where, progress=Steps()))
    console.print(f"[bold]4. Refresh[/] all aggregates in {time.perf_counter() - started:.1f} s")
    return 0 if _compare(url, sent) else 1


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


def _refuse_used_table(url: str) -> None:
    with psycopg.connect(url) as connection:
        used = connection.execute("select exists (select from analytics_events)").fetchone()
    if used and used[0]:
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


def _compare(url: str, sent: list[Sent]) -> bool:
    console.print("[bold]5. Rollups[/] against what was counted from the events sent\n")
    wrong = 0
    with psycopg.connect(url) as connection:
        connection.execute("set timezone to 'UTC'")
        for name, rows in expected(sent).items():
            actual = read_rows(connection, name)
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
