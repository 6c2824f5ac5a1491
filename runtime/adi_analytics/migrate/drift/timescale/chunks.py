"""Checks the chunks of the events and of the aggregates, and the triggers by which TimescaleDB notices rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, LiteralString

from adi_analytics._shared.sql import quote
from adi_analytics.migrate.drift.findings import Finding
from adi_analytics.migrate.files.manifest import Manifest
from adi_analytics.migrate.files.statements import Index
from adi_analytics.migrate.server.backend import Database
from adi_analytics.migrate.server.connection import Connection, fetch_value

_TRIGGER: Final = "ts_cagg_invalidation_trigger"
_FUNCTION: Final = "_timescaledb_functions.continuous_agg_invalidation_trigger"

# Since 2.23 TimescaleDB notices rows without triggers. Where it has them, each chunk has one of its own.
_UNNOTICED: Final[LiteralString] = """
select count(*), bool_or(r.oid = t.relid), max(h.id)
from (select to_regclass(%(table)s) as relid) t
join _timescaledb_catalog.hypertable h
    on to_regclass(format('%%I.%%I', h.schema_name, h.table_name)) = t.relid
cross join lateral (
    select t.relid as oid union all select i.inhrelid from pg_catalog.pg_inherits i where i.inhparent = t.relid
) r
where to_regproc(%(function)s) is not null and not exists (
    select from pg_catalog.pg_trigger g where g.tgrelid = r.oid and g.tgname = %(name)s and g.tgenabled in ('O', 'A')
)
"""


def noticing(connection: Connection, database: Database, snapshot: Manifest) -> Iterator[Finding]:
    """Yield triggers that are missing: TimescaleDB does not notice rows that come in late, and nobody counts them."""
    table = f"{quote(database.schema)}.{quote(snapshot.storage.table)}"
    values = {"table": table, "function": _FUNCTION, "name": _TRIGGER}
    row = connection.execute(_UNNOTICED, values).fetchone()
    if row is not None and row[0]:
        where = f"missing on {snapshot.storage.table}" if row[1] else f"missing on {row[0]} chunks"
        yield Finding(
            "error", f"trigger {snapshot.storage.table}.{_TRIGGER}", "enabled on the table and on each chunk", where,
            f"drop trigger if exists {_TRIGGER} on {table}; create trigger {_TRIGGER}"
            f" after insert or delete or update on {table} for each row execute function {_FUNCTION}('{row[2]}');",
            "Then run `analytics-migrate refresh --rebuild`.",
        )  # fmt: skip


# What a chunk has beside what it has from its table. TimescaleDB itself adds a check of the chunk's range.
_OWN: Final[LiteralString] = """
with chunks as (
    select i.inhrelid as oid, i.inhrelid::regclass::text as name, i.inhparent as parent
    from pg_catalog.pg_inherits i where i.inhparent = to_regclass(%(table)s)
)
select c.name, 'trigger ' || t.tgname, format('drop trigger %%I on %%s;', t.tgname, c.name)
from chunks c join pg_catalog.pg_trigger t on t.tgrelid = c.oid
where not t.tgisinternal and t.tgname <> %(trigger)s and not exists (
    select from pg_catalog.pg_trigger p where p.tgrelid = c.parent and p.tgname = t.tgname and p.tgfoid = t.tgfoid
) or not t.tgisinternal and t.tgname = 'ts_insert_blocker'
union all
select c.name, 'constraint ' || k.conname, format('alter table %%s drop constraint %%I;', c.name, k.conname)
from chunks c join pg_catalog.pg_constraint k on k.conrelid = c.oid
where k.contype in ('c', 'f', 'x') and k.coninhcount = 0
    and not (k.contype = 'c' and pg_get_constraintdef(k.oid) ~ '^CHECK [(]*"timestamp" >= .* AND [(]*"timestamp" < ')
    and not exists (
        select from pg_catalog.pg_constraint p
        where p.conrelid = c.parent and p.contype = k.contype
            and pg_get_constraintdef(p.oid) = pg_get_constraintdef(k.oid)
    )
union all
select c.name, 'unique index ' || x.indexrelid::regclass::text, format('drop index %%s;', x.indexrelid::regclass)
from chunks c join pg_catalog.pg_index x on x.indrelid = c.oid
where x.indisunique and not exists (
    select from pg_catalog.pg_index p
    where p.indrelid = c.parent and p.indisunique
        and substring(pg_get_indexdef(p.indexrelid) from ' USING .*')
            = substring(pg_get_indexdef(x.indexrelid) from ' USING .*')
)
union all
select c.name, 'frozen: it takes no rows', format('select _timescaledb_functions.unfreeze_chunk(%%L);', c.name)
from chunks c
join (select to_jsonb(k) as row from _timescaledb_catalog.chunk k) k on (k.row ->> 'status')::int & 4 = 4
    -- a column of this table says which relation it is, until 2.29 two of them
    and c.oid = coalesce(
        k.row ->> 'relid', format('%%I.%%I', k.row ->> 'schema_name', k.row ->> 'table_name')
    )::regclass
order by 1, 2
"""


def own_rules(connection: Connection, database: Database, snapshot: Manifest) -> Iterator[Finding]:
    """Yield what rows meet in a single chunk, but not in the table."""
    table = f"{quote(database.schema)}.{quote(snapshot.storage.table)}"
    for name, what, fix in connection.execute(_OWN, {"table": table, "trigger": _TRIGGER}):
        yield Finding("error", f"chunk {name}", "as its table", what, fix)


# The indexes of the events and of what is stored of the aggregates, chunk by chunk.
_INDEXES: Final[LiteralString] = """
with tables as (
    select to_regclass(%(table)s) as oid
    union
    select to_regclass(format('%%I.%%I', h.schema_name, h.table_name))
    from _timescaledb_catalog.continuous_agg c
    join _timescaledb_catalog.hypertable h on h.id = c.mat_hypertable_id
    where c.user_view_schema = %(schema)s and c.user_view_name = any(%(names)s)
), found as (
    select t.oid as parent, x.indrelid, x.indexrelid, x.indisvalid and x.indisready as valid,
           substring(pg_get_indexdef(x.indexrelid) from ' USING .*') as definition
    from tables t
    join lateral (
        select t.oid as oid union all select i.inhrelid from pg_catalog.pg_inherits i where i.inhparent = t.oid
    ) r on true
    join pg_catalog.pg_index x on x.indrelid = r.oid
)
select w.indexrelid::regclass::text, w.name, w.indrelid::regclass::text, c.inhrelid::regclass::text,
       f.indexrelid::regclass::text
from (select f.*, x.relname::text as name from found f join pg_catalog.pg_class x on x.oid = f.indexrelid) w
join pg_catalog.pg_inherits c on c.inhparent = w.parent
left join lateral (
    select f.indexrelid, f.valid from found f
    where f.indrelid = c.inhrelid and f.definition = w.definition
    order by f.valid desc limit 1
) f on true
where w.indrelid = w.parent and f.valid is distinct from true
order by 1, 4
"""


def indexes(connection: Connection, database: Database, snapshot: Manifest) -> Iterator[Finding]:
    """Yield indexes that a chunk lacks, or that are invalid there."""
    entries = [*snapshot.aggregates, *snapshot.retired] if database.backend == "timescaledb" else []
    values = {
        "schema": database.schema,
        "table": f"{quote(database.schema)}.{quote(snapshot.storage.table)}",
        "names": [relation.name for entry in entries for relation in entry.relations],
    }
    made = {entry.object: entry for entry in snapshot.storage_ddl[database.backend].create if isinstance(entry, Index)}
    lacking: dict[tuple[str, str, str], int] = {}
    for index, name, table, chunk, broken in connection.execute(_INDEXES, values):
        if broken is not None:
            yield Finding("warning", f"index {index} of {chunk}", "valid: yes", "valid: no", f"reindex index {broken};")
        else:
            lacking[index, name, table] = lacking.get((index, name, table), 0) + 1
    for (index, name, table), count in lacking.items():
        yield Finding(
            "warning", f"index {index}", "on each chunk", f"missing on {count} chunks",
            _make_again(connection, index, table, made.get(name)),
        )  # fmt: skip


def _make_again(connection: Connection, index: str, table: str, made: Index | None) -> str:
    """Return statements that make an index of a table and of all its chunks again."""
    if made is not None:
        return f"drop index {index}; {made.sql};"
    query: LiteralString = (
        "select conname::text, pg_get_constraintdef(oid) from pg_catalog.pg_constraint"
        " where conindid = to_regclass(%s) and conrelid = to_regclass(%s)"
    )
    row = connection.execute(query, (index, table)).fetchone()
    if row is not None:
        name = quote(row[0])
        return f"alter table {table} drop constraint {name}; alter table {table} add constraint {name} {row[1]};"
    return f"drop index {index}; {fetch_value(connection, 'select pg_get_indexdef(to_regclass(%s))', index)};"
