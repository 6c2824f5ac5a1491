"""The migrator's lock on ClickHouse, which has none: a table that only one can create.

Its comment names the holder. While it works, it says each few seconds that it lives; a lock without a sign of life is
taken over. Before each statement the holder looks whether the lock is still its own. Two runs can so meet in one
statement at most, when one was asleep for half a minute, and each statement may run twice.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import secrets
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from adi_analytics._shared.clickhouse.errors import ClickhouseError, RefusedByServerError
from adi_analytics._shared.clickhouse.text import literal
from adi_analytics.migrate.clickhouse.server.session import EXISTS, UNKNOWN_TABLE
from adi_analytics.migrate.errors import LockedError
from adi_analytics.migrate.server.connection import host

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from adi_analytics.migrate.clickhouse.server.session import Server

LOCK: Final = "analytics_meta_lock"
MAINTAIN: Final = "analytics_meta_lock_maintain"
"""The lock of the housekeeping, of which one round at a time is enough."""
STALE: Final = 30.0  # seconds without a sign of life
_BEAT: Final = 5.0
_POLL: Final = 0.5
_AGE: Final = """
select comment, date_diff('millisecond', metadata_modification_time, now64(3)) / 1000
from system.tables where database = currentDatabase() and name = {name:String}
"""


@dataclass(frozen=True, slots=True)
class Held:
    """A lock that is ours: its table, and what its comment says."""

    server: Server
    name: str
    comment: str

    def check(self) -> None:
        """Make sure that nobody has taken the lock over.

        Raises:
            LockedError: If somebody has.
        """
        found = self.server.session.rows(_AGE, name=self.name)
        if not found or found[0][0] != self.comment:
            raise LockedError(holder=None)


@contextlib.contextmanager
def hold(
    server: Server, *, wait: float, waiting: Callable[[str], None] | None = None, name: str = LOCK
) -> Iterator[Held]:
    """Hold the lock for the length of the block.

    Args:
        server: Where.
        wait: Seconds to keep trying.
        waiting: Called once with the holder, when the first try fails.
        name: The table.

    Raises:
        LockedError: If another run still holds it after *wait* seconds.
    """
    held = Held(server, name, _comment())
    _acquire(held, wait, waiting)
    ended = threading.Event()
    beating = threading.Thread(target=_beat, args=(held, ended), daemon=True, name="adi-analytics-lock")
    beating.start()
    try:
        yield held
    finally:
        ended.set()
        beating.join(_BEAT)
        with contextlib.suppress(ClickhouseError, LockedError):
            held.check()
            server.session.ask(f"drop table if exists {name}{server.on_cluster} sync")


def _comment() -> str:
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = "a user without a name"
    return f"{user}@{host()}, process {os.getpid()}, {secrets.token_hex(8)}"


def _acquire(held: Held, wait: float, waiting: Callable[[str], None] | None) -> None:
    deadline = time.monotonic() + wait
    told = False
    while not _create(held):
        holder = _taken_over(held)
        if holder is None:
            continue
        if not told and waiting is not None:
            waiting(holder)
        told = True
        if time.monotonic() >= deadline:
            raise LockedError(holder=holder)
        time.sleep(min(_POLL, max(0.0, deadline - time.monotonic())))


def _create(held: Held) -> bool:
    cluster = held.server.on_cluster
    engine = "TinyLog" if not cluster else "ReplicatedMergeTree order by at"
    statement = (
        f"create table {held.name}{cluster} (at DateTime64(3, 'UTC')) engine = {engine} comment {literal(held.comment)}"
    )
    try:
        held.server.session.ask(statement)
    except RefusedByServerError as error:
        if error.code == EXISTS:
            return False
        raise
    return True


def _taken_over(held: Held) -> str | None:
    """Return who holds the lock; ``None`` if nobody does any more."""
    session = held.server.session
    found = session.rows(_AGE, name=held.name)
    if not found:
        return None
    comment, age = found[0]
    try:
        age = min(
            age, session.value(f"select date_diff('millisecond', max(at), now64(3)) / 1000 from {held.name}") or age
        )
    except RefusedByServerError as error:
        if error.code == UNKNOWN_TABLE:
            return None
        raise
    if age < STALE:
        return str(comment).rpartition(",")[0]
    _remove(held, str(comment))
    return None


def _remove(held: Held, comment: str) -> None:
    """Drop the lock with *comment*. What is moved aside is looked at first: it may be a new one."""
    session, cluster = held.server.session, held.server.on_cluster
    aside = f"{held.name}_{secrets.token_hex(8)}"
    try:
        session.ask(f"rename table {held.name} to {aside}{cluster}")
    except RefusedByServerError as error:
        if error.code in (UNKNOWN_TABLE, EXISTS):
            return
        raise
    moved = session.value(f"select comment from system.tables where database = currentDatabase() and name = '{aside}'")
    if moved == comment:
        session.ask(f"drop table if exists {aside}{cluster} sync")
        return
    with contextlib.suppress(RefusedByServerError):  # its holder looks before each statement, and stops
        session.ask(f"rename table {aside} to {held.name}{cluster}")


def _beat(held: Held, ended: threading.Event) -> None:
    from adi_analytics._shared.clickhouse.session import ClickhouseSession

    with ClickhouseSession(held.server.session.address, timeout=_BEAT) as session:
        while not ended.wait(_BEAT):
            with contextlib.suppress(ClickhouseError):
                session.ask(
                    f"insert into {held.name} select now64(3, 'UTC') where {_OURS}",
                    comment=held.comment,
                    name=held.name,
                )


_OURS: Final = (
    "(select count() from system.tables where database = currentDatabase() and name = {name:String}"
    " and comment = {comment:String}) > 0"
)
