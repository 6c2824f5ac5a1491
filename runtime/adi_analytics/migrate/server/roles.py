"""The rights of the two roles beside the owner: one that writes events, one that reads aggregates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from adi_analytics._shared.sql import literal, quote
from adi_analytics.migrate.errors import UsageError
from adi_analytics.migrate.files.manifest import Manifest, require_snapshot
from adi_analytics.migrate.server.backend import Database
from adi_analytics.migrate.server.connection import Connection, execute, fetch_value

Kind = Literal["writer", "reader"]


@dataclass(frozen=True, slots=True)
class Grant:
    """A right on a schema, on one of its relations, or on columns of one."""

    right: str
    schema: str
    relation: str = ""
    columns: tuple[str, ...] = ()

    @property
    def on(self) -> str:
        """What the right is on, as GRANT names it."""
        if not self.relation:
            return f"schema {quote(self.schema)}"
        return f"{quote(self.schema)}.{quote(self.relation)}"

    @property
    def sentence(self) -> str:
        """The right and what it is on, as GRANT and REVOKE say it."""
        columns = f" ({', '.join(map(quote, self.columns))})" if self.columns else ""
        return f"{self.right}{columns} on {self.on}"

    def sql(self, role: str) -> str:
        """Return the GRANT statement."""
        return f"grant {self.sentence} to {quote(role)};"


def needed(kind: Kind, snapshot: Manifest, database: Database) -> Iterator[Grant]:
    """Yield what a role of *kind* needs, and nothing more."""
    schema, storage = database.schema, snapshot.storage
    yield Grant("usage", schema)
    if kind == "reader":
        yield from _reading(schema, snapshot)
        return
    yield Grant("usage", "analytics_meta")
    if database.catalog is not None:  # so that the worker finds the tables, and can tell another catalog's database
        yield Grant("select", "analytics_meta", "installation", ("catalog", "events_schema"))
    yield Grant("insert", schema, storage.table)
    for right in ("select", "insert"):
        yield Grant(right, schema, storage.dead_letters_table)
    for right in ("select", "insert", "update"):
        yield Grant(right, "analytics_meta", "late_buckets")
    yield Grant("select", "analytics_meta", "tokens")  # `analytics-server` takes events as this role


def _reading(schema: str, snapshot: Manifest) -> Iterator[Grant]:
    """Yield the rights on the public views, and on what the query layer reads besides: no members, no events."""
    for entry in snapshot.aggregates:
        for view in entry.views:
            yield Grant("select", schema, view.name)
        if entry.relations[0].kind == "rollup":
            yield Grant("select", schema, entry.relations[0].live)
    yield Grant("usage", "analytics_meta")
    yield Grant("select", "analytics_meta", "installation", ("catalog", "events_schema", "backend"))
    for table in ("aggregates", "backfills", "expired", "rollups"):
        yield Grant("select", "analytics_meta", table)


def left(kind: Kind, snapshot: Manifest, database: Database) -> Iterator[Grant]:
    """Yield what a role of *kind* still has of versions that were replaced: it goes when they are dropped."""
    if kind == "reader":
        for entry in snapshot.retired:
            if entry.relations[0].kind == "rollup":
                yield Grant("select", database.schema, entry.relations[0].live)


def give_all(connection: Connection, database: Database, folder: Path, asked: Mapping[Kind, str | None]) -> None:
    """Give the roles in *asked* their rights, and those that were given some before: views may be new.

    Raises:
        UsageError: If a role does not exist, or if there is nothing yet to give rights on.
    """
    roles: list[tuple[Kind, str]] = [(kind, role) for kind, role in asked.items() if role]
    if not _can_be_known(connection):
        if roles:
            kind, role = roles[0]
            raise UsageError(
                "there is nothing yet to give rights on",
                "Run `analytics-migrate all` first.",
                setting=f"grant_{kind}",
                value=role,
            )
        return
    known = known_roles(connection)
    if not (roles or known):
        return
    snapshot = require_snapshot(folder)
    for kind, role in [*roles, *((kind, role) for kind, role in known if _exists(connection, role))]:
        give(connection, database, snapshot, kind, role)


def _can_be_known(connection: Connection) -> bool:
    return fetch_value(connection, "select to_regclass('analytics_meta.grants')") is not None


def known_roles(connection: Connection) -> list[tuple[Kind, str]]:
    """Return the roles that were given rights before, each as kind and name."""
    if not _can_be_known(connection):
        return []
    return connection.execute("select kind, role from analytics_meta.grants order by kind, role").fetchall()


def _exists(connection: Connection, role: str) -> bool:
    return bool(fetch_value(connection, "select count(*) from pg_catalog.pg_roles where rolname = %s", role))


def give(connection: Connection, database: Database, snapshot: Manifest, kind: Kind, role: str) -> None:
    """Grant *role* the rights of *kind* and remember that, so that `drift` knows them.

    Raises:
        UsageError: If there is no such role.
    """
    if not _exists(connection, role):
        raise UsageError(
            f"no role {role!r}",
            f"Create it first: create role {quote(role)} login;",
            setting=f"grant_{kind}",
            value=role,
        )
    with connection.transaction():
        for grant in needed(kind, snapshot, database):
            if not is_there(connection, grant):
                continue  # with only `pre` applied, a view may not be there yet; `post` comes back to it
            execute(connection, grant.sql(role))
        execute(
            connection,
            f"insert into analytics_meta.grants (role, kind) values ({literal(role)}, {literal(kind)})"  # noqa: S608 - names and literals are quoted
            " on conflict do nothing",
        )


def is_there(connection: Connection, grant: Grant) -> bool:
    """Whether what the right is on exists."""
    return not grant.relation or fetch_value(connection, "select to_regclass(%s)", grant.on) is not None


_REMEMBER: Final = """
do $role$
begin
    if not exists (select from pg_catalog.pg_roles where rolname = {role}) then
        raise exception 'no role %', {role} using hint = 'Create it first.';
    end if;
end
$role$;
insert into analytics_meta.grants (role, kind) values ({role}, {kind}) on conflict do nothing;
"""
_GRANT: Final = """
-- the rights of the roles that write and read
do $grants$
declare
    given record;
begin
    for given in
        select n.sentence, n.target, g.role
        from analytics_meta.grants g
        join pg_catalog.pg_roles r on r.rolname = g.role
        join (values
            {rows}
        ) as n (kind, sentence, target) on n.kind = g.kind
    loop
        -- what is not there yet, the migrations of the other phase make
        if given.target is null or to_regclass(given.target) is not null then
            execute format('grant %s to %I', given.sentence, given.role);
        end if;
    end loop;
end
$grants$;
"""


def grants_script(new: Iterable[tuple[Kind, str]], snapshot: Manifest, database: Database) -> str:
    """Return a script that does what :func:`give_all` does: for *new* roles, and for those in the database's record."""
    kinds: tuple[Kind, ...] = ("writer", "reader")
    rows = [
        f"({literal(kind)}, {literal(grant.sentence)}, {literal(grant.on) if grant.relation else 'null'})"
        for kind in kinds
        for grant in needed(kind, snapshot, database)
    ]
    remembered = (_REMEMBER.format(role=literal(role), kind=literal(kind)) for kind, role in new)
    return "".join([*remembered, _GRANT.format(rows=",\n            ".join(rows))])
