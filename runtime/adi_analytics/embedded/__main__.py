"""``python -m adi_analytics.embedded stop DIRECTORY`` stops a server that was kept."""

from __future__ import annotations

import sys

from adi_analytics.embedded.server import EmbeddedServerError, attach_server


def main(arguments: list[str]) -> str | None:
    """Do what the command line asks; returns a message if that failed."""
    match arguments:
        case ["stop", directory]:
            try:
                attach_server(directory).stop()
            except EmbeddedServerError as error:
                return f"error: {error}"
            return None
        case _:
            return "usage: python -m adi_analytics.embedded stop DIRECTORY"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
