"""How the worker's HTTP sessions reach their server."""

from __future__ import annotations

import ssl
from typing import Final

from adi_analytics._engine.process.at_fork import no_fork
from adi_analytics._shared.clickhouse.address import ClickhouseAddress
from adi_analytics._shared.clickhouse.line import Line

_GRACE: Final = 5.0  # seconds beyond the statement timeout, for the server's own error to arrive


class HttpLine(Line):
    """The line of a process that may fork.

    Args:
        address: The server.
        connect_timeout: Seconds for a connection.
        statement_timeout: Seconds; the server gets a little more before it counts as unavailable.
    """

    def __init__(self, address: ClickhouseAddress, connect_timeout: float, statement_timeout: float) -> None:
        super().__init__(address, connect_timeout, statement_timeout + _GRACE)

    def context(self, certificates: str | None) -> ssl.SSLContext:
        """Return the context of TLS; no fork may come while OpenSSL holds its locks."""
        with no_fork():
            return super().context(certificates)
