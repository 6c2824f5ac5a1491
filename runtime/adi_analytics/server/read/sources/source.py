"""What the answers ask of a database, whichever it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from adi_analytics._shared.clickhouse.address import is_clickhouse, parse_clickhouse, require_httpx2
from adi_analytics._shared.libpq import require_libpq

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from adi_analytics._audit.findings import Audit
    from adi_analytics._shared.catalog import Catalog
    from adi_analytics._shared.options import Settings


class Source(Protocol):
    """A database that answers over a few connections.

    Its methods raise `QueryDatabaseError`, and `NotInstalledError` if the catalog is not there, or another is.
    """

    @property
    def database(self) -> Any:
        """What the functions of the query layer take as ``database``."""
        ...

    async def open(self) -> None:
        """Make connections possible; each is made when it is needed."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...

    async def numbers(self, catalog: str, names: Mapping[str, str]) -> Sequence[Any]:
        """Return the numbers of ``/overview``, of one moment.

        Args:
            catalog: The catalog that the database must be of.
            names: What its relations and their columns are called, by what the statement calls them.
        """
        ...

    async def ages(self, catalog: str) -> dict[str, float]:
        """Return the seconds since the watermark of each aggregate of *catalog* that has one."""
        ...

    async def observed(self, catalog: Catalog, *, days: int, sample: int) -> Audit:
        """Return what is observed of the events of *catalog*; see `adi_analytics._audit.audit`."""
        ...


def source_of(conninfo: str | Callable[[], str], settings: Settings, *, connections: int, timeout: float) -> Source:
    """Return the database that *conninfo* names.

    Args:
        conninfo: Where to connect to; a function says it for each connection, and is PostgreSQL's alone.
        settings: How long a connection may take.
        connections: Most connections at a time.
        timeout: Seconds for each statement.

    Raises:
        ConninfoInvalidError: If it is no connection string.
        ClickhouseExtraMissingError: If it is a ClickHouse, and the extra [clickhouse] is not installed.
        LibpqMissingError: If it is a PostgreSQL, and psycopg finds no libpq.
    """
    if not callable(conninfo) and is_clickhouse(conninfo):
        require_httpx2()
        from adi_analytics.server.read.sources.clickhouse import ClickhouseSource  # needs httpx2

        address = parse_clickhouse(conninfo)
        return ClickhouseSource(address, settings.connect_timeout, connections=connections, timeout=timeout)
    require_libpq()
    from adi_analytics._engine.drivers.connection import connector  # needs libpq
    from adi_analytics.server.read.sources.postgres import PostgresSource

    return PostgresSource(connector(conninfo, settings), connections=connections, timeout=timeout)
