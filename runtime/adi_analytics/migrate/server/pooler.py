"""Finds out whether a connection is a session of its own, or a pooler gives its transactions to any session."""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from typing import Any, Final, LiteralString

import psycopg

_LOOKS: Final = 3  # other programs may take the session that is looked for
_PATIENCE: Final = 2.0  # seconds for another connection to answer: in session mode it may wait for a free session
# A setting that changes no result of ours, and that poolers do not keep for each client, as they do `application_name`.
_SEEN: Final = "select current_setting('geqo_seed')::float8::text"
_FORGET: Final = "reset geqo_seed"


def shares_sessions(connection: psycopg.Connection[Any], open_another: Callable[[], psycopg.Connection[Any]]) -> bool:
    """Whether a pooler in transaction mode stands between *connection* and the server.

    Then neither a lock nor a setting belongs to the connection: both stay with a session that serves others too.
    """
    (pid,) = unhurried(connection, "select pg_backend_pid()")
    if pid == connection.info.backend_pid:
        return False  # no pooler: it would give out a number of its own
    return any(_is_shared(connection, open_another) for _ in range(_LOOKS))


def unhurried(connection: psycopg.Connection[Any], query: LiteralString) -> tuple[Any, ...]:
    """Return the row of *query*, whose time the role's ``statement_timeout`` does not limit; no setting is left."""
    with connection.transaction():
        connection.execute("set local statement_timeout = 0")
        return connection.execute(query).fetchone() or (None,)


def _is_shared(connection: psycopg.Connection[Any], open_another: Callable[[], psycopg.Connection[Any]]) -> bool:
    (mark,) = connection.execute(
        "select set_config('geqo_seed', round(random()::numeric, 6)::text, false)::float8::text"
    ).fetchone() or ("",)
    try:
        with open_another() as other:
            if _answer(other) == mark:  # the session that was ours a moment ago
                other.execute(_FORGET)
                return True
    finally:
        seen = connection.execute(_SEEN).fetchone()
        connection.execute(_FORGET)
    return seen != (mark,)


def _answer(connection: psycopg.Connection[Any]) -> str | None:
    """Return the mark of the session of *connection*, or ``None`` if it does not answer."""
    pgconn, end = connection.pgconn, time.monotonic() + _PATIENCE
    pgconn.send_query(_SEEN.encode())
    while pgconn.is_busy():
        if not select.select([pgconn.socket], [], [], max(end - time.monotonic(), 0.0))[0]:
            pgconn.finish()
            return None
        pgconn.consume_input()
    result = pgconn.get_result()
    found = result.get_value(0, 0) if result is not None and result.ntuples else None
    while pgconn.get_result() is not None:
        pass
    return None if found is None else found.decode()
