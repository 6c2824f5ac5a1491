"""A psycopg connection that performs the worker's effects in asyncio."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.waiting import wait_async

from adi_analytics._engine.delivery.effects import (
    Connect,
    CopyData,
    CopyEnd,
    CopyStart,
    Disconnect,
    Effect,
    Execute,
    Reset,
)
from adi_analytics._engine.drivers.connection import WAKE, patience, unforked, while_answered

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager
    from typing import Self

    from psycopg.abc import RV, PQGen, PQGenConn


class PatientAsyncConnection(psycopg.AsyncConnection[Any]):
    """A connection that ends when the server is silent for `patience` seconds."""

    patience = math.inf

    @classmethod
    def _connect_gen(cls, conninfo: str = "") -> PQGenConn[Self]:
        return unforked(super()._connect_gen(conninfo))

    async def wait(self, gen: PQGen[RV], *options: Any, **more: Any) -> RV:
        try:
            steps = while_answered(gen, self.pgconn, self.patience)
            return await wait_async(steps, self.pgconn.socket, *options, **{"interval": WAKE, **more})
        except asyncio.CancelledError:
            self.pgconn.finish()  # psycopg would ask the server to cancel, and wait for it for up to ten seconds
            raise


class AsyncioSession:
    """A psycopg connection for asyncio.

    Args:
        connect_with: Makes the arguments of ``connect``, see `connector`.
        statement_timeout: As for `ThreadSession`.
    """

    def __init__(self, connect_with: Callable[[], Awaitable[dict[str, Any]]], statement_timeout: float) -> None:
        self._parameters = connect_with
        self._patience = patience(statement_timeout)
        self._connection: PatientAsyncConnection | None = None
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
                return await self._end_copy(None)
            case Execute(statement, values):
                cursor = await self._open().execute(statement.encode(), values or None)
                return await cursor.fetchall() if cursor.description else cursor.rowcount
            case Connect():
                await self._disconnect()
                self._connection = await PatientAsyncConnection.connect(**await self._parameters())
                self._connection.patience = self._patience
            case Reset():
                return await self._reset()
            case Disconnect():
                await self._disconnect()
        return None

    def _open(self) -> PatientAsyncConnection:
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

    async def _end_copy(self, error: BaseException | None) -> int:
        copying, copy, self._copying, self._copy = self._copying, self._copy, None, None
        if copying is None or copy is None:
            return 0
        await copying.__aexit__(type(error) if error else None, error, None)
        return copy.cursor.rowcount

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
