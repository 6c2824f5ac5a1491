"""A blocking HTTP session that performs the worker's effects."""

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


class HttpSession:
    """One connection at a time to an HTTP interface; with TLS if the address says so.

    Args:
        address: The server.
        connect_timeout: Seconds for a connection.
        statement_timeout: Seconds; the server gets a little more before it counts as unavailable.
    """

    def __init__(self, address: ClickhouseAddress, connect_timeout: float, statement_timeout: float) -> None:
        self._line = HttpLine(address, connect_timeout, statement_timeout)
        self._transport: httpx2.HTTPTransport | None = None

    def perform(self, effect: Effect) -> Any:
        """Do *effect* and return its result."""
        match effect:
            case Post():
                return self._post(effect)
            case Connect():
                self._disconnect()
                self._transport = httpx2.HTTPTransport(**self._line.options())
            case Reset():
                return self._transport is not None
            case Disconnect():
                self._disconnect()
        return None

    def limit(self, longest: float) -> None:
        """Let no call last much longer than *longest* seconds."""
        self._line.limit(longest)

    def abandon(self) -> None:
        """Forget the connection without a word to the server."""
        if self._transport is not None:
            _ABANDONED.append(self._transport)
        self._transport = None

    def _post(self, effect: Post) -> bytes:
        if self._transport is None:
            raise UnreachableServerError("Closed", "the connection is closed")
        request = self._line.request(effect.statement, effect.parameters, effect.data)
        try:
            return self._line.send(self._transport, request)
        except UnreachableServerError:
            self._disconnect()
            raise

    def _disconnect(self) -> None:
        transport, self._transport = self._transport, None
        if transport is not None:
            with contextlib.suppress(*UNREACHABLE):
                transport.close()


_ABANDONED: list[object] = []
"""Transports of a parent process, kept so that no destructor in the child closes the parent's connection."""
