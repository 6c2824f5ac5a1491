"""Checks that the buckets of the aggregates are stored, as far as the raw rows say that they should be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from adi_analytics._shared.sql import quote
from adi_analytics.migrate.drift.findings import Finding
from adi_analytics.migrate.drift.stored.sources import due, source
from adi_analytics.migrate.files.manifest import Manifest
from adi_analytics.migrate.server.backend import Database
from adi_analytics.migrate.server.connection import Connection

# The runs of due buckets without a stored row for which there are raw ones.
_LACKING: Final = """
with due as materialized (select {due} as times), runs as materialized (
    select unnest(
        d.times - coalesce((
            select range_agg(tstzrange(s.at, {after}))
            from (select distinct {bucket} as at from {stored} where {bucket} < upper(d.times)) s
        ), '{{}}')
    ) as run
    from due d
)
select min(lower(r.run))::text, max(upper(r.run))::text from runs r where exists ({rows})
"""


def stored(connection: Connection, database: Database, snapshot: Manifest) -> Iterator[Finding]:
    """Yield aggregates that lack buckets for which there are raw rows."""
    for entry in snapshot.aggregates:
        for relation in entry.relations:
            found = source(connection, database, relation)
            query = _LACKING.format(
                due=due(entry),
                after=entry.bucket.end("s.at"),
                bucket=quote(entry.bucket.column),
                stored=found.table,
                rows=found.rows("lower(r.run)", "upper(r.run)"),
            )
            row = connection.execute(query.encode()).fetchone()
            if row is not None and row[0] is not None:
                yield Finding(
                    "error", f"stored rows of {relation.name}", f"some from {row[0]} to {row[1]}",
                    "missing, though there are events",
                    advice=f"Run `analytics-migrate refresh --rebuild {entry.name}`.",
                )  # fmt: skip
