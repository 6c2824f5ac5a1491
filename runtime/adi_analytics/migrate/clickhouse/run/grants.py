"""Rights for those who write events and those who read aggregates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adi_analytics._shared.clickhouse.text import quoted
from adi_analytics.migrate.clickhouse.files.objects import INSTALLATION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adi_analytics.migrate.clickhouse.server.session import Server
    from adi_analytics.migrate.server.roles import Kind


def give(server: Server, writer: str | None, reader: str | None) -> list[tuple[Kind, str]]:
    """Give users or roles their rights; return who got which.

    Views run with the rights of who reads them, so a reader may read the tables below them, too.
    """
    granted: list[tuple[Kind, str]] = []
    if writer:
        for statement in _writer(server, writer):
            server.session.ask(statement)
        granted.append(("writer", writer))
    if reader:
        server.session.ask(f"grant{server.on_cluster} show, select on {quoted(server.database)}.* to {quoted(reader)}")
        granted.append(("reader", reader))
    return granted


def _writer(server: Server, role: str) -> Iterator[str]:
    for table, rights in (
        (server.table, "insert, show columns"),
        (server.letters, "insert, show columns, select(event_id, replayed_at)"),
        ("analytics_meta_touched", "insert"),
        (INSTALLATION, "select"),  # says whose database it is
    ):
        where = f"{quoted(server.database)}.{quoted(table)}"
        yield f"grant{server.on_cluster} {rights} on {where} to {quoted(role)}"
    # The materialized view reads what is inserted, as who inserts it.
    where = f"{quoted(server.database)}.{quoted(server.stored)}"
    yield f"grant{server.on_cluster} select(timestamp) on {where} to {quoted(role)}"
