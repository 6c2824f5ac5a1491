"""Checks who owns the objects, and who has which rights on them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, LiteralString

from adi_analytics._shared.sql import quote
from adi_analytics.migrate.author import counts, history
from adi_analytics.migrate.drift.findings import Finding, Severity
from adi_analytics.migrate.files.manifest import Manifest
from adi_analytics.migrate.server import roles
from adi_analytics.migrate.server.backend import Database
from adi_analytics.migrate.server.connection import Connection, fetch_value

# Relations, their columns, and the schema of the migrator itself. The events' schema may be shared with others.
_ACL: Final[LiteralString] = """
with ours as (
    select n.nspname::text as schema, c.oid, c.relname::text as name, c.relowner, c.relacl
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'S')
        and (n.nspname = 'analytics_meta' or (n.nspname = %(schema)s and (c.relname = any(%(names)s)
            or c.oid in (select inhrelid from pg_catalog.pg_inherits where inhparent = to_regclass(%(table)s)))))
), found as (
    select o.schema, o.name, '' as part, o.relowner as owner, a.*
    from ours o, pg_catalog.aclexplode(o.relacl) a
    union all
    select o.schema, o.name, t.attname::text, o.relowner, a.*
    from ours o
    join pg_catalog.pg_attribute t on t.attrelid = o.oid and t.attnum > 0
    cross join lateral pg_catalog.aclexplode(t.attacl) a
    union all
    select n.nspname::text, '', '', n.nspowner, a.*
    from pg_catalog.pg_namespace n, pg_catalog.aclexplode(n.nspacl) a where n.nspname = 'analytics_meta'
)
select f.schema, f.name, f.part, coalesce(r.rolname::text, ''), lower(f.privilege_type)
from found f left join pg_catalog.pg_roles r on r.oid = f.grantee
where f.grantee <> f.owner
order by 1, 2, 3, 4, 5
"""


def grants(connection: Connection, database: Database, snapshot: Manifest) -> Iterator[Finding]:
    """Yield rights that the registered roles lack, and rights that nobody was given by the migrator."""
    registered: list[tuple[str, roles.Kind]] = []
    for role, kind in connection.execute("select role, kind from analytics_meta.grants order by role, kind"):
        if not fetch_value(connection, "select count(*) from pg_catalog.pg_roles where rolname = %s", role):
            yield Finding("error", f"role {role}", f"exists, as {kind}", "missing", f"create role {quote(role)} login;")
            continue
        registered.append((role, kind))
        for grant in roles.needed(kind, snapshot, database):
            if roles.is_there(connection, grant) and not _has(connection, role, grant):
                expected = f"{role} has {grant.right.upper()}"
                yield Finding("error", f"grant on {_label(grant)}", expected, "missing", grant.sql(role))
    allowed = {
        (role, grant.right, grant.schema, grant.relation, column)
        for role, kind in registered
        for grant in (*roles.needed(kind, snapshot, database), *roles.left(kind, snapshot, database))
        for column in grant.columns or ("",)
    }
    views = {view.name for entry in snapshot.aggregates for view in entry.views}
    for schema, name, column, role, right in connection.execute(_ACL, ours(database, snapshot)):
        if not allowed & {(role, right, schema, name, column), (role, right, schema, name, "")}:
            yield _excess(roles.Grant(right, schema, name, (column,) if column else ()), role, views)


def _has(connection: Connection, role: str, grant: roles.Grant) -> bool:
    if not grant.relation:
        query: LiteralString = "select has_schema_privilege(%s, %s::text, %s)"
        return bool(fetch_value(connection, query, role, grant.schema, grant.right))
    if grant.columns:
        query = "select bool_and(has_column_privilege(%s, %s::text, name, %s)) from unnest(%s::text[]) name"
        return bool(fetch_value(connection, query, role, grant.on, grant.right, list(grant.columns)))
    return bool(fetch_value(connection, "select has_table_privilege(%s, %s::text, %s)", role, grant.on, grant.right))


def _excess(grant: roles.Grant, role: str, views: set[str]) -> Finding:
    harmless = grant.right == "select" and grant.relation in views
    usage = grant.right == "usage" and not grant.relation
    severity: Severity = "info" if harmless or usage else "warning"
    fix = grant.sql(role).replace("grant ", "revoke ", 1).replace(" to ", " from ")
    fix = fix if role else fix.replace(quote(role), "public")
    return Finding(
        severity,
        f"grant on {_label(grant)}",
        "rights of the writer and the reader only",
        f"{role or 'public'} has {grant.right.upper()}{' on ' + grant.columns[0] if grant.columns else ''}",
        fix,
        "Or name the role with --grant-reader." if harmless and role else "",
    )


def _label(grant: roles.Grant) -> str:
    return f"{grant.schema}.{grant.relation}" if grant.relation else f"schema {grant.schema}"


def ours(database: Database, snapshot: Manifest) -> dict[str, Any]:
    """Return the parameters that choose our relations, for both queries."""
    names = [snapshot.storage.table, snapshot.storage.dead_letters_table]
    for entry in [*snapshot.aggregates, *snapshot.retired]:
        names += [name for relation in entry.relations for name in (relation.name, relation.live)]
        names += [history.members_table(relation) for relation in entry.relations]
        names += [made.object for made in counts.ddl(entry)]
        names += [name for view in entry.views for name in (view.name, history.history_table(view, entry))]
    table = f"{quote(database.schema)}.{quote(snapshot.storage.table)}"
    return {"schema": database.schema, "names": names, "table": table}


_OWNERS: Final[LiteralString] = """
select n.nspname::text, c.relname::text, c.relkind::text, r.rolname::text, o.rolname::text
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_roles r on r.oid = c.relowner
join pg_catalog.pg_namespace m on m.nspname = 'analytics_meta'
join pg_catalog.pg_roles o on o.oid = m.nspowner
where c.relkind in ('r', 'p', 'v') and c.relowner <> m.nspowner
    and (n.nspname = 'analytics_meta' or (n.nspname = %(schema)s and (c.relname = any(%(names)s)
        or c.oid in (select inhrelid from pg_catalog.pg_inherits where inhparent = to_regclass(%(table)s)))))
order by 1, 2
"""


def owners(connection: Connection, database: Database, snapshot: Manifest) -> Iterator[Finding]:
    """Yield relations that belong to another role than the migrator's schema: its housekeeping may not change them."""
    continuous = {r.name for entry in [*snapshot.aggregates, *snapshot.retired] for r in entry.relations}
    for schema, name, kind, found, expected in connection.execute(_OWNERS, ours(database, snapshot)):
        word = "table" if kind != "v" else "materialized view" if name in continuous else "view"
        yield Finding(
            "warning", f"{word} {name}", f"owner: {expected}", f"owner: {found}",
            f"alter {word} {quote(schema)}.{quote(name)} owner to {quote(expected)};",
        )  # fmt: skip


_ROUTINES: Final[LiteralString] = """
select n.nspname::text, format('%%I.%%I(%%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)),
       r.rolname::text, o.rolname::text, has_function_privilege('public', p.oid, 'execute')
from pg_catalog.pg_proc p
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
join pg_catalog.pg_roles r on r.oid = p.proowner
join pg_catalog.pg_namespace m on m.nspname = 'analytics_meta'
join pg_catalog.pg_roles o on o.oid = m.nspowner
where (n.nspname = 'analytics_meta' or (n.nspname = %(schema)s and p.proname = any(%(functions)s)))
order by 1, 2
"""


def routines(connection: Connection, database: Database, snapshot: Manifest) -> Iterator[Finding]:
    """Yield functions of another owner, and those that the roles that read or keep house may not call."""
    entries = [*snapshot.aggregates, *snapshot.retired]
    functions = [relation.rows_function for entry in entries for relation in entry.relations]
    functions += [made.object for entry in entries for made in counts.ddl(entry)]
    values = {"schema": database.schema, "functions": functions}
    for _, routine, found, expected, callable_ in connection.execute(_ROUTINES, values):
        if found != expected:
            yield Finding(
                "warning", f"function {routine}", f"owner: {expected}", f"owner: {found}",
                f"alter routine {routine} owner to {quote(expected)};",
            )  # fmt: skip
        if not callable_:
            yield Finding(
                "error", f"grant on function {routine}", "public has EXECUTE", "missing: views and maintain fail",
                f"grant execute on routine {routine} to public;",
            )  # fmt: skip


# Extensions bring some of their own.
_EVENT_TRIGGERS: Final[LiteralString] = """
select e.evtname::text, e.evtevent::text, e.evtfoid::regprocedure::text
from pg_catalog.pg_event_trigger e
where e.evtenabled <> 'D' and not exists (
    select from pg_catalog.pg_depend d
    where d.classid = 'pg_event_trigger'::regclass and d.objid = e.oid and d.deptype = 'e'
)
order by 1
"""


def event_triggers(connection: Connection, _: Database, __: Manifest) -> Iterator[Finding]:
    """Yield event triggers: they run when `maintain` makes and drops partitions, and can stop it."""
    for name, event, function in connection.execute(_EVENT_TRIGGERS):
        yield Finding(
            "info", f"event trigger {name}", "none that can stop partitions from being made", f"{function} on {event}",
            f"drop event trigger {quote(name)};", "If nobody needs it.",
        )  # fmt: skip
