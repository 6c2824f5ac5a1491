"""``analytics-server sample``: the dashboard of a catalog on made-up events, until a signal ends it."""

from __future__ import annotations

import argparse
import contextlib
import errno
import logging
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from adi_analytics._shared.streams import forget

if TYPE_CHECKING:
    from collections.abc import Iterator


DAYS, EVENTS = 75, 25_000
_MOST_DAYS, _MOST_EVENTS = 400, 1_000_000
_HOST: Final = "127.0.0.1"
_DESCRIPTION: Final = (
    "Show the dashboard of a catalog before there is an event: filled with made-up ones, in a PostgreSQL that this "
    "command starts and removes. It takes no address of a database and reads none from the environment, so it can't "
    "write to yours. The project is only read; it needs no generated code and no migrations. Each page, answer and "
    "CSV says that it is sample data."
)
_EXAMPLES: Final = """examples:
  analytics-server sample                             the catalog of this folder, or of one above
  analytics-server sample ../shop                     of the project in another folder
  analytics-server sample my/events.yaml --port 8099  of a file, at this port
  analytics-server sample --days 120 --events 100000 --seed 7

needs: pip install 'adi-analytics[codegen,embedded,server]'"""


def add(commands: Any) -> None:
    """Add the command to those of ``analytics-server``."""
    sample = commands.add_parser(
        "sample",
        help="show a catalog's dashboard on made-up events; needs no database",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    sample.add_argument(
        "path", nargs="?", type=Path, metavar="PATH",
        help="an events.yaml, or the folder of a project (default: this folder, or one above)",
    )  # fmt: skip
    sample.add_argument("--days", type=_days, default=DAYS, metavar="N", help=f"how far they go back (default: {DAYS})")
    sample.add_argument(
        "--events", type=_events, default=EVENTS, metavar="N", help=f"about how many (default: {EVENTS})"
    )
    sample.add_argument(
        "--seed", type=int, default=1, metavar="N", help="another number gives other events (default: 1)"
    )
    sample.add_argument(
        "--port", type=_port, default=0, metavar="N", help="the port to listen at (default: a free one)"
    )
    sample.set_defaults(run=run)


def _days(text: str) -> int:
    return _whole(text, _MOST_DAYS)


def _events(text: str) -> int:
    return _whole(text, _MOST_EVENTS)


def _port(text: str) -> int:
    return _whole(text, 65_535, least=0)


def _whole(text: str, most: int, *, least: int = 1) -> int:
    if not (text.isascii() and text.isdecimal()) or not least <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} to {most}")
    return int(text)


def run(arguments: argparse.Namespace) -> int:
    """Make the samples, and serve until a signal ends it."""
    from adi_analytics.server.sample.fill import Samples
    from adi_analytics.server.sample.prepare import prepared
    from adi_analytics.server.sample.workspace import find_catalog

    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    found = find_catalog(arguments.path)
    samples = Samples(catalog=found, days=arguments.days, events=arguments.events, seed=arguments.seed)
    with _listening(arguments.port) as listening, _stopped_by_signals():
        _say(f"Making up about {samples.events:,} events of {samples.days} days for {found}")
        with prepared(samples, lambda text: _say(f"  {text}")) as (catalog, dsn):
            _serve(catalog, dsn, listening)
    return 0


def _serve(catalog: Any, dsn: str, listening: socket.socket) -> None:
    import uvicorn

    from adi_analytics.server import ServerOptions, create_app

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            _say("The dashboard, on sample data. Ctrl-C ends it, and removes all that it made:")
            print("http://{}:{}/".format(*listening.getsockname()), flush=True)

    app = create_app(ServerOptions(database_url=dsn, catalog=catalog, without_tokens=True, samples=True))
    config = uvicorn.Config(app, ws="none", access_log=False, server_header=False, lifespan="on", log_config=None)
    server = Server(config)
    for one in _heard() - {signal.SIGTERM}:  # that one is uvicorn's own
        signal.signal(one, lambda *_: setattr(server, "should_exit", True))
    with contextlib.suppress(KeyboardInterrupt):
        server.run([listening])
    _say("Stopped.")


@contextlib.contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    """Take the port first: who waits for the samples shall not learn at the end that it is another program's."""
    try:
        made = socket.create_server((_HOST, port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise OSError(f"port {port} is taken\n  -> Name another --port, or none for a free one.") from None
        raise OSError(f"port {port}: {error.strerror}") from None
    with made:
        yield made


@contextlib.contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """Let SIGTERM and a closed terminal end it as Ctrl-C does, so that PostgreSQL is stopped and removed then, too."""
    before = {one: signal.signal(one, signal.default_int_handler) for one in _heard()}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _heard() -> set[signal.Signals]:
    """Return the signals that end it, besides Ctrl-C; `nohup` lets one of them be ignored."""
    known = {signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)}
    return {one for one in known if signal.getsignal(one) != signal.SIG_IGN}


def _say(text: str) -> None:
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:  # the terminal is gone, or whoever read
        forget(sys.stderr)
