"""What all sessions share: how to reach the server, requests, answers and patience."""

from __future__ import annotations

import base64
import math
import socket
import ssl
from typing import TYPE_CHECKING, Any, Final

import httpx2

from adi_analytics._shared.clickhouse.errors import OK, UnreachableServerError, refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adi_analytics._shared.clickhouse.address import ClickhouseAddress

# A server closes a connection that is idle for 3 seconds (old ones) or more; a request must not meet that.
_IDLE: Final = 2.0
# A statement may take hours without a byte; a machine that is gone is noticed after a minute, as with PostgreSQL.
_ALIVE: Final = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, getattr(socket, name), value)
        for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3))
        if hasattr(socket, name)
    ),
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
]

# A RuntimeError: no thread can be started to ask for the host's address.
UNREACHABLE: Final = (httpx2.RequestError, OSError, RuntimeError, UnicodeError)
"""What a transport raises when the server can't be reached."""


class Line:
    """What a session knows of its server.

    Args:
        address: The server.
        connect_timeout: Seconds for a connection.
        patience: Seconds without a byte of the answer after which the server counts as unavailable.
        connections: Most connections at a time.
    """

    def __init__(
        self, address: ClickhouseAddress, connect_timeout: float, patience: float, *, connections: int = 1
    ) -> None:
        self._address = address
        self._connect = connect_timeout
        self._patience = patience
        self._connections = connections
        # As bytes, since a password may be any text.
        key = base64.b64encode(f"{address.user}:{address.password}".encode())
        self._headers = {b"Content-Type": b"application/octet-stream"}
        if address.user:
            self._headers[b"Authorization"] = b"Basic " + key

    def limit(self, longest: float) -> None:
        """Let no call last much longer than *longest* seconds."""
        self._patience, self._connect = min(self._patience, longest), min(self._connect, longest)

    def options(self) -> dict[str, Any]:
        """Return how to make a transport: straight to the server, whatever proxy the environment names.

        Raises:
            UnreachableServerError: If the certificates can't be read.
        """
        context: ssl.SSLContext | bool = False
        if self._address.secure:
            try:
                context = self.context(self._address.ca_cert or None)
            except (OSError, ValueError) as error:
                why = getattr(error, "strerror", None) or "no file can have this name"
                raise UnreachableServerError(type(error).__name__, f"ca_cert can't be read: {why}") from None
        limits = httpx2.Limits(max_connections=self._connections, keepalive_expiry=_IDLE)
        return {"limits": limits, "trust_env": False, "verify": context, "socket_options": _ALIVE}

    def context(self, certificates: str | None) -> ssl.SSLContext:
        """Return what TLS is spoken by: trust in the file of *certificates*, or in those of the system."""
        return ssl.create_default_context(cafile=certificates)

    def request(self, statement: str, parameters: Mapping[str, str], data: bytes = b"") -> httpx2.Request:
        """Return the request of *statement*, with *data* behind it."""
        asked, content = dict(parameters), data
        if data:
            asked["query"] = statement
        else:
            content = statement.encode()
        seconds = {"connect": self._connect, **dict.fromkeys(("read", "write", "pool"), self._patience)}
        timeout = {name: None if value == math.inf else value for name, value in seconds.items()}
        return httpx2.Request(
            "POST",
            self._address.url,
            params=asked,
            headers=self._headers,
            content=content,
            extensions={"timeout": timeout},
        )

    def send(self, transport: httpx2.HTTPTransport, request: httpx2.Request) -> bytes:
        """Return the server's answer to *request*.

        Raises:
            UnreachableServerError: If there is none.
            RefusedByServerError: If it is an error.
        """
        try:
            response = transport.handle_request(request)
            try:
                body = response.read()
            finally:
                response.close()
        except UNREACHABLE as error:
            raise self._unreachable(error) from None
        return self._answer(response, body)

    async def send_async(self, transport: httpx2.AsyncHTTPTransport, request: httpx2.Request) -> bytes:
        """Return the server's answer to *request*, as `send` does."""
        try:
            response = await transport.handle_async_request(request)
            try:
                body = await response.aread()
            finally:
                await response.aclose()
        except UNREACHABLE as error:
            raise self._unreachable(error) from None
        return self._answer(response, body)

    def _answer(self, response: httpx2.Response, body: bytes) -> bytes:
        code = response.headers.get("X-ClickHouse-Exception-Code")
        if response.status_code != OK or code is not None:
            raise refusal(response.status_code, code, body)
        return body

    def _unreachable(self, error: Exception) -> UnreachableServerError:
        kind = type(error).__name__
        return UnreachableServerError(kind, f"{self._address.place}: {kind} {error}".strip())
