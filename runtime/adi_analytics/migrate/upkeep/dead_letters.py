"""Events that could not be stored: show them, and try them again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from psycopg import sql

from adi_analytics._shared.catalog import Catalog, CatalogError
from adi_analytics.migrate.errors import HistoryError, UsageError
from adi_analytics.migrate.files.manifest import require_snapshot
from adi_analytics.migrate.options import Options, source_for
from adi_analytics.migrate.server.backend import Database
from adi_analytics.migrate.server.connection import Connection, execute, fetch_value
from adi_analytics.migrate.server.session import missing_object, session

if TYPE_CHECKING:
    from adi_analytics.migrate.upkeep.payload import Payloads
    from adi_analytics.migrate.upkeep.replay import Replayed


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that could not be stored.

    Attributes:
        payload: The columns of its row as JSON data, if they were asked for; without the values of secret fields.
    """

    id: int
    created_at: datetime
    event_type: str
    reason: str
    sqlstate: str | None
    message: str
    replayed_at: datetime | None
    event_id: UUID
    payload: Any = None


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """Dead letters, newest first, and how many there are."""

    waiting: int
    letters: tuple[DeadLetter, ...]


def dead_letters(
    options: Options | None = None, *, limit: int = 20, replayed: bool = False, payload: bool = False
) -> DeadLetters:
    """Return the newest dead letters.

    Args:
        options: Where. Defaults to the database of the environment.
        limit: How many at most. Defaults to 20.
        replayed: Whether those that were stored later are included.
        payload: Whether to return what they hold. Values of fields with ``sensitivity: secret``, and those that the
            catalog doesn't know, are left out.

    Raises:
        UsageError: If the payload is asked for, and the catalog has no generated package, which knows the fields.
    """
    options = options or Options()
    payloads = payloads_of(options) if payload else None
    with session(options, "dead-letters") as (connection, database):
        table = _table(connection, database, options)
        waiting: int = fetch_value(
            connection, sql.SQL("select count(*) from {} where replayed_at is null").format(table)
        )
        rows = connection.execute(
            sql.SQL(
                "select id, created_at, event_type, reason, sqlstate, message, replayed_at, event_id, payload from {}"
                " where replayed_at is null or {} order by id desc limit {}"
            ).format(table, sql.Literal(replayed), sql.Literal(limit))
        ).fetchall()
        shown = payloads.shown if payloads is not None else _nothing
        return DeadLetters(waiting, tuple(_letter(row, shown) for row in rows))


def payloads_of(options: Options) -> Payloads:
    """Return what shows payloads without secrets."""
    from adi_analytics.migrate.upkeep.payload import Payloads

    return Payloads(catalog_of(options))


def _letter(row: Sequence[Any], shown: Callable[[str], Any]) -> DeadLetter:
    *known, payload = row
    return replace(DeadLetter(*known), payload=shown(payload))


def _nothing(_payload: str) -> None:
    return None


def replay_dead_letters(
    options: Options | None = None, *, ids: Sequence[int] | None = None, repair: bool = False, force: bool = False
) -> Replayed:
    """Try dead letters again, each in its own transaction. One that is stored is marked, never deleted.

    Args:
        options: Where. Defaults to the database of the environment.
        ids: Which. Defaults to all that wait.
        repair: Whether to replace what PostgreSQL cannot store: U+0000 and lone surrogates become U+FFFD.
        force: Whether to also store events that break the catalog's rules as they are now.

    Raises:
        UsageError: If one of *ids* is not the number of a letter that waits.
    """
    # The worker's half of the package, which the other commands do without.
    from adi_analytics.migrate.upkeep import replay

    options = options or Options()
    catalog = catalog_of(options)
    with session(options, "dead-letters") as (connection, database):
        _check_ids(connection, _table(connection, database, options), ids or ())
        execute(connection, f"set search_path = {database.search_path_sql}")
        return replay.replay(connection, catalog, ids=ids, repair=repair, force=force)


def _check_ids(connection: Connection, table: sql.Identifier, ids: Sequence[int]) -> None:
    query = sql.SQL("select id from {} where replayed_at is null and id = any(%s)").format(table)
    known = {number for (number,) in connection.execute(query, (list(ids),))}
    if wrong := [str(number) for number in ids if number not in known]:
        raise UsageError(
            f"no dead letter with the number {', '.join(wrong)} waits",
            "`analytics-migrate dead-letters list --replayed` shows those that were stored later, too.",
            setting="id",
        )


@dataclass(frozen=True, slots=True)
class Imported:
    """How many dead letters came to the table, and from which file."""

    imported: int
    file: Path


def import_dead_letters(options: Options | None = None, *, file: Path | None = None) -> Imported:
    """Bring the dead letters that went to a file, because there was no table to take them, into the table.

    The file is removed; letters that workers write meanwhile go to a new one.

    Args:
        options: Where to. Defaults to the database of the environment.
        file: The file. Defaults to the one that a worker with this environment writes; if it isn't there, there are
            no letters.

    Raises:
        UsageError: If the file that is given isn't there.
    """
    from adi_analytics.migrate.upkeep import replay

    options = options or Options()
    replay.check_file(file)
    with session(options, "dead-letters") as (connection, database):
        table = _table_name(connection, database, options)
        path = replay.file_of(file, database.catalog or "")
        execute(connection, f"set search_path = {database.search_path_sql}")
        return Imported(replay.import_file(connection, table, path), path)


def catalog_of(options: Options) -> Catalog:
    """Return the catalog, whose generated package knows the fields.

    Raises:
        UsageError: If it has none.
    """
    try:
        return source_for(options.catalog, options.project).catalog()
    except CatalogError as error:
        raise UsageError(error.problem, error.remedy) from error


def _table(connection: Connection, database: Database, options: Options) -> sql.Identifier:
    return sql.Identifier(database.schema, _table_name(connection, database, options))


def _table_name(connection: Connection, database: Database, options: Options) -> str:
    name = require_snapshot(options.folder).storage.dead_letters_table
    if (
        fetch_value(connection, "select to_regclass(format('%%I.%%I', %s::text, %s::text))", database.schema, name)
        is None
    ):
        raise HistoryError(f"there is no table {name}", missing_object(installed=database.installed))
    return name
