"""Opening both databases of a copy."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from adi_analytics._shared.clickhouse.address import (
    ClickhouseAddress,
    ClickhouseUrlError,
    is_clickhouse,
    parse_clickhouse,
    require_httpx2,
)
from adi_analytics._shared.clickhouse.errors import ClickhouseError, RefusedByServerError, said
from adi_analytics.migrate.errors import DatabaseUnreachableError, MigrateError, UsageError
from adi_analytics.migrate.files.manifest import require_snapshot
from adi_analytics.migrate.server.session import session

if TYPE_CHECKING:
    from adi_analytics.migrate.copy.side import Side
    from adi_analytics.migrate.options import Options


class CopyRefusedError(MigrateError):
    """A server refused a statement of the copy.

    Attributes:
        database: Where it is, without passwords.
        code: The server's code, if it gave one.
    """

    def __init__(self, *, database: str, code: int | None, reason: str) -> None:
        super().__init__(
            f"{database} refused a statement of the copy: {reason}",
            "Mend what it says, then run the same command again: what was copied is there, the rest is done then.",
        )
        self.database = database
        self.code = code


@contextlib.contextmanager
def sides(source: str, target: str, options: Options) -> Iterator[tuple[Side, Side]]:
    """Open the database of each URL; one is a PostgreSQL, one a ClickHouse."""
    manifest = require_snapshot(options.folder)
    to_clickhouse = is_clickhouse(target)
    address = _address(target if to_clickhouse else source)
    url = source if to_clickhouse else target
    # Not before: they need what an extra brings.
    from adi_analytics._shared.clickhouse.session import ClickhouseSession
    from adi_analytics.migrate.copy.clickhouse import TIMEOUT, ClickhouseSide
    from adi_analytics.migrate.copy.postgres import PostgresSide

    with session(replace(options, database_url=url), "copy") as (connection, database):
        postgres = PostgresSide(connection, database, manifest)
        with ClickhouseSession(address, timeout=TIMEOUT) as asked, _spoken(address, lost=True):
            with _spoken(address, lost=False):
                clickhouse = ClickhouseSide(asked, manifest, text_ids=postgres.text_ids)
            yield (postgres, clickhouse) if to_clickhouse else (clickhouse, postgres)


def _address(url: str) -> ClickhouseAddress:
    require_httpx2()
    try:
        return parse_clickhouse(url)
    except ClickhouseUrlError as error:
        raise UsageError(
            f"the URL of the ClickHouse cannot be read: {error}",
            "It is not repeated here, because it may hold a password.",
        ) from error


@contextlib.contextmanager
def _spoken(address: ClickhouseAddress, *, lost: bool) -> Iterator[None]:
    """Say what is wrong with a ClickHouse as the migrator says it."""
    try:
        yield
    except RefusedByServerError as error:
        if error.code is None:
            reason = f"HTTP status {error.status}, from a proxy or another server"
            raise DatabaseUnreachableError(reason=reason, database=address.place, lost=lost) from error
        raise CopyRefusedError(database=address.place, code=error.code, reason=said(error.code, error.text)) from error
    except ClickhouseError as error:
        raise DatabaseUnreachableError(reason=str(error), database=address.place, lost=lost) from error
