"""Events that could not be stored: show them, and try them again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from psycopg import sql

from adi_analytics.migrate import _runner
from adi_analytics.migrate._database import Connection, Database, fetch_value
from adi_analytics.migrate._errors import HistoryError
from adi_analytics.migrate._manifest import load_snapshot
from adi_analytics.migrate._runner import Options


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that could not be stored, without its payload."""

    id: int
    created_at: datetime
    event_type: str
    reason: str
    sqlstate: str | None
    message: str
    replayed_at: datetime | None


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """Dead letters, newest first, and how many there are."""

    waiting: int
    letters: tuple[DeadLetter, ...]


def dead_letters(options: Options | None = None, *, limit: int = 20, replayed: bool = False) -> DeadLetters:
    """Return the newest dead letters.

    Args:
        options: Where. Defaults to the database of the environment.
        limit: How many at most. Defaults to 20.
        replayed: Whether those that were stored later are included.
    """
    options = options or Options()
    with _runner.session(options, "dead-letters") as (connection, database):
        table = _table(connection, database, options)
        waiting: int = fetch_value(
            connection, sql.SQL("select count(*) from {} where replayed_at is null").format(table)
        )
        rows = connection.execute(
            sql.SQL(
                "select id, created_at, event_type, reason, sqlstate, message, replayed_at from {}"
                " where replayed_at is null or {} order by id desc limit {}"
            ).format(table, sql.Literal(replayed), sql.Literal(limit))
        ).fetchall()
        return DeadLetters(waiting, tuple(DeadLetter(*row) for row in rows))


def _table(connection: Connection, database: Database, options: Options) -> sql.Identifier:
    snapshot = load_snapshot(options.folder)
    name = snapshot.storage.dead_letters_table if snapshot else "analytics_dead_letters"
    if fetch_value(connection, "select to_regclass(format('%%I.%%I', %s::text, %s::text))", database.schema, name) is None:
        raise HistoryError(f"there is no table {name} yet", "Run `analytics-migrate all` first.")
    return sql.Identifier(database.schema, name)
