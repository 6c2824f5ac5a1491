"""A blocking psycopg connection that performs the worker's effects."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.pq import TransactionStatus

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
from adi_analytics._engine.drivers.connection import patience, unforked, while_answered

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from typing import Self

    from psycopg.abc import RV, PQGen, PQGenConn


class PatientConnection(psycopg.Connection[Any]):
    """A connection that ends when the server is silent for `patience` seconds."""

    patience = math.inf

    @classmethod
    def _connect_gen(cls, conninfo: str = "") -> PQGenConn[Self]:
        return unforked(super()._connect_gen(conninfo))

    def wait(self, gen: PQGen[RV], *options: Any, **more: Any) -> RV:
        return super().wait(while_answered(gen, self.pgconn, self.patience), *options, **more)


class ThreadSession:
    """A psycopg connection.

    Args:
        connect_with: Makes the arguments of ``connect``, see `connector`.
        statement_timeout: Seconds; the server gets a little more before it counts as unavailable.
    """

    def __init__(self, connect_with: Callable[[], dict[str, Any]], statement_timeout: float) -> None:
        self._parameters = connect_with
        self._patience = patience(statement_timeout)
        self._connection: PatientConnection | None = None
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
                return self._end_copy(None)
            case Execute(statement, values):
                cursor = self._open().execute(statement.encode(), values or None)
                return cursor.fetchall() if cursor.description else cursor.rowcount
            case Connect():
                self._disconnect()
                self._connection = PatientConnection.connect(**self._parameters())
                self._connection.patience = self._patience
            case Reset():
                return self._reset()
            case Disconnect():
                self._disconnect()
        return None

    def limit(self, longest: float) -> None:
        """Let no call last much longer than *longest* seconds."""
        self._patience = min(self._patience, longest)
        if longest < math.inf:
            connect_with = self._parameters
            self._parameters = lambda: {**connect_with(), "connect_timeout": max(2, round(longest))}

    def abandon(self) -> None:
        """Forget the connection without a word to the server."""
        if self._connection is not None:
            _ABANDONED.append((self._connection, self._copying, self._copy))
        self._connection = self._copying = self._copy = None

    def _open(self) -> PatientConnection:
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

    def _end_copy(self, error: BaseException | None) -> int:
        copying, copy, self._copying, self._copy = self._copying, self._copy, None, None
        if copying is None or copy is None:
            return 0
        copying.__exit__(type(error) if error else None, error, None)
        return copy.cursor.rowcount

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


_ABANDONED: list[object] = []
"""Connections of a parent process, kept so that no destructor in the child closes the parent's session."""
