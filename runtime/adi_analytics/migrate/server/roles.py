"""The rights of the two roles beside the owner: one that writes events, one that reads aggregates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

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

    def sql(self, role: str) -> str:
        """Return the GRANT statement."""
        columns = f" ({', '.join(map(quote, self.columns))})" if self.columns else ""
        return f"grant {self.right}{columns} on {self.on} to {quote(role)};"


def needed(kind: Kind, snapshot: Manifest, database: Database) -> Iterator[Grant]:
    """Yield what a role of *kind* needs, and nothing more."""
    schema, storage = database.schema, snapshot.storage
    yield Grant("usage", schema)
    if kind == "reader":
        for entry in snapshot.aggregates:
            for view in entry.views:
                yield Grant("select", schema, view.name)
        return
    yield Grant("usage", "analytics_meta")
    if database.catalog is not None:  # so that the worker finds the tables, and can tell another catalog's database
        yield Grant("select", "analytics_meta", "installation", ("catalog", "events_schema"))
    yield Grant("insert", schema, storage.table)
    for right in ("select", "insert"):
        yield Grant(right, schema, storage.dead_letters_table)
    for right in ("select", "insert", "update"):
        yield Grant(right, "analytics_meta", "late_buckets")


def give_all(connection: Connection, database: Database, folder: Path, asked: Mapping[Kind, str | None]) -> None:
    """Give the roles in *asked* their rights, and those that were given some before: views may be new.

    Raises:
        UsageError: If a role does not exist, or if there is nothing yet to give rights on.
    """
    roles = [(kind, role) for kind, role in asked.items() if role]
    if fetch_value(connection, "select to_regclass('analytics_meta.grants')") is None:
        if roles:
            kind, role = roles[0]
            raise UsageError(
                "there is nothing yet to give rights on",
                "Run `analytics-migrate all` first.",
                setting=f"grant_{kind}",
                value=role,
            )
        return
    known = connection.execute("select kind, role from analytics_meta.grants order by kind, role").fetchall()
    if not (roles or known):
        return
    snapshot = require_snapshot(folder)
    for kind, role in [*roles, *((kind, role) for kind, role in known if _exists(connection, role))]:
        give(connection, database, snapshot, kind, role)


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
