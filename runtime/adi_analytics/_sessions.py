"""The two ways to do what the core asks: blocking, and in asyncio."""

from __future__ import annotations

import asyncio
import math
import time
from typing import TYPE_CHECKING, Any, Final, Protocol

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus
from psycopg.waiting import wait_async

from adi_analytics._conninfo import ConninfoInvalidError, connection_options
from adi_analytics._effects import Connect, CopyData, CopyEnd, CopyStart, Disconnect, Effect, Execute, Reset

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager, AbstractContextManager

    from psycopg.abc import RV, PQGen
    from psycopg.pq.abc import PGconn

    from adi_analytics._options import Settings


_WAKE: Final = 0.1  # seconds between two looks at the clock while the server is silent
_GRACE: Final = 5.0  # seconds beyond the statement timeout, for the server's own word about it to arrive


class Session(Protocol):
    """Performs the effects that concern the database, blocking."""

    def perform(self, effect: Effect) -> Any:
        """Do *effect* and return its result."""

    def abandon(self) -> None:
        """Forget the connection without a word to the server: in a forked child it is the parent's."""


class AsyncSession(Protocol):
    """Performs the effects that concern the database, in asyncio."""

    async def perform(self, effect: Effect) -> Any:
        """Do *effect* and return its result."""


def parameters(conninfo: str, settings: Settings) -> dict[str, Any]:
    """Return the arguments of psycopg's ``connect``.

    Raises:
        ConninfoInvalidError: If *conninfo* is not a connection string.
    """
    try:
        found = conninfo_to_dict(conninfo)
    except psycopg.ProgrammingError:
        raise ConninfoInvalidError from None  # its text may quote a password
    # Without prepared statements: their names would clash behind a pooler.
    return {**connection_options(settings.connect_timeout), **found, "autocommit": True, "prepare_threshold": None}


def _while_answered(steps: PQGen[RV], pgconn: PGconn, seconds: float) -> PQGen[RV]:
    """Do *steps*, and close the connection if the server lets us wait for more than *seconds*.

    A server that is frozen can't keep its statement timeout, and its kernel keeps the connection alive.
    """
    end = time.monotonic() + seconds
    try:
        wanted = next(steps)
        while True:
            ready = yield wanted
            if not ready and time.monotonic() > end:
                pgconn.finish()
                raise psycopg.OperationalError("the server does not answer")
            wanted = steps.send(ready)
    except StopIteration as stop:
        result: RV = stop.value
        return result


class _Connection(psycopg.Connection[Any]):
    patience = math.inf

    def wait(self, gen: PQGen[RV], *options: Any, **more: Any) -> RV:
        return super().wait(_while_answered(gen, self.pgconn, self.patience), *options, **more)


class _AsyncConnection(psycopg.AsyncConnection[Any]):
    patience = math.inf

    async def wait(self, gen: PQGen[RV], *options: Any, **more: Any) -> RV:
        try:
            steps = _while_answered(gen, self.pgconn, self.patience)
            return await wait_async(steps, self.pgconn.socket, *options, **{"interval": _WAKE, **more})
        except asyncio.CancelledError:
            self.pgconn.finish()  # psycopg would ask the server to cancel, and wait for it for up to ten seconds
            raise


class ThreadSession:
    """A psycopg connection.

    Args:
        connect_with: The arguments of ``connect``, see `parameters`.
        statement_timeout: Seconds; the server gets a little more before it counts as away.
    """

    def __init__(self, connect_with: dict[str, Any], statement_timeout: float) -> None:
        self._parameters = connect_with
        self._patience = statement_timeout + _GRACE
        self._connection: _Connection | None = None
        self._copying: AbstractContextManager[psycopg.Copy] | None = None
        self._copy: psycopg.Copy | None = None

    def perform(self, effect: Effect) -> Any:
        """Do *effect* and return its result."""
        match effect:
            case CopyData(data):
                self._send(data)
            case CopyStart(statement):
                copying = self._copying = self._open().cursor().copy(statement.encode())
                self._copy = copying.__enter__()
            case CopyEnd():
                self._end_copy(None)
            case Execute(statement, values):
                cursor = self._open().execute(statement.encode(), values or None)
                return cursor.fetchall() if cursor.description else cursor.rowcount
            case Connect():
                self._disconnect()
                self._connection = _Connection.connect(**self._parameters)
                self._connection.patience = self._patience
            case Reset():
                return self._reset()
            case Disconnect():
                self._disconnect()
        return None

    def abandon(self) -> None:
        """Forget the connection without a word to the server."""
        if self._connection is not None:
            _ABANDONED.append((self._connection, self._copying, self._copy))
        self._connection = self._copying = self._copy = None

    def _open(self) -> _Connection:
        if self._connection is None:
            raise psycopg.OperationalError("the connection is closed")
        return self._connection

    def _send(self, data: bytes) -> None:
        if self._copy is None:
            raise psycopg.OperationalError("no COPY is under way")
        try:
            self._copy.write(data)
        except psycopg.Error as error:
            self._end_copy(error)
            raise

    def _end_copy(self, error: BaseException | None) -> None:
        copying, self._copying, self._copy = self._copying, None, None
        if copying is not None:
            copying.__exit__(type(error) if error else None, error, None)

    def _reset(self) -> bool:
        connection = self._connection
        try:
            if connection is not None and not connection.closed:
                if connection.info.transaction_status is not TransactionStatus.IDLE:
                    connection.rollback()
                return connection.info.transaction_status is TransactionStatus.IDLE
        except psycopg.Error:
            pass  # the connection is the fault's victim too
        self._disconnect()
        return False

    def _disconnect(self) -> None:
        self._copying = self._copy = None
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


class AsyncioSession:
    """A psycopg connection for asyncio.

    Args:
        connect_with: The arguments of ``connect``, see `parameters`.
        statement_timeout: As for `ThreadSession`.
    """

    def __init__(self, connect_with: dict[str, Any], statement_timeout: float) -> None:
        self._parameters = connect_with
        self._patience = statement_timeout + _GRACE
        self._connection: _AsyncConnection | None = None
        self._copying: AbstractAsyncContextManager[psycopg.AsyncCopy] | None = None
        self._copy: psycopg.AsyncCopy | None = None

    async def perform(self, effect: Effect) -> Any:
        """Do *effect* and return its result."""
        match effect:
            case CopyData(data):
                await self._send(data)
            case CopyStart(statement):
                copying = self._copying = self._open().cursor().copy(statement.encode())
                self._copy = await copying.__aenter__()
            case CopyEnd():
                await self._end_copy(None)
            case Execute(statement, values):
                cursor = await self._open().execute(statement.encode(), values or None)
                return await cursor.fetchall() if cursor.description else cursor.rowcount
            case Connect():
                await self._disconnect()
                self._connection = await _AsyncConnection.connect(**self._parameters)
                self._connection.patience = self._patience
            case Reset():
                return await self._reset()
            case Disconnect():
                await self._disconnect()
        return None

    def _open(self) -> _AsyncConnection:
        if self._connection is None:
            raise psycopg.OperationalError("the connection is closed")
        return self._connection

    async def _send(self, data: bytes) -> None:
        if self._copy is None:
            raise psycopg.OperationalError("no COPY is under way")
        try:
            await self._copy.write(data)
        except psycopg.Error as error:
            await self._end_copy(error)
            raise

    async def _end_copy(self, error: BaseException | None) -> None:
        copying, self._copying, self._copy = self._copying, None, None
        if copying is not None:
            await copying.__aexit__(type(error) if error else None, error, None)

    async def _reset(self) -> bool:
        connection = self._connection
        try:
            if connection is not None and not connection.closed:
                if connection.info.transaction_status is not TransactionStatus.IDLE:
                    await connection.rollback()
                return connection.info.transaction_status is TransactionStatus.IDLE
        except psycopg.Error:
            pass  # the connection is the fault's victim too
        await self._disconnect()
        return False

    async def _disconnect(self) -> None:
        self._copying = self._copy = None
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


_ABANDONED: list[object] = []
"""Connections of a parent process, kept so that no destructor in the child says goodbye in the parent's name."""
