"""Opening both databases of a copy."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from adi_analytics._shared.clickhouse.address import is_clickhouse
from adi_analytics.migrate.clickhouse.server.session import connected
from adi_analytics.migrate.errors import ClickhouseFailedError
from adi_analytics.migrate.files.manifest import require_snapshot
from adi_analytics.migrate.server.session import session

if TYPE_CHECKING:
    from adi_analytics.migrate.copy.side import Side
    from adi_analytics.migrate.options import Options

_AGAIN = "Then run the same command again: what was copied is there, the rest is done then."


@contextlib.contextmanager
def sides(source: str, target: str, options: Options) -> Iterator[tuple[Side, Side]]:
    """Open the database of each URL; one is a PostgreSQL, one a ClickHouse."""
    manifest = require_snapshot(options.folder)
    to_clickhouse = is_clickhouse(target)
    there, here = (target, source) if to_clickhouse else (source, target)
    with (
        session(replace(options, database_url=here, backend=None), "copy") as (connection, database),
        _explained(),
        connected(replace(options, database_url=there)) as asked,
    ):
        # Not before: they need what an extra brings, and `connected` says so.
        from adi_analytics.migrate.copy.clickhouse import ClickhouseSide
        from adi_analytics.migrate.copy.postgres import PostgresSide

        postgres = PostgresSide(connection, database, manifest)
        clickhouse = ClickhouseSide(asked, manifest, text_ids=postgres.text_ids)
        yield (postgres, clickhouse) if to_clickhouse else (clickhouse, postgres)


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except ClickhouseFailedError as error:
        remedy = f"{error.remedy} {_AGAIN}" if error.remedy else f"Mend what it says. {_AGAIN}"
        raise ClickhouseFailedError(error.problem, remedy) from error
