"""Makes a temporary copy of what the catalog describes, so that the server itself says what it should look like."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from adi_analytics._shared.sql import quote
from adi_analytics.migrate.author import history, versions
from adi_analytics.migrate.drift.describe import Description, describe
from adi_analytics.migrate.files.manifest import Aggregate, Manifest, Statement
from adi_analytics.migrate.run.record import bootstrap
from adi_analytics.migrate.server.backend import Database
from adi_analytics.migrate.server.connection import Connection, execute

# Names of analytics_meta in the head of a statement; in the body of a function they stay.
_META_NAME: Final = re.compile(
    r"\A(create (?:or replace )?(?:function|procedure|table(?: if not exists)?)) analytics_meta\."
)
_STRUCTURE: Final = re.compile(r"\Acreate (?:or replace )?(?:table|index|view|function|unique index)\b")
_CAGG: Final = re.compile(r"\Acreate materialized view ")


def expected_meta(connection: Connection, snapshot: Manifest, database: Database) -> Description:
    """Describe what should be in the schema ``analytics_meta``. Leaves nothing behind."""
    script = bootstrap(database).partition("insert into")[0]
    statements = [
        *(part.strip() for part in re.split(r";\n", re.sub(r"^--.*\n", "", script, flags=re.MULTILINE))),
        *(s.sql for s in snapshot.storage_ddl[database.backend]["meta"]),
        *(s.sql for s in snapshot.machinery[database.backend]),
    ]
    made = [_META_NAME.sub(r"\1 ", text) for text in statements if _META_NAME.match(text)]
    return _describe_copy(connection, database, made)


def expected_public(connection: Connection, snapshot: Manifest, database: Database) -> Description:
    """Describe what should be in the schema of the events. Leaves nothing behind."""
    return _describe_copy(connection, database, list(_public_statements(snapshot, database.backend)))


def _describe_copy(connection: Connection, database: Database, statements: Iterable[str]) -> Description:
    with connection.transaction(force_rollback=True):
        execute(connection, f"set local search_path = pg_temp, {database.search_path_sql}")
        execute(connection, "set local check_function_bodies = off")
        execute(connection, ";\n".join(statements))
        schema = connection.execute("select pg_my_temp_schema()::regnamespace::text").fetchone()
        return describe(connection, schema[0]) if schema else Description()


def _public_statements(snapshot: Manifest, backend: str) -> Iterator[str]:
    yield from _structure(snapshot.storage_ddl[backend]["create"])
    for entry in [*snapshot.retired, *snapshot.aggregates]:
        yield from _relations(entry, backend)
    for entry in snapshot.aggregates:
        yield from (statement.sql for statement in versions.publish(entry, None, backend))


def _relations(entry: Aggregate, backend: str) -> Iterator[str]:
    yield from (statement.sql for statement in history.members_ddl(entry))
    live = history.live_views(entry, backend)
    selects = {quote(relation.name): relation.select[backend] for relation in entry.relations}
    for statement in entry.ddl[backend]["create"]:
        if _CAGG.match(statement.sql):
            # A continuous aggregate cannot be temporary; a view of its SELECT has the same columns and definition.
            name = _CAGG.sub("", statement.sql).split("\n", 1)[0].strip()
            yield f"create view {name} as\n{selects[name]}"
        else:
            yield from (live.get(sql, sql) for sql in _structure([statement]))
    if entry.history:
        yield from (history.history_ddl(view, entry) for view in entry.views)


def _structure(statements: Iterable[Statement]) -> Iterator[str]:
    return (statement.sql for statement in statements if _STRUCTURE.match(statement.sql))
