"""An HTTP session that performs the worker's effects in asyncio."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import httpx2

from adi_analytics._engine.delivery.effects import Connect, Disconnect, Effect, Post, Reset
from adi_analytics._engine.drivers.http_line import HttpLine
from adi_analytics._shared.clickhouse.errors import UnreachableServerError
from adi_analytics._shared.clickhouse.line import UNREACHABLE

if TYPE_CHECKING:
    from adi_analytics._shared.clickhouse.address import ClickhouseAddress


class AsyncioHttpSession:
    """One connection at a time to an HTTP interface, for asyncio.

    Args:
        address: The server.
        connect_timeout: Seconds for a connection.
        statement_timeout: As for `HttpSession`.
    """

    def __init__(self, address: ClickhouseAddress, connect_timeout: float, statement_timeout: float) -> None:
        self._line = HttpLine(address, connect_timeout, statement_timeout)
        self._transport: httpx2.AsyncHTTPTransport | None = None

    async def perform(self, effect: Effect) -> Any:
        """Do *effect* and return its result."""
        match effect:
            case Post():
                return await self._post(effect)
            case Connect():
                await self._disconnect()
                self._transport = httpx2.AsyncHTTPTransport(**self._line.options())
            case Reset():
                return self._transport is not None
            case Disconnect():
                await self._disconnect()
        return None

    async def _post(self, effect: Post) -> bytes:
        if self._transport is None:
            raise UnreachableServerError("Closed", "the connection is closed")
        request = self._line.request(effect.statement, effect.parameters, effect.data)
        try:
            return await self._line.send_async(self._transport, request)
        except UnreachableServerError:
            await self._disconnect()
            raise

    async def _disconnect(self) -> None:
        transport, self._transport = self._transport, None
        if transport is not None:
            with contextlib.suppress(*UNREACHABLE):
                await transport.aclose()
