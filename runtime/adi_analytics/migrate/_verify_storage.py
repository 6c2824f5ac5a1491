"""Checks partitions and rights."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final, LiteralString

from adi_analytics.migrate import _grants
from adi_analytics.migrate._database import Connection, Database, fetch_value, quote
from adi_analytics.migrate._findings import Finding
from adi_analytics.migrate._manifest import Manifest

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
                _MAINTAIN,
            )  # fmt: skip
    yield from _holes(bounds, snapshot, now)
    yield from _strays(connection, database, snapshot, table)


def _holes(bounds: list[tuple[datetime, datetime]], snapshot: Manifest, now: datetime) -> Iterator[Finding]:
    """Yield gaps among the partitions to come: rows for them would go to the default partition."""
    ahead = [bound for bound in bounds if bound[1] > now]
    for (_, end), (start, _) in pairwise(ahead):
        if end < start:
            yield Finding(
                "warning", f"partition of {snapshot.storage.table}",
                f"one from {end:%Y-%m-%d %H:%M} to {start:%Y-%m-%d %H:%M} UTC", "missing", _MAINTAIN,
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
            f"alter table {table} attach partition {quote(name)} for values from (...) to (...);",
        )  # fmt: skip
    for (name,) in connection.execute(_INVALID, (table,)):
        yield Finding("error", f"index {name}", "valid: yes", "valid: no", f"reindex index {quote(name)};")


_ACL: Final[LiteralString] = """
select n.nspname || '.' || c.relname, coalesce(r.rolname, 'public'), a.privilege_type, c.relkind = 'v'
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
cross join lateral pg_catalog.aclexplode(c.relacl) a
left join pg_catalog.pg_roles r on r.oid = a.grantee
where a.grantee <> c.relowner and c.relkind in ('r', 'p', 'v')
    and (n.nspname = 'analytics_meta' or (n.nspname = %s and c.relname = any(%s)))
"""


def grants(connection: Connection, database: Database, snapshot: Manifest) -> Iterator[Finding]:
    """Yield rights that the registered roles lack, and rights that others have."""
    registered = connection.execute("select role, kind from analytics_meta.grants order by role, kind").fetchall()
    for role, kind in registered:
        if not fetch_value(connection, "select count(*) from pg_catalog.pg_roles where rolname = %s", role):
            yield Finding("error", f"role {role}", f"exists, as {kind}", "missing", f"create role {quote(role)} login;")
            continue
        yield from _lacking(connection, database, snapshot, role, kind)
    known = {role for role, _ in registered}
    tables = [snapshot.storage.table, snapshot.storage.dead_letters_table]
    names = [*tables, *(view.name for entry in snapshot.aggregates for view in entry.views)]
    names += [name for entry in snapshot.aggregates for r in entry.relations for name in (r.name, r.live)]
    for relation, role, right, is_view in connection.execute(_ACL, (database.schema, names)):
        if role not in known:
            harmless = is_view and right == "SELECT"
            yield Finding(
                "info" if harmless else "warning", f"grant on {relation}", "rights of the writer and the reader only",
                f"{role} has {right}",
                f"revoke {right.lower()} on {relation} from {role}; or name it with --grant-reader",
            )  # fmt: skip


def _lacking(
    connection: Connection, database: Database, snapshot: Manifest, role: str, kind: _grants.Kind
) -> Iterator[Finding]:
    for grant in _grants.needed(kind, snapshot, database):
        what = grant.on.removeprefix("schema ")
        if grant.on.startswith("schema "):
            has = fetch_value(connection, "select has_schema_privilege(%s, %s, 'usage')", role, what.strip('"'))
        else:
            rights = [right.split(" (")[0].strip() for right in grant.rights.split(", ") if "event_id" not in right]
            has = all(_has(connection, role, what, right) for right in rights)
        if not has:
            yield Finding("error", f"grant on {what}", f"{role} has {grant.rights}", "missing", grant.sql(role))


def _has(connection: Connection, role: str, relation: str, right: str) -> bool:
    check = "any" if right == "select" else "table"
    query: LiteralString = (
        "select has_any_column_privilege(%s, %s::text, %s)"
        if check == "any"
        else "select has_table_privilege(%s, %s::text, %s)"
    )
    return bool(fetch_value(connection, query, role, relation, right))
