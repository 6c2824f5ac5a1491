"""A PostgreSQL with the made-up events of a catalog. It is the only database that this ever writes to."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from adi_analytics._shared.libpq import require_libpq
from adi_analytics.embedded import EmbeddedMissingError, EmbeddedServer, start_server
from adi_analytics.embedded.programs import find_programs
from adi_analytics.server.sample.errors import SampleModeError
from adi_analytics.server.sample.fill import Samples, fill
from adi_analytics.server.sample.workspace import INSTALL, Workspace, forget_databases, require_generator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from adi_analytics._shared.catalog import Catalog

# It holds nothing that would be missed.
_SETTINGS: Final = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "40"}


@contextmanager
def prepared(samples: Samples, say: Callable[[str], None]) -> Iterator[tuple[Catalog, str]]:
    """Yield the catalog, and the URL of a database with its samples; both are gone afterwards.

    Raises:
        SampleModeError: If something that it needs is missing, or the catalog can't be used.
        EmbeddedServerError: If PostgreSQL can't start.
    """
    _require()
    forget_databases()
    with start_server(settings=_SETTINGS) as server:
        say("PostgreSQL is up, for this alone")
        workspace = Workspace(server.directory / "project", samples.catalog)  # removed with it, also after a crash
        catalog = workspace.generate()
        _refuse_others(server)
        workspace.migrate(server.dsn, "all")
        say("the schema is made")
        sent = fill(workspace, catalog, server.dsn, samples)
        say(f"{sent:,} events are stored")
        workspace.migrate(server.dsn, "maintain")
        workspace.migrate(server.dsn, "refresh")
        say("the aggregates are refreshed")
        yield catalog, server.dsn


def _require() -> None:
    if os.name != "posix":
        raise SampleModeError("this works on Linux and macOS only, where the PostgreSQL of the extra [embedded] runs")
    require_libpq()
    require_generator()
    try:
        find_programs()
    except EmbeddedMissingError:
        raise SampleModeError(
            f"samples are kept in a PostgreSQL of their own, which is missing\n  -> {INSTALL}"
        ) from None


def _refuse_others(server: EmbeddedServer) -> None:
    """Check that the URL leads to the server that was just started."""
    import psycopg

    with psycopg.connect(server.dsn) as connection:
        found = connection.execute("select current_setting('data_directory')").fetchone()
    if found is None or Path(found[0]) != server.directory / "data":
        raise SampleModeError("another PostgreSQL answers in place of the one that was started; nothing was written")
