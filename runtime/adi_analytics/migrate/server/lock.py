"""The migrator's lock: one run at a time per database, with the holder's name for those who wait."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from adi_analytics.migrate.errors import LockedError
from adi_analytics.migrate.server.connection import Connection, fetch_value

KEYS: Final = (0x61646961, 0x6D696772)  # "adia", "migr"
_POLL: Final = 0.25  # seconds

logger = logging.getLogger(__name__)

_HOLDER: Final = """
select l.pid, a.application_name, a.usename, coalesce(host(a.client_addr), 'local socket'),
       a.state, date_trunc('second', a.backend_start)::text
from pg_catalog.pg_locks l
left join pg_catalog.pg_stat_activity a on a.pid = l.pid
where l.locktype = 'advisory' and l.granted and l.objsubid = 2
  and l.database = (select oid from pg_catalog.pg_database where datname = current_database())
  and l.classid = %s and l.objid = %s
"""

_WHO: Final = """
select pg_backend_pid(), max(l.pid), count(*) > 0
from pg_catalog.pg_locks l
where l.locktype = 'advisory' and l.granted and l.objsubid = 2
  and l.database = (select oid from pg_catalog.pg_database where datname = current_database())
  and l.classid = %s and l.objid = %s
"""


@dataclass(frozen=True, slots=True)
class Held:
    """Who answered when the lock was taken, and who held it then.

    On one server that is one process; a build with a single session (WASM) numbers the two differently, or the holder
    not at all, so both are kept, and whether anybody holds it.
    """

    session: int | None
    holder: int | None
    taken: bool


@contextlib.contextmanager
def hold(connection: Connection, *, wait: float, waiting: Callable[[str], None] | None = None) -> Iterator[Held]:
    """Hold the lock for the length of the block.

    The lock is tried, not waited for: a session that waits for an advisory lock holds a snapshot, and
    CREATE INDEX CONCURRENTLY of the holder would wait for that snapshot for ever.

    Args:
        connection: The session that is to hold it.
        wait: Seconds to keep trying.
        waiting: Called once with the holder's description when the first try fails.

    Raises:
        LockedError: If another session still holds the lock after *wait* seconds, or if it was lost in the block.
    """
    held = _acquire(connection, wait, waiting)
    with releasing(connection, KEYS):
        yield held


@contextlib.contextmanager
def releasing(connection: Connection, keys: tuple[int, int]) -> Iterator[None]:
    """Release an advisory lock at the end of the block.

    Raises:
        LockedError: If it was another session's: a pooler keeps that one, and with it the lock.
    """
    try:
        yield
    except BaseException:
        _release(connection, keys)
        raise
    if not _release(connection, keys):
        raise LockedError(holder=describe_holder(connection, keys), kept=True)


def _release(connection: Connection, keys: tuple[int, int]) -> bool:
    if connection.closed or connection.broken:
        return True  # the server releases what a lost session held
    return bool(fetch_value(connection, "select pg_advisory_unlock(%s, %s)", *keys))


def _acquire(connection: Connection, wait: float, waiting: Callable[[str], None] | None) -> Held:
    deadline = time.monotonic() + wait
    announced = False
    while not fetch_value(connection, "select pg_try_advisory_lock(%s, %s)", *KEYS):
        holder = describe_holder(connection)
        if time.monotonic() >= deadline:
            raise LockedError(holder=holder)
        if not announced:
            announced = True
            logger.info("waiting for the migrator's lock, held by %s", holder)
            if waiting is not None:
                waiting(holder)
        time.sleep(min(_POLL, max(0.0, deadline - time.monotonic())))
    return _held(connection)


def _held(connection: Connection) -> Held:
    session, holder, taken = connection.execute(_WHO, KEYS).fetchone() or (None, None, False)
    return Held(session, holder, bool(taken))


def describe_holder(connection: Connection, keys: tuple[int, int] = KEYS) -> str:
    """Return who holds the lock, in words."""
    row = connection.execute(_HOLDER, keys).fetchone()
    if row is None:
        return "nobody any more"
    pid, application, user, address, state, since = row
    return f"pid {pid}, application {application!r}, role {user}, from {address}, {state}, connected since {since}"


def check_still_held(connection: Connection, held: Held) -> None:
    """Make sure that the lock belongs to the session that answers now.

    Raises:
        LockedError: If a pooler moved us to another session, or if the lock was taken away.
    """
    if held != _held(connection) or not held.taken:
        raise LockedError(holder=None)
