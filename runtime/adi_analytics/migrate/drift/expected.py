"""Makes a temporary copy of what the catalog describes, so that the server itself says what it should look like."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from adi_analytics.migrate.author import counts, history, versions
from adi_analytics.migrate.drift.describe import Description, describe
from adi_analytics.migrate.files.machinery import own_record
from adi_analytics.migrate.files.manifest import Aggregate, Manifest
from adi_analytics.migrate.files.statements import Call, ContinuousAggregate, Sql
from adi_analytics.migrate.server.backend import Database
from adi_analytics.migrate.server.connection import Connection, execute


def expected_meta(connection: Connection, snapshot: Manifest, database: Database) -> Description:
    """Describe what should be in the schema ``analytics_meta``. Leaves nothing behind."""
    objects = [*own_record(), *snapshot.machinery[database.backend]]
    made = [entry.unqualified for entry in objects if entry.kind != "schema"]
    return _describe_copy(connection, database, made)


def expected_public(connection: Connection, snapshot: Manifest, database: Database) -> Description:
    """Describe what should be in the schema of the events. Leaves nothing behind."""
    return _describe_copy(connection, database, _public_statements(snapshot, database.backend))


def _describe_copy(connection: Connection, database: Database, statements: Iterable[Sql]) -> Description:
    with connection.transaction(force_rollback=True):
        execute(connection, f"set local search_path = pg_temp, {database.search_path_sql}")
        execute(connection, "set local check_function_bodies = off")
        execute(connection, ";\n".join(map(str, statements)))
        schema = connection.execute("select pg_my_temp_schema()::regnamespace::text").fetchone()
        return describe(connection, schema[0]) if schema else Description()


def _public_statements(snapshot: Manifest, backend: str) -> Iterator[Sql]:
    yield from (made.sql for made in snapshot.storage_ddl[backend].create if not isinstance(made, Call))
    yield from (comment.sql for comment in snapshot.comments)
    for entry in [*snapshot.retired, *snapshot.aggregates]:
        yield from _relations(entry, backend)
    for entry in snapshot.aggregates:
        yield from (view.sql for view in versions.public_views(entry))
        yield from (comment.sql for comment in entry.comments)


def _relations(entry: Aggregate, backend: str) -> Iterator[Sql]:
    yield from (made.sql for made in history.members_ddl(entry))
    for made in history.stored(entry, backend):
        # A continuous aggregate cannot be temporary; a view of its SELECT has the same columns and definition.
        yield made.as_view if isinstance(made, ContinuousAggregate) else made.sql
    yield from (made.sql for made in counts.ddl(entry))
    if entry.history:
        yield from (history.history_ddl(view, entry).sql for view in entry.historic_views)
