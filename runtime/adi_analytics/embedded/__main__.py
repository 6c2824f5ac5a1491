"""``python -m adi_analytics.embedded stop DIRECTORY`` stops a server that was kept."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from adi_analytics.embedded.server import EmbeddedServerError, attach_server


def main(arguments: list[str]) -> str | None:
    """Do what the command line asks; returns a message if that failed."""
    parser = argparse.ArgumentParser(
        prog="python -m adi_analytics.embedded", description="Works on embedded PostgreSQL servers that were kept."
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    stop = commands.add_parser("stop", help="stop a server", description="Stops a server. Its data stay.")
    stop.add_argument("directory", type=Path, metavar="DIRECTORY", help="what `EmbeddedServer.directory` said")
    try:
        attach_server(parser.parse_args(arguments).directory).stop()
    except EmbeddedServerError as error:
        return f"error: {error}"
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
