"""What stored rows are compared with: the table that holds them, what the raw rows give, and which buckets are due."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, LiteralString

from adi_analytics._shared.sql import literal, quote
from adi_analytics.migrate.files.manifest import Aggregate, Relation
from adi_analytics.migrate.server.backend import Database
from adi_analytics.migrate.server.connection import Connection


@dataclass(frozen=True, slots=True)
class Source:
    """Where the rows of a relation are, and how they are computed.

    Attributes:
        table: The table that holds them, as SQL names it.
    """

    table: str
    _head: str
    _condition: str

    def rows(self, start: str, end: str, columns: str = "") -> str:
        """Return a SELECT of *columns* of the rows that the raw rows of these times give; both are expressions."""
        if not self._head:
            return "select where false"
        if not self._condition:
            return f"select {columns} from {self._head}({start}, {end})"  # noqa: S608 - quoted names
        times = f'"timestamp" >= {start} AND "timestamp" < {end}'
        computed = f"{self._head}\n  WHERE {times} AND {self._condition}"
        return f"select {columns} from ({computed}) computed"  # noqa: S608 - the server's own text


def due(entry: Aggregate) -> str:
    """Return the expression for the buckets of *entry* that should be stored, and as the raw rows give them.

    Buckets that have lost a raw row are not; nor are those that are still to be refreshed: younger ones than the
    window, hours with a mark, and all before the first refresh or while a backfill runs.
    """
    marked = "m.bucket + interval '1 hour'"
    after = f"analytics_meta.bucket_start(a.width, {marked}) + analytics_meta.span(a.width)"
    if entry.bucket.zone:
        after = f"analytics_meta.bucket_end(a.width, {marked}{entry.bucket.zone})"
    return _DUE.format(rollup=literal(entry.rollup), zone=entry.bucket.zone, after=after)


_DUE: Final = """(
    select coalesce(
        analytics_meta.refreshable(a.width{zone})
        * tstzmultirange(tstzrange('-infinity', analytics_meta.bucket_start(a.width, least(
            analytics_meta.stored_until(a.rollup), now() - analytics_meta.span(a.refresh_window)
        ){zone})))
        - coalesce((
            select range_agg(tstzrange(
                analytics_meta.bucket_start(a.width, m.bucket{zone}), {after}
            ))
            from analytics_meta.late_buckets m
        ), '{{}}'), '{{}}')
    from analytics_meta.aggregates a
    where a.rollup = {rollup} and a.active and a.refreshed_at is not null and not exists (
        select from analytics_meta.backfills b where b.relation = a.rollup and b.status <> 'done'
    )
)"""

_CONTINUOUS: Final[LiteralString] = """
select format('%%I.%%I', h.schema_name, h.table_name),
       pg_get_viewdef(format('%%I.%%I', c.direct_view_schema, c.direct_view_name)::regclass)
from _timescaledb_catalog.continuous_agg c
join _timescaledb_catalog.hypertable h on h.id = c.mat_hypertable_id
where c.user_view_schema = %s and c.user_view_name = %s
"""


def source(connection: Connection, database: Database, relation: Relation) -> Source:
    """Return where the rows of *relation* are; a source without rows if another check reports that it is missing."""
    schema = quote(database.schema)
    if database.backend != "timescaledb":
        return Source(f"{schema}.{quote(relation.name)}", f"{schema}.{quote(relation.rows_function)}", "")
    row = connection.execute(_CONTINUOUS, (database.schema, relation.name)).fetchone()
    if row is None:
        return Source(f"{schema}.{quote(relation.name)}", "", "")
    head, _, condition = row[1].rstrip(";").partition("\n  WHERE ")
    return Source(row[0], head, condition)
