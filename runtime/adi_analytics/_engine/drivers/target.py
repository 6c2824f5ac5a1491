"""Where a worker delivers to: the store that decides about the database, and the sessions that talk to it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from adi_analytics._engine.drivers.sink_session import SinkSession
from adi_analytics._shared.catalog import has_text_ids
from adi_analytics._shared.clickhouse.address import is_clickhouse, parse_clickhouse, require_httpx2
from adi_analytics._shared.conninfo import resolve_conninfo
from adi_analytics._shared.libpq import require_libpq
from adi_analytics._shared.options import catalog_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from adi_analytics._engine.delivery.effects import Effect
    from adi_analytics._engine.delivery.store import Store
    from adi_analytics._engine.drivers.sink_session import Sink
    from adi_analytics._shared.options import Settings


class Session(Protocol):
    """Performs the effects that concern the database, blocking."""

    def perform(self, effect: Effect) -> Any:
        """Do *effect* and return its result."""

    def limit(self, longest: float) -> None:
        """Let no call last much longer than *longest* seconds; `inf` for those that another thread may give up."""

    def abandon(self) -> None:
        """Forget the connection without a word to the server: in a forked child it is the parent's."""


class AsyncSession(Protocol):
    """Performs the effects that concern the database, in asyncio."""

    async def perform(self, effect: Effect) -> Any:
        """Do *effect* and return its result."""


@dataclass(frozen=True, slots=True)
class Target:
    """A database, or what stands in for it.

    Attributes:
        store: Makes the store of one run of the worker.
        session: Makes its session for a thread.
        async_session: Makes its session for asyncio.
    """

    store: Callable[[], Store]
    session: Callable[[], Session]
    async_session: Callable[[], AsyncSession]


def target_for(conninfo: str | Callable[[], str] | None, settings: Settings) -> Target:
    """Return the database of *conninfo*, or of the environment.

    What is needed to deliver is imported here, not in the thread: a fork in the middle of its imports would leave the
    child half a module.

    Raises:
        ConninfoMissingError: If no database is given.
        ConninfoInvalidError: If the connection string can't be understood.
        ClickhouseExtraMissingError: If it is a ClickHouse, and the extra [clickhouse] is not installed.
        LibpqMissingError: If psycopg finds no libpq.
    """
    given = conninfo if callable(conninfo) else resolve_conninfo(conninfo, clickhouse=True)
    clickhouse = not callable(given) and is_clickhouse(given)
    if clickhouse:
        require_httpx2()
    else:
        require_libpq()
    import_module("adi_analytics._engine.delivery.loop")
    return _clickhouse(str(given), settings) if clickhouse else _postgres(given, settings)


def sink_target(sink: Sink, settings: Settings) -> Target:
    """Return *sink*, which a test gives in the place of a database."""
    require_libpq()  # a sink's errors are psycopg's

    def no_loop() -> AsyncSession:
        raise AssertionError("a sink has no session for asyncio")

    text_ids = has_text_ids(settings.catalog)
    return Target(_postgres_store(settings), lambda: SinkSession(sink, text_ids=text_ids), no_loop)


def _postgres_store(settings: Settings) -> Callable[[], Store]:
    from adi_analytics._engine.stores.postgres import PostgresStore

    return lambda: PostgresStore(catalog_in(settings), settings.table, settings.statement_timeout)


def _postgres(conninfo: str | Callable[[], str], settings: Settings) -> Target:
    from adi_analytics._engine.drivers.asyncio_session import AsyncioSession
    from adi_analytics._engine.drivers.connection import connector
    from adi_analytics._engine.drivers.thread_session import ThreadSession

    connect_with, timeout = connector(conninfo, settings), settings.statement_timeout

    async def in_thread() -> dict[str, Any]:
        if not callable(conninfo):
            return connect_with()
        try:
            return await asyncio.to_thread(connect_with)  # it may ask a server for a password
        except RuntimeError:  # no thread can be started
            return connect_with()

    return Target(
        _postgres_store(settings),
        lambda: ThreadSession(connect_with, timeout),
        lambda: AsyncioSession(in_thread, timeout),
    )


def _clickhouse(url: str, settings: Settings) -> Target:
    from adi_analytics._engine.drivers.asyncio_http_session import AsyncioHttpSession
    from adi_analytics._engine.drivers.http_session import HttpSession
    from adi_analytics._engine.stores.clickhouse import ClickhouseStore

    address, connect, timeout = parse_clickhouse(url), settings.connect_timeout, settings.statement_timeout
    return Target(
        lambda: ClickhouseStore(catalog_in(settings), settings.table, timeout, address),
        lambda: HttpSession(address, connect, timeout),
        lambda: AsyncioHttpSession(address, connect, timeout),
    )
