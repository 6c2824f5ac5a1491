"""Checks TimescaleDB's continuous aggregates: the views around them, what is stored, and what reads them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final, LiteralString

from adi_analytics._shared.sql import interval, literal, quote
from adi_analytics.migrate.author.statements import CHUNKS_OF_EVENTS
from adi_analytics.migrate.drift import settle
from adi_analytics.migrate.drift.findings import REBUILD, Finding, difference
from adi_analytics.migrate.files.manifest import Aggregate, Manifest, Relation
from adi_analytics.migrate.server.backend import Database
from adi_analytics.migrate.server.connection import Connection, fetch_named

# The user's SELECT is kept in the direct view. The partial view computes what is stored, and the public one adds raw
# rows to it.
_AGGREGATES: Final[LiteralString] = """
select c.user_view_name::text as name, c.materialized_only, c.mat_hypertable_id as id,
       pg_get_viewdef(v.oid) as definition, pg_get_viewdef(d.oid) as direct, pg_get_viewdef(p.oid) as partial,
       format('%%I.%%I', c.partial_view_schema, c.partial_view_name) as partial_name,
       case when m.oid is not null then format('%%I.%%I', h.schema_name, h.table_name) end as stored,
       w.at > now() as ahead, w.at::text as watermark,
       s.time_interval as chunks, i.compression_enabled as compressed,
       array(
           select a.attname::text from pg_catalog.pg_index x
           join pg_catalog.pg_attribute a on a.attrelid = x.indrelid and a.attnum = x.indkey[0]
           where x.indrelid = m.oid and x.indisvalid
       ) as indexed
from _timescaledb_catalog.continuous_agg c
join _timescaledb_catalog.hypertable h on h.id = c.mat_hypertable_id
join timescaledb_information.continuous_aggregates i
    on i.view_schema = c.user_view_schema and i.view_name = c.user_view_name
left join timescaledb_information.dimensions s
    on s.hypertable_schema = h.schema_name and s.hypertable_name = h.table_name and s.dimension_number = 1
left join pg_catalog.pg_class m
    on m.relname = h.table_name and m.relnamespace = to_regnamespace(quote_ident(h.schema_name))
left join pg_catalog.pg_class v
    on v.relname = c.user_view_name and v.relnamespace = to_regnamespace(quote_ident(c.user_view_schema))
left join pg_catalog.pg_class d
    on d.relname = c.direct_view_name and d.relnamespace = to_regnamespace(quote_ident(c.direct_view_schema))
left join pg_catalog.pg_class p
    on p.relname = c.partial_view_name and p.relnamespace = to_regnamespace(quote_ident(c.partial_view_schema))
cross join lateral (
    select _timescaledb_functions.to_timestamp(_timescaledb_functions.cagg_watermark(c.mat_hypertable_id)) as at
) w
where c.user_view_schema = %(schema)s and c.user_view_name = any(%(names)s)
"""

_OTHERS: Final[LiteralString] = """
select format('%%I.%%I', c.user_view_schema, c.user_view_name), coalesce(o.user_view_name, raw.table_name)::text
from _timescaledb_catalog.continuous_agg c
join _timescaledb_catalog.hypertable raw on raw.id = c.raw_hypertable_id
left join _timescaledb_catalog.continuous_agg o on o.mat_hypertable_id = c.raw_hypertable_id
where (raw.schema_name = %(schema)s and raw.table_name = %(table)s
        or o.user_view_schema = %(schema)s and o.user_view_name = any(%(names)s))
    and (c.user_view_schema <> %(schema)s or c.user_view_name <> all(%(names)s))
order by 1
"""


def aggregates(connection: Connection, database: Database, snapshot: Manifest) -> Iterator[Finding]:
    """Yield aggregates that are no continuous ones, were replaced by another view, or belong to nobody."""
    relations = {
        relation.name: (entry, relation)
        for entry in [*snapshot.aggregates, *snapshot.retired]
        for relation in entry.relations
    }
    values = {"schema": database.schema, "table": snapshot.storage.table, "names": list(relations)}
    found = {row.name: row for row in fetch_named(connection, _AGGREGATES, values)}
    for name, (entry, relation) in relations.items():
        if name not in found:
            yield Finding(
                "error", f"continuous aggregate {name}", "present", "no continuous aggregate of that name",
                advice=REBUILD.format(entry.name),
            )  # fmt: skip
            continue
        yield from _views(connection, database, entry, relation, found[name])
        yield from _stored(database, snapshot, entry, found[name])
    whole = all(name in found for name in relations)
    for name, source in connection.execute(_OTHERS, values):
        # While one of ours is missing, another one may be that, renamed.
        fix = f"drop materialized view {name};" if whole else ""
        advice = "Or describe it in events.yaml." if whole else "Repair the other findings first, then check again."
        yield Finding(
            "warning", f"continuous aggregate {name}", "absent", f"reads {source}, not in the catalog", fix, advice
        )


def _views(
    connection: Connection, database: Database, entry: Aggregate, relation: Relation, row: Any
) -> Iterator[Finding]:
    place = f"continuous aggregate {row.name}"
    view = f"{quote(database.schema)}.{quote(row.name)}"
    if row.stored is None or row.direct is None or row.partial is None:
        advice = REBUILD.format(entry.name)
        yield Finding("error", place, "has its stored rows and views", "lacks some of them", advice=advice)
        return
    if row.materialized_only:
        yield Finding(
            "error", place, "materialized_only: no", "materialized_only: yes (rows of today are missing)",
            f"alter materialized view {view} set (timescaledb.materialized_only = false);",
        )  # fmt: skip
    else:
        wanted = _with_live_part(entry, relation, row)
        expected, actual = settle.views(connection, wanted, row.definition)
        if expected != actual:
            expected, actual = difference(expected, actual)
            yield Finding(
                "error", place, f"reads stored rows and live ones: {expected}", f"the view was replaced: {actual}",
                f"create or replace view {view} as\n{wanted};",
            )  # fmt: skip
    expected, actual = settle.views(connection, row.direct, row.partial)
    if expected != actual:
        expected, actual = difference(expected, actual)
        yield Finding(
            "error", place, f"stores what it shows: {expected}", f"stores other rows: {actual}",
            f"create or replace view {row.partial_name} as\n{row.direct.rstrip(';')};",
            f"Then run `analytics-migrate refresh --rebuild {entry.name}`.",
        )  # fmt: skip


def _with_live_part(entry: Aggregate, relation: Relation, row: Any) -> str:
    """Return the SELECT of the public view as TimescaleDB makes it: stored rows below the watermark, and live ones."""
    bound = (
        f"coalesce(_timescaledb_functions.to_timestamp(_timescaledb_functions.cagg_watermark({row.id})),"
        " '-infinity'::timestamptz)"
    )
    columns = ", ".join(quote(column.name) for column in relation.columns)
    bucket = quote(entry.bucket.column)
    head, _, rest = row.direct.rstrip(";").partition("\n  WHERE ")
    where, _, tail = rest.rpartition("\n  GROUP BY ")
    live = f'{head}\n  WHERE {where} AND "timestamp" >= {bound}\n  GROUP BY {tail}'
    return f"select {columns}\nfrom {row.stored}\nwhere {bucket} < {bound}\nunion all\n{live}"


def _stored(database: Database, snapshot: Manifest, entry: Aggregate, row: Any) -> Iterator[Finding]:
    place = f"continuous aggregate {row.name}"
    view = f"{quote(database.schema)}.{quote(row.name)}"
    if row.ahead:
        yield Finding(
            "error", place, "watermark: not in the future", f"watermark: {row.watermark}",
            advice=f"Run `analytics-migrate refresh --rebuild {entry.name}`.",
        )  # fmt: skip
    if entry in snapshot.retired or row.stored is None:
        return
    if entry.bucket.column not in row.indexed:
        yield Finding(
            "warning", place, f"an index on {entry.bucket.column}", "missing or invalid",
            f"create index on {row.stored} ({quote(entry.bucket.column)} desc);",
        )  # fmt: skip
    seconds = CHUNKS_OF_EVENTS * snapshot.storage.chunk_interval
    if row.chunks != timedelta(seconds=seconds):
        yield Finding(
            "warning", place, f"chunk interval: {timedelta(seconds=seconds)}", f"chunk interval: {row.chunks}",
            f"select set_chunk_time_interval({literal(view)}, {interval(seconds)});",
        )  # fmt: skip
    if row.compressed:
        yield Finding(
            "warning", place, "compression: no", "compression: yes",
            f"select decompress_chunk(c, if_compressed => true) from show_chunks({literal(view)}) c;"  # noqa: S608 - quoted
            f" alter materialized view {view} set (timescaledb.compress = false);",
        )  # fmt: skip
