"""``analytics-server``: runs the service, describes it, and makes the tokens of its clients.

``--version`` and ``--help`` import nothing but the parser.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any, Final

from adi_analytics.errors import AnalyticsError
from adi_analytics.server.cli import sample

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_ERROR: Final = 1
_INTERRUPTED: Final = 130
_UNKNOWN_TABLE: Final = 60
_EXTRA: Final = {
    "starlette": "server",
    "uvicorn": "server",
    "backports": "server",
    "psycopg_pool": "server",
    "prometheus_client": "server",
    "mcp": "mcp",
    "mcp_types": "mcp",
    "rich": "cli",
}
_EXAMPLES: Final = """examples:
  analytics-server token create --name web --scope ingest
  analytics-server run --port 8094 --spool-dir /var/lib/analytics
  analytics-server token create --name dashboard --scope read
  analytics-server openapi > openapi.json
  analytics-server client typescript > analytics.ts
  analytics-server grafana > dashboard.json
  analytics-server mcp --read-database-url postgresql://reader@localhost/app
  analytics-server run --without-tokens               # on this machine alone, to try it
  analytics-server sample                             # the dashboard on made-up events; needs no database
  curl -X POST http://127.0.0.1:8094/api/analytics/events/batch -H "Authorization: Bearer $TOKEN" \\
    -H "Content-Type: application/json" \\
    -d '[{"timestamp": "2026-01-31T12:00:00Z", "event": {"type": "task_created", ...}}]'"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``analytics-server`` with *argv* and return its exit code. No traceback reaches the user."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except KeyboardInterrupt:
        return _INTERRUPTED
    except ModuleNotFoundError as error:
        extra = _EXTRA.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        return _complain(f"the package {error.name} is not installed\n  -> pip install 'adi-analytics[{extra}]'")
    except (AnalyticsError, OSError) as error:
        return _complain(str(error))


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        "analytics-server",
        description="Takes events over HTTP, and answers questions.",
        epilog=_EXAMPLES,
        formatter_class=raw,
    )
    parser.add_argument("--version", action="version", version=f"analytics-server {_version()}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    run = commands.add_parser("run", help="run the service", epilog=_EXAMPLES, formatter_class=raw)
    _database(run)
    run.add_argument("--host", default="127.0.0.1", help="the address to listen at (default: 127.0.0.1)")
    run.add_argument("--port", type=int, default=8094, help="the port to listen at; 0: a free one (default: 8094)")
    run.add_argument("--workers", type=int, default=1, metavar="N", help="processes; limits are of each (default: 1)")
    _answers(run)
    run.add_argument("--service", help="the program that events are said to come from, unless they say it themselves")
    run.add_argument("--spool-dir", metavar="DIR", help="where events wait while the database is away")
    run.add_argument("--connections", type=int, default=4, help="most connections that take events (default: 4)")
    run.add_argument("--log-format", choices=("text", "json"), default="text", help="json: a line a request, too")
    _clients(run)
    run.set_defaults(run=_run)

    sample.add(commands)

    mcp = commands.add_parser("mcp", help="answer questions over the Model Context Protocol, on stdin and stdout")
    _database(mcp)
    _answers(mcp)
    mcp.add_argument("--log-format", choices=("text", "json"), default="text", help="of the lines on stderr")
    mcp.set_defaults(run=_mcp)

    openapi = commands.add_parser("openapi", help="print the OpenAPI document of the catalog; needs no database")
    openapi.add_argument("--catalog", metavar="PACKAGE", help="the import name of the generated package")
    openapi.set_defaults(run=_openapi)

    client = commands.add_parser("client", help="print a typed client of the catalog's aggregates; needs no database")
    client.add_argument("language", choices=("typescript", "python"), help="the language of the client")
    client.add_argument("--catalog", metavar="PACKAGE", help="the import name of the generated package")
    client.set_defaults(run=_client)

    grafana = commands.add_parser("grafana", help="print a dashboard for Grafana; needs no database")
    grafana.add_argument("--catalog", metavar="PACKAGE", help="the import name of the generated package")
    grafana.set_defaults(run=_grafana)

    _tokens(commands)
    return parser


def _tokens(commands: Any) -> None:
    raw = argparse.RawDescriptionHelpFormatter
    token = commands.add_parser("token", help="make, list and revoke tokens", epilog=_EXAMPLES, formatter_class=raw)
    actions = token.add_subparsers(metavar="ACTION", required=True)
    create = actions.add_parser("create", help="make a token and print it, this once")
    _database(create)
    create.add_argument("--name", required=True, help="who uses it")
    create.add_argument("--scope", required=True, choices=("ingest", "read"), help="what it allows")
    create.set_defaults(run=_create)
    listing = actions.add_parser("list", help="list the tokens, without their secrets")
    _database(listing)
    listing.add_argument("--format", choices=("table", "json"), default="table", help="default: table")
    listing.set_defaults(run=_list)
    revoke = actions.add_parser("revoke", help="make a token invalid, within seconds")
    _database(revoke)
    revoke.add_argument("id", help="the token's id, as `token list` shows it")
    revoke.set_defaults(run=_revoke)


def _database(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--database-url", metavar="URL", help="default: DATABASE_URL, then PLATFORM_DATABASE_URL, then .env"
    )


def _answers(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--catalog", metavar="PACKAGE", help="the import name of the generated package")
    parser.add_argument("--read-database-url", metavar="URL", help="where answers are read, as a role that only reads")
    parser.add_argument("--read-connections", type=int, default=4, help="most connections that read (default: 4)")
    parser.add_argument(
        "--query-timeout", type=float, default=30.0, metavar="SECONDS", help="for an answer (default: 30)"
    )
    parser.add_argument("--suppress-below", type=int, metavar="K", help="answer smaller distinct counts as null")


def _clients(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rate-limit", type=float, default=100.0, metavar="N", help="requests a second (default: 100)")
    parser.add_argument(
        "--max-connections", type=int, default=512, metavar="N", help="open ones that are served (default: 512)"
    )
    parser.add_argument(
        "--cors-origin", action="append", default=[], metavar="ORIGIN", help="whose pages may ask; repeat"
    )
    parser.add_argument(
        "--without-tokens",
        action="store_true",
        help="let anybody on this machine send and read; only with a loopback --host",
    )
    parser.add_argument(
        "--overview-age",
        type=float,
        default=10.0,
        metavar="SECONDS",
        help="most that /overview may be old, where counting takes long; 0: count each time (default: 10)",
    )
    parser.add_argument("--no-dashboard", action="store_true", help="serve no page at /")


def _version() -> str:
    from adi_analytics._shared.version import __version__

    return __version__


def _run(arguments: argparse.Namespace) -> int:
    from adi_analytics.server import ServerOptions
    from adi_analytics.server.cli.serve import Serving, serve
    from adi_analytics.server.guard import Guard
    from adi_analytics.server.logs import configure
    from adi_analytics.server.options import require_loopback

    configure(arguments.log_format)
    if arguments.without_tokens:
        require_loopback(arguments.host)
    options = ServerOptions(
        database_url=arguments.database_url,
        catalog=_catalog(arguments),
        service=arguments.service,
        spool_dir=arguments.spool_dir,
        connections=arguments.connections,
        read_database_url=arguments.read_database_url,
        read_connections=arguments.read_connections,
        query_timeout=arguments.query_timeout,
        suppress_below=arguments.suppress_below,
        overview_age=arguments.overview_age,
        rate_limit=arguments.rate_limit,
        cors_origins=arguments.cors_origin,
        without_tokens=arguments.without_tokens,
        dashboard=not arguments.no_dashboard,
    )
    serving = Serving(
        options=options,
        guard=Guard(connections=arguments.max_connections),
        host=arguments.host,
        port=arguments.port,
        workers=arguments.workers,
        log_format=arguments.log_format,
    )
    return 0 if serve(serving) else _ERROR


def _catalog(arguments: argparse.Namespace) -> Any:
    """Return the catalog to serve: that of the project around also when its package is not installed."""
    from adi_analytics._shared.catalog import CatalogError
    from adi_analytics._shared.source import find_source

    if arguments.catalog is not None:
        return arguments.catalog
    try:
        return find_source().catalog()
    except CatalogError:
        return None  # a catalog without a manifest takes events; otherwise the service says what it lacks


def _mcp(arguments: argparse.Namespace) -> int:
    from adi_analytics.server import ServerOptions
    from adi_analytics.server.logs import configure
    from adi_analytics.server.mcp.serve import run

    configure(arguments.log_format)
    run(
        ServerOptions(
            database_url=arguments.database_url,
            catalog=_catalog(arguments),
            read_database_url=arguments.read_database_url,
            read_connections=arguments.read_connections,
            query_timeout=arguments.query_timeout,
            suppress_below=arguments.suppress_below,
        )
    )
    return 0


def _openapi(arguments: argparse.Namespace) -> int:
    from adi_analytics.server.read.reading import openapi_of

    print(json.dumps(openapi_of(arguments.catalog), indent=2, ensure_ascii=False))
    return 0


def _client(arguments: argparse.Namespace) -> int:
    from adi_analytics.query import describe
    from adi_analytics.server.client.render import render

    print(render(describe(arguments.catalog), arguments.language), end="")
    return 0


def _grafana(arguments: argparse.Namespace) -> int:
    from adi_analytics.query.model.describe import describe, manifest_of
    from adi_analytics.server.grafana.dashboard import dashboard
    from adi_analytics.server.read.dashboard.shown import shown_beside

    made = dashboard(describe(arguments.catalog), shown_beside(manifest_of(arguments.catalog)))
    print(json.dumps(made, indent=2, ensure_ascii=False))
    return 0


def _create(arguments: argparse.Namespace) -> int:
    def make(tokens: Any, database: Any) -> str:
        return str(tokens.create(database, arguments.name, arguments.scope))

    print(_with_database(arguments, make))
    print("This is shown once. Give it to the client: Authorization: Bearer TOKEN", file=sys.stderr)
    return 0


def _list(arguments: argparse.Namespace) -> int:
    found = _with_database(arguments, lambda tokens, database: tokens.listed(database))
    if arguments.format == "json":
        print(json.dumps([_plain(one) for one in found], indent=2))
        return 0
    from rich.console import Console
    from rich.table import Table

    table = Table("id", "name", "scope", "created", "revoked", box=None)
    for one in found:
        plain = _plain(one)
        table.add_row(one.id, one.name, one.scope, plain["created_at"], plain["revoked_at"] or "")
    Console().print(table)
    return 0


def _plain(token: Any) -> dict[str, Any]:
    revoked = token.revoked_at
    return {
        "id": token.id,
        "name": token.name,
        "scope": token.scope,
        "created_at": token.created_at.isoformat(timespec="seconds"),
        "revoked_at": None if revoked is None else revoked.isoformat(timespec="seconds"),
    }


def _revoke(arguments: argparse.Namespace) -> int:
    from adi_analytics.server import tokens

    _with_database(arguments, lambda of, database: of.revoke(database, arguments.id))
    print(f"revoked {arguments.id}; services refuse it within {tokens.FRESH:g} seconds", file=sys.stderr)
    return 0


def _with_database(arguments: argparse.Namespace, work: Callable[[Any, Any], Any]) -> Any:
    """Return what *work* does with the functions for tokens and the database that they are in."""
    from adi_analytics._shared.clickhouse.address import is_clickhouse
    from adi_analytics._shared.conninfo import resolve_conninfo

    url = resolve_conninfo(arguments.database_url, clickhouse=True)
    return (_with_clickhouse if is_clickhouse(url) else _with_postgres)(url, work)


def _with_clickhouse(url: str, work: Callable[[Any, Any], Any]) -> Any:
    from adi_analytics._shared.clickhouse.address import parse_clickhouse, require_httpx2

    require_httpx2()
    from adi_analytics._shared.clickhouse.errors import ClickhouseError, RefusedByServerError, said
    from adi_analytics._shared.clickhouse.session import ClickhouseSession
    from adi_analytics.server import clickhouse_tokens

    try:
        with ClickhouseSession(parse_clickhouse(url)) as session:
            return work(clickhouse_tokens, session)
    except RefusedByServerError as error:
        if error.code == _UNKNOWN_TABLE:
            raise OSError("the database has no tokens; `analytics-server token create` makes the first") from None
        if error.code is None:
            raise OSError(f"what answers there is no ClickHouse (HTTP status {error.status})") from None
        raise OSError(f"the database said: {said(error.code, error.text)} (code {error.code})") from None
    except ClickhouseError as error:
        raise OSError(f"the database can't be reached: {error}") from None


def _with_postgres(url: str, work: Callable[[Any, Any], Any]) -> Any:
    from adi_analytics._shared.libpq import require_libpq

    require_libpq()
    import psycopg

    from adi_analytics._engine.drivers.connection import parameters
    from adi_analytics._shared.options import Settings
    from adi_analytics.server import tokens

    try:
        with psycopg.connect(**parameters(url, Settings())) as connection:
            connection.execute("set datestyle to 'ISO, YMD'")  # psycopg reads no other
            return work(tokens, connection)
    except psycopg.errors.UndefinedTable:
        raise OSError("the database has no table of tokens; run `analytics-migrate all` first") from None
    except psycopg.errors.InsufficientPrivilege:
        raise OSError("this role may not do that; connect as the role that ran the migrations") from None
    except psycopg.Error as error:
        state = f" (SQLSTATE {error.sqlstate})" if error.sqlstate else ""
        raise OSError(f"the database said: {_said(error, url)}{state}") from None


def _said(error: Exception, url: str) -> str:
    from adi_analytics._shared.conninfo import without_secrets

    return " ".join(without_secrets(str(error), url).split())


def _complain(text: str) -> int:
    print(f"analytics-server: {text}", file=sys.stderr)
    return _ERROR


if __name__ == "__main__":
    sys.exit(main())
