"""Checks the partitions of the events table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final, LiteralString

from adi_analytics._shared.sql import quote
from adi_analytics.migrate.drift.findings import Finding, Fix
from adi_analytics.migrate.files.manifest import Manifest
from adi_analytics.migrate.server.backend import Database
from adi_analytics.migrate.server.connection import Connection

_MAINTAIN: Final = "Run `analytics-migrate maintain`, and let something run it each minute (docs/howto/deploy.md)."


def partitions(connection: Connection, database: Database, snapshot: Manifest) -> Iterator[Finding]:
    """Yield partitions that are missing, detached or damaged."""
    table = f"{quote(database.schema)}.{quote(snapshot.storage.table)}"
    bounds = connection.execute(
        "select from_time, to_time from analytics_meta.raw_ranges()"
        " where part <> (select partdefid from pg_partitioned_table where partrelid = %s::text::regclass)"
        " order by from_time",
        (table,),
    ).fetchall()
    width = timedelta(seconds=snapshot.storage.chunk_interval)
    now = datetime.now(UTC)
    for when, severity, words in ((now, "error", "now"), (now + width, "warning", "the next interval")):
        if not any(start <= when < end for start, end in bounds):
            yield Finding(
                "error" if severity == "error" else "warning",
                f"partition of {snapshot.storage.table}", f"one for {words} ({when:%Y-%m-%d %H:%M} UTC)", "missing",
                advice=_MAINTAIN,
            )  # fmt: skip
    yield from _holes(bounds, snapshot, now)
    yield from _strays(connection, database, snapshot, table)
    yield from _own_rules(connection, table)


def _holes(bounds: list[tuple[datetime, datetime]], snapshot: Manifest, now: datetime) -> Iterator[Finding]:
    """Yield gaps among the partitions to come: rows for them would go to the default partition."""
    ahead = [bound for bound in bounds if bound[1] > now]
    for (_, end), (start, _) in pairwise(ahead):
        if end < start:
            yield Finding(
                "warning", f"partition of {snapshot.storage.table}",
                f"one from {end:%Y-%m-%d %H:%M} to {start:%Y-%m-%d %H:%M} UTC", "missing", advice=_MAINTAIN,
            )  # fmt: skip


_DETACHED: Final[LiteralString] = """
select c.relname::text from pg_catalog.pg_class c
where c.relnamespace = %s::text::regnamespace and c.relkind = 'r' and not c.relispartition
    and c.relname like replace(%s, '_', '\\_') || '\\_p20%%'
"""

_INVALID: Final[LiteralString] = """
select x.relname::text from pg_catalog.pg_inherits h
join pg_catalog.pg_index i on i.indrelid = h.inhrelid
join pg_catalog.pg_class x on x.oid = i.indexrelid
where h.inhparent = %s::text::regclass and not (i.indisvalid and i.indisready)
"""


def _strays(connection: Connection, database: Database, snapshot: Manifest, table: str) -> Iterator[Finding]:
    for (name,) in connection.execute(_DETACHED, (quote(database.schema), snapshot.storage.table)):
        yield Finding(
            "error", f"table {name}", f"a partition of {snapshot.storage.table}", "detached: its rows are not seen",
            *_attach(name, database, snapshot),
        )  # fmt: skip
    for (name,) in connection.execute(_INVALID, (table,)):
        fix = f"reindex index {quote(database.schema)}.{quote(name)};"
        yield Finding("error", f"index {name}", "valid: yes", "valid: no", fix)


def _attach(name: str, database: Database, snapshot: Manifest) -> Fix:
    """Return the statement that attaches a partition again; its name says where it begins."""
    digits = re.sub(r"\D", "", name.removeprefix(snapshot.storage.table)).ljust(14, "0")
    try:
        start = datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return Fix(advice="Attach it with the range of its rows.")
    end = start + timedelta(seconds=snapshot.storage.chunk_interval)
    schema = quote(database.schema)
    return Fix(
        f"alter table {schema}.{quote(snapshot.storage.table)} attach partition {schema}.{quote(name)} "
        f"for values from ('{start.isoformat()}') to ('{end.isoformat()}');"
    )


# What a partition has beside what it has from its parent. Rows are inserted through the parent, and still meet it.
_OWN: Final[LiteralString] = """
with parts as (
    select h.inhrelid as oid, h.inhrelid::regclass::text as name, h.inhparent as parent
    from pg_catalog.pg_inherits h join pg_catalog.pg_partitioned_table d on d.partrelid = h.inhparent
    where h.inhparent = %s::text::regclass and h.inhrelid <> d.partdefid
)
select p.name, 'trigger ' || t.tgname, format('drop trigger %%I on %%s;', t.tgname, p.name)
from parts p join pg_catalog.pg_trigger t on t.tgrelid = p.oid
where not t.tgisinternal and t.tgparentid = 0
union all
select p.name, 'constraint ' || c.conname, format('alter table %%s drop constraint %%I;', p.name, c.conname)
from parts p join pg_catalog.pg_constraint c on c.conrelid = p.oid
where c.contype in ('c', 'f', 'u', 'x') and c.conparentid = 0 and c.coninhcount = 0
union all
select p.name, 'unique index ' || i.indexrelid::regclass::text, format('drop index %%s;', i.indexrelid::regclass)
from parts p
join pg_catalog.pg_index i on i.indrelid = p.oid
join pg_catalog.pg_class x on x.oid = i.indexrelid
where i.indisunique and not x.relispartition
    and not exists (select from pg_catalog.pg_constraint c where c.conindid = i.indexrelid)
union all
select p.name, 'not null on ' || a.attname, format('alter table %%s alter column %%I drop not null;', p.name, a.attname)
from parts p
join pg_catalog.pg_attribute a on a.attrelid = p.oid and a.attnum > 0 and a.attnotnull
join pg_catalog.pg_attribute o on o.attrelid = p.parent and o.attname = a.attname and not o.attnotnull
union all
select p.name, 'unlogged', format('alter table %%s set logged;', p.name)
from parts p join pg_catalog.pg_class c on c.oid = p.oid where c.relpersistence = 'u'
order by 1, 2
"""


def _own_rules(connection: Connection, table: str) -> Iterator[Finding]:
    for name, what, fix in connection.execute(_OWN, (table,)):
        yield Finding("error", f"partition {name}", "as its table", what, fix)
