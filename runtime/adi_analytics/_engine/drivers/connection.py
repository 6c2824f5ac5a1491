"""What both kinds of psycopg connection share: parameters and patience."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict

from adi_analytics._engine.process.at_fork import no_fork
from adi_analytics._shared.conninfo import ENCODING, ConninfoInvalidError, connection_options, fresh_conninfo
from adi_analytics._shared.defaults import with_defaults

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg.abc import RV, PQGen, PQGenConn
    from psycopg.pq.abc import PGconn

    from adi_analytics._shared.options import Settings

WAKE: Final = 0.1  # seconds between two looks at the clock while the server is silent
_GRACE: Final = 5.0  # seconds beyond the statement timeout, for the server's own error to arrive


def connector(conninfo: str | Callable[[], str], settings: Settings) -> Callable[[], dict[str, Any]]:
    """Return what makes the arguments of psycopg's ``connect`` for each connection.

    Raises:
        ConninfoInvalidError: If *conninfo* is a text, but not a connection string.
    """
    if not callable(conninfo):
        parameters(conninfo, settings)  # raises here
        return lambda: parameters(conninfo, settings)  # its service file may have changed

    def fresh() -> dict[str, Any]:
        try:
            return parameters(fresh_conninfo(conninfo), settings)
        except ConninfoInvalidError as error:
            raise psycopg.OperationalError(str(error)) from None  # as if the server could not be reached

    return fresh


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
    own = {"client_encoding": ENCODING, "autocommit": True, "prepare_threshold": None}
    return {**with_defaults(found, connection_options(settings.connect_timeout)), **own}


def patience(statement_timeout: float) -> float:
    """Return how many seconds a server may be silent before it counts as unavailable."""
    return statement_timeout + _GRACE


def unforked(steps: PQGenConn[RV]) -> PQGenConn[RV]:
    """Do *steps* of a connection; no fork comes in the middle of one, where OpenSSL holds locks."""
    try:
        with no_fork():
            wanted = next(steps)
        while True:
            ready = yield wanted
            with no_fork():
                wanted = steps.send(ready)
    except StopIteration as stop:
        result: RV = stop.value
        return result


class SilentServerError(psycopg.OperationalError):
    """The server let us wait for longer than it may."""


def while_answered(steps: PQGen[RV], pgconn: PGconn, seconds: float) -> PQGen[RV]:
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
                raise SilentServerError("the server does not answer")
            wanted = steps.send(ready)
    except StopIteration as stop:
        result: RV = stop.value
        return result
