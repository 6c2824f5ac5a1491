"""Checks that the buckets of the aggregates are stored, as far as the raw rows say that they should be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, LiteralString

from adi_analytics._shared.sql import literal, quote
from adi_analytics.migrate.drift.findings import Finding
from adi_analytics.migrate.files.manifest import Manifest, Relation
from adi_analytics.migrate.server.backend import Database
from adi_analytics.migrate.server.connection import Connection

# The runs of buckets without a stored row for which there are raw ones. Younger ones than the window are still to be
# refreshed, and so are hours with a mark, and all before the first refresh.
_LACKING = """
with due as (
    select analytics_meta.bucket_start(a.width, least(
               analytics_meta.stored_until(a.rollup), now() - analytics_meta.span(a.refresh_window)
           )) as until,
           a.width
    from analytics_meta.aggregates a
    where a.rollup = {rollup} and a.active and a.refreshed_at is not null and not exists (
        select from analytics_meta.backfills b where b.relation = a.rollup and b.status <> 'done'
    )
), runs as materialized (
    select unnest(
        analytics_meta.refreshable(d.width) * tstzmultirange(tstzrange('-infinity', d.until))
        - coalesce((
            select range_agg(tstzrange(s.at, s.at + analytics_meta.span(d.width)))
            from (select distinct {bucket} as at from {stored} where {bucket} < d.until) s
        ), '{{}}')
        - coalesce((
            select range_agg(tstzrange(
                analytics_meta.bucket_start(d.width, m.bucket),
                analytics_meta.bucket_start(d.width, m.bucket + interval '1 hour') + analytics_meta.span(d.width)
            ))
            from analytics_meta.late_buckets m
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
            table, rows = _source(connection, database, relation)
            query = _LACKING.format(
                rollup=literal(entry.rollup), bucket=quote(entry.bucket.column), stored=table, rows=rows
            )
            row = connection.execute(query.encode()).fetchone()
            if row is not None and row[0] is not None:
                yield Finding(
                    "error", f"stored rows of {relation.name}", f"some from {row[0]} to {row[1]}",
                    "missing, though there are events",
                    advice=f"Run `analytics-migrate refresh --rebuild {entry.name}`.",
                )  # fmt: skip


_SOURCE: Final[LiteralString] = """
select format('%%I.%%I', h.schema_name, h.table_name),
       pg_get_viewdef(format('%%I.%%I', c.direct_view_schema, c.direct_view_name)::regclass)
from _timescaledb_catalog.continuous_agg c
join _timescaledb_catalog.hypertable h on h.id = c.mat_hypertable_id
where c.user_view_schema = %s and c.user_view_name = %s
"""


def _source(connection: Connection, database: Database, relation: Relation) -> tuple[str, str]:
    """Return the table that holds the rows of *relation*, and a SELECT of those that it should hold of ``r.run``."""
    schema = quote(database.schema)
    if database.backend != "timescaledb":
        rows = f"select from {schema}.{quote(relation.rows_function)}(lower(r.run), upper(r.run))"
        return f"{schema}.{quote(relation.name)}", rows
    row = connection.execute(_SOURCE, (database.schema, relation.name)).fetchone()
    if row is None:  # another check reports it
        return f"{schema}.{quote(relation.name)}", "select where false"
    head, _, condition = row[1].rstrip(";").partition("\n  WHERE ")
    times = '"timestamp" >= lower(r.run) AND "timestamp" < upper(r.run)'
    return row[0], f"{head}\n  WHERE {times} AND {condition}"
