"""``python -m adi_analytics.embedded start DIRECTORY`` starts a server that stays; ``stop DIRECTORY`` stops it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from adi_analytics.embedded.programs import EmbeddedMissingError, running_pid
from adi_analytics.embedded.server import EmbeddedServerError, attach_server, start_server


def main(arguments: list[str]) -> str | None:
    """Do what the command line asks; returns a message if that failed."""
    parser = argparse.ArgumentParser(
        prog="python -m adi_analytics.embedded",
        description="Works on PostgreSQL servers from a wheel, for first steps and tests.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    start = commands.add_parser(
        "start",
        help="start a server that stays, and print its URL",
        description="Starts a server that stays until it is stopped, and prints its URL. One that runs stays as it is.",
        epilog="example: export DATABASE_URL=$(python -m adi_analytics.embedded start /tmp/my-database)",
    )
    start.add_argument("directory", type=Path, metavar="DIRECTORY", help="where its data are kept; made if needed")
    start.set_defaults(work=_start)
    stop = commands.add_parser("stop", help="stop a server", description="Stops a server. Its data stay.")
    stop.add_argument("directory", type=Path, metavar="DIRECTORY", help="what `EmbeddedServer.directory` said")
    stop.set_defaults(work=_stop)
    given = parser.parse_args(arguments)
    try:
        given.work(given.directory)
    except (EmbeddedMissingError, EmbeddedServerError) as error:
        return f"error: {error}"
    return None


def _start(directory: Path) -> None:
    if running_pid(directory.resolve()) is not None:
        print(attach_server(directory).dsn)  # noqa: T201 - what the command is for
        return
    server = start_server(directory)
    print(server.dsn)  # noqa: T201 - the same
    server.keep()


def _stop(directory: Path) -> None:
    attach_server(directory).stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
