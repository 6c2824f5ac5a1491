"""Serves the tools over stdin and stdout, by the SDK of the protocol. Log lines go to stderr."""

from __future__ import annotations

import asyncio
import signal
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import mcp_types as types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

from adi_analytics._shared.conninfo import resolve_conninfo
from adi_analytics._shared.options import catalog_in, settings_from, with_catalog
from adi_analytics._shared.version import __version__
from adi_analytics.server.mcp.tools import INSTRUCTIONS, Tools
from adi_analytics.server.read.reading import Reading
from adi_analytics.server.read.sources.source import source_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from adi_analytics.server.options import ServerOptions

MOST_ROWS: Final = 1000
"""Most rows of an answer without a limit: whoever asks reads them all."""

_READS: Final = types.ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)


def run(options: ServerOptions) -> None:
    """Serve the tools until stdin ends, or a signal ends the process: there is nothing to put in order.

    Raises:
        CatalogError: If the catalog can't be found or used.
        ConninfoMissingError: If no database is given.
    """
    server = server_of(reading_of(options))

    async def serve() -> None:
        async with stdio_server() as (incoming, outgoing):
            await server.run(incoming, outgoing, server.create_initialization_options())

    signal.signal(signal.SIGINT, signal.SIG_DFL)  # the thread that waits for stdin can't be interrupted
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:  # on Windows psycopg takes no other
        runner.run(serve())


def server_of(reading: Reading) -> Server[Any]:
    """Return the protocol's server of what *reading* answers."""
    tools = Tools(reading)

    @asynccontextmanager
    async def lifespan(_server: Server[Any]) -> AsyncIterator[None]:
        await reading.open()
        try:
            yield
        finally:
            await reading.close()

    async def listed(_context: Any, _params: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        return types.ListToolsResult(
            tools=[
                types.Tool(name=name, description=one.description, input_schema=dict(one.schema), annotations=_READS)
                for name, one in tools.tools.items()
            ]
        )

    async def called(_context: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        text, wrong = await tools.call(params.name, params.arguments or {})
        return types.CallToolResult(content=[types.TextContent(text=text)], is_error=wrong)

    return Server(
        "adi-analytics",
        version=__version__,
        instructions=INSTRUCTIONS.format(catalog=reading.catalog),
        lifespan=lifespan,
        on_list_tools=listed,
        on_call_tool=called,
    )


def reading_of(options: ServerOptions) -> Reading:
    """Return what answers; the database is looked for when a question comes.

    Raises:
        CatalogError: If the catalog can't be found or used.
        ConninfoMissingError: If no database is given.
    """
    settings = with_catalog(settings_from({} if options.catalog is None else {"catalog": options.catalog}))
    url = options.read_database_url or options.database_url
    place = url if callable(url) else resolve_conninfo(url, clickhouse=True)
    return Reading(
        catalog_in(settings),
        source_of(place, settings, connections=options.read_connections, timeout=options.query_timeout),
        timeout=options.query_timeout,
        suppress_below=options.suppress_below,
        most_rows=MOST_ROWS,
    )
