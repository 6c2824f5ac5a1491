"""Questions and statements for ClickHouse, one after the other, blocking or in asyncio."""

from __future__ import annotations

import contextlib
import json
import math
from typing import TYPE_CHECKING, Any, Final

import httpx2

from adi_analytics._shared.clickhouse.errors import UnreachableServerError
from adi_analytics._shared.clickhouse.line import UNREACHABLE, Line

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Self

    from adi_analytics._shared.clickhouse.address import ClickhouseAddress

PINS: Final = {
    "session_timezone": "UTC",
    "join_use_nulls": "0",
    "transform_null_in": "0",
    "aggregate_functions_null_for_empty": "0",
    "data_type_default_nullable": "0",
    "prefer_column_name_to_alias": "0",
    "date_time_input_format": "basic",
    "date_time_output_format": "simple",
    "wait_end_of_query": "1",
}
"""Settings of a user's profile that change what a statement means, or when its error is told. Each request has them."""
_JSON: Final = {
    "default_format": "JSONCompactEachRow",
    "output_format_json_quote_64bit_integers": "0",
    "output_format_json_quote_denormals": "1",
    "output_format_json_quote_decimals": "1",
}
"""Whole numbers of any size are numbers, which Python reads exactly; decimals, `nan` and `inf` are texts."""
_GRACE: Final = 5.0  # seconds beyond the server's own limit, for its error to arrive


class _Base:
    def __init__(
        self,
        address: ClickhouseAddress,
        *,
        connect_timeout: float = 10.0,
        timeout: float = math.inf,
        connections: int = 1,
    ) -> None:
        """Remember the server.

        Args:
            address: The server, and the database that statements are about.
            connect_timeout: Seconds for a connection.
            timeout: Seconds for each statement.
            connections: Most connections at a time, in asyncio.
        """
        self.address = address
        self._line = Line(address, connect_timeout, timeout + _GRACE, connections=connections)
        self._parameters = PINS | {"database": address.database}
        if timeout != math.inf:
            self._parameters["max_execution_time"] = str(max(0.001, timeout))

    def _request(
        self, statement: str, settings: Mapping[str, str] | None, values: Mapping[str, Any], data: bytes = b""
    ) -> httpx2.Request:
        given = {f"param_{name}": _escaped(str(value)) for name, value in values.items()}
        return self._line.request(statement, self._parameters | dict(settings or {}) | given, data)


class ClickhouseSession(_Base):
    """Asks a ClickHouse and waits. One thread at a time may use it."""

    _transport: httpx2.HTTPTransport | None = None

    def ask(
        self, statement: str, settings: Mapping[str, str] | None = None, *, data: bytes = b"", **values: Any
    ) -> bytes:
        """Return the answer to *statement*, in the format that it or the settings name.

        Args:
            statement: One statement; ``{name:Type}`` stands for a value.
            settings: The server's settings for this statement.
            data: The rows that an insert stores.
            values: What the names of the statement stand for.

        Raises:
            ClickhouseError: If there is none.
        """
        request = self._request(statement, settings, values, data)
        try:
            if self._transport is None:
                self._transport = httpx2.HTTPTransport(**self._line.options())
            return self._line.send(self._transport, request)
        except UnreachableServerError:
            self.close()
            raise

    def rows(self, statement: str, settings: Mapping[str, str] | None = None, **values: Any) -> list[list[Any]]:
        """Return the rows that *statement* gives, as JSON has their values; arguments as `ask`."""
        return _rows(self.ask(statement, _JSON | dict(settings or {}), **values))

    def value(self, statement: str, **values: Any) -> Any:
        """Return the first value of the first row that *statement* gives; None if there is no row."""
        found = self.rows(statement, **values)
        return found[0][0] if found else None

    def close(self) -> None:
        """Close the connection; the next question makes a new one."""
        transport, self._transport = self._transport, None
        if transport is not None:
            with contextlib.suppress(*UNREACHABLE):
                transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncClickhouseSession(_Base):
    """Asks a ClickHouse in asyncio; up to ``connections`` tasks at a time."""

    _transport: httpx2.AsyncHTTPTransport | None = None

    async def ask(self, statement: str, settings: Mapping[str, str] | None = None, **values: Any) -> bytes:
        """Return the answer to *statement*, as `ClickhouseSession.ask` does."""
        request = self._request(statement, settings, values)
        if self._transport is None:
            self._transport = httpx2.AsyncHTTPTransport(**self._line.options())
        return await self._line.send_async(self._transport, request)

    async def rows(self, statement: str, settings: Mapping[str, str] | None = None, **values: Any) -> list[list[Any]]:
        """Return the rows that *statement* gives, as `ClickhouseSession.rows` does."""
        return _rows(await self.ask(statement, _JSON | dict(settings or {}), **values))

    async def close(self) -> None:
        """Close the connections; the next question makes a new one."""
        transport, self._transport = self._transport, None
        if transport is not None:
            with contextlib.suppress(*UNREACHABLE):
                await transport.aclose()


def _rows(body: bytes) -> list[list[Any]]:
    return [json.loads(line) for line in body.splitlines() if line]


def _escaped(value: str) -> str:
    """Return *value* as a server reads that of a parameter: like a field of TSV."""
    return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
