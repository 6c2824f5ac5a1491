"""Dead letters: bringing them from the file to the table, and sending them again.

The half of ``analytics-migrate dead-letters`` that knows what the worker writes. A letter that is replayed is marked,
never deleted, and not replayed again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import psycopg

from adi_analytics._engine.dead_letters.file import wait_for_writers
from adi_analytics._engine.delivery.faults import Verdict
from adi_analytics._engine.rows.row import COLUMNS
from adi_analytics._engine.rows.stored import stored_decoder_of, unchecked_fields
from adi_analytics._engine.rows.validate import InvalidValueError
from adi_analytics._engine.stores.postgres import MARK_LATE, PostgresStore
from adi_analytics._engine.stores.postgres_faults import verdict_of
from adi_analytics._shared.sql import quote
from adi_analytics.errors import AnalyticsError
from adi_analytics.migrate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from adi_analytics._shared.catalog import Catalog

_LETTER_COLUMNS: Final = (
    "event_id", "timestamp", "event_type", "service", "reason", "sqlstate", "message", "library_version", "payload",
)  # fmt: skip


class DeadLetterFileError(AnalyticsError):
    """A line of the file of dead letters can't be read.

    Attributes:
        path: The file.
        line: The line, counted from 1.
    """

    def __init__(self, path: Path, line: int) -> None:
        super().__init__(path, line)
        self.path = path
        self.line = line

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: expected a JSON object written by the worker; correct or remove the line"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A dead letter that was refused again, and why.

    Attributes:
        sqlstate: The server's code; ``None`` if it was not asked, because the event breaks the catalog's rules.
    """

    id: int
    event_type: str
    sqlstate: str | None
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What a replay did.

    Attributes:
        replayed: Letters whose events are in the table now.
        held: Those of them whose events the table held already.
        refused: Letters that stay as they were.
        unchecked: By event type, fields of the replayed events that could not be checked: the catalog does not store
            them as they were. Empty with ``force``, which checks nothing.
    """

    replayed: int
    held: int
    refused: tuple[Refused, ...]
    unchecked: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def replay(  # noqa: PLR0913 - keywords, as on the command line
    connection: psycopg.Connection[Any],
    catalog: Catalog,
    *,
    ids: Sequence[int] | None = None,
    repair: bool = False,
    force: bool = False,
    table: str = "",
) -> Replayed:
    """Send dead letters again, each in its own transaction together with its mark.

    Args:
        connection: To the database, in autocommit mode.
        catalog: Says what an event must be, and the tables.
        ids: The letters; all that were not replayed by default.
        repair: Replace what PostgreSQL can't store: U+0000 and lone surrogates become U+FFFD.
        force: Also send events that break the catalog's rules as they are now.
        table: The events table; the catalog's when empty.
    """
    store = PostgresStore(catalog, table, statement_timeout=60.0)
    letters = quote(catalog.dead_letters_table)
    statement = (
        f"select id, event_type from {letters} where replayed_at is null"  # noqa: S608 - quoted
        " and (%(ids)s::bigint[] is null or id = any(%(ids)s)) order by id"
    )
    wanted = connection.execute(statement.encode(), {"ids": None if ids is None else list(ids)}).fetchall()
    replayed, held, refused, unchecked = 0, 0, [], {}
    for number, event_type in wanted:
        outcome = _replay_one(connection, store, catalog, number, repair=repair, force=force)
        if isinstance(outcome, Refused):
            refused.append(outcome)
        elif outcome is not None:
            replayed += 1
            held += not outcome
            if not force and (fields := unchecked_fields(catalog.events[event_type])):
                unchecked[event_type] = fields
    return Replayed(replayed=replayed, held=held, refused=tuple(refused), unchecked=unchecked)


def _replay_one(  # noqa: PLR0913 - what one letter needs
    connection: psycopg.Connection[Any],
    store: PostgresStore,
    catalog: Catalog,
    number: int,
    *,
    repair: bool,
    force: bool,
) -> Refused | bool | None:
    """Replay a letter; ``False`` if the table held the event, ``None`` if another session replays it now."""
    letters = quote(catalog.dead_letters_table)
    statement = (
        f"select event_type, payload from {letters} where id = %s and replayed_at is null for update skip locked"  # noqa: S608 - quoted
    )
    event_type = ""
    try:
        with connection.transaction():
            found = connection.execute(statement.encode(), (number,)).fetchone()
            if found is None:
                return None
            event_type, payload = found
            row = json.loads(payload)
            if repair:
                row = repaired(row)
            if not force and (problem := problem_of(catalog, event_type, row["data"])):
                return Refused(id=number, event_type=event_type, sqlstate=None, message=problem)
            inserted = connection.execute(_insert(store.table, text_ids=store.text_ids), (_as_json(row),)).rowcount
            _mark(connection, store, row["timestamp"])
            connection.execute(f"update {letters} set replayed_at = now() where id = %s".encode(), (number,))  # noqa: S608 - quoted
            return bool(inserted)
    except psycopg.Error as error:
        if verdict_of(error) not in {Verdict.ROW, Verdict.DUPLICATE}:
            raise
        return _refused(number, event_type, error)


def _as_json(row: Any) -> str:
    """Return *row* as JSON for ``jsonb``, which takes escapes beyond ASCII only if the database is in UTF8."""
    text = json.dumps(row, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate, about which the server is to say so
        return json.dumps(row)
    return text


def _refused(number: int, event_type: str, error: psycopg.Error) -> Refused:
    message = error.diag.message_primary or type(error).__name__
    return Refused(id=number, event_type=event_type, sqlstate=error.sqlstate, message=message)


def problem_of(catalog: Catalog, event_type: str, data: Any) -> str | None:
    """Return what is wrong with an event by the catalog as it is now."""
    cls: Any = catalog.events.get(event_type)
    if cls is None:
        return f"the catalog {catalog.name} has no event {event_type}"
    try:
        stored_decoder_of(cls)(json.dumps(data).encode())
    except InvalidValueError as error:
        return str(error)
    return None


def _insert(table: str, *, text_ids: bool) -> bytes:
    user_id = "text" if text_ids else "uuid"
    columns = ", ".join(f'"{name}"' for name in COLUMNS)
    return (
        f"insert into {quote(table)} ({columns}) select {columns} from jsonb_to_record(%s::jsonb)"  # noqa: S608 - quoted
        f' as row("timestamp" timestamptz, event_type text, service text, user_id {user_id}, data jsonb, event_id uuid,'
        ' meta jsonb) on conflict ("timestamp", event_id) do nothing'
    ).encode()


def _mark(connection: psycopg.Connection[Any], store: PostgresStore, timestamp: str) -> None:
    from datetime import datetime

    moment = round(datetime.fromisoformat(timestamp).timestamp() * 1_000_000)
    if hours := store.late_hours_of([moment]):
        connection.execute(MARK_LATE.encode(), (hours,))


def repaired(value: Any) -> Any:
    """Return *value* with U+FFFD in the place of U+0000 and lone surrogates."""
    if isinstance(value, str):
        return (
            value.encode("utf-16", "surrogatepass")
            .decode("utf-16", "replace")
            .replace("\0", "\N{REPLACEMENT CHARACTER}")
        )
    if isinstance(value, dict):
        return {repaired(name): repaired(inner) for name, inner in value.items()}
    return [repaired(inner) for inner in value] if isinstance(value, list) else value


def moved(path: Path) -> Path:
    """Return where the file at *path* is while its letters are imported."""
    return path.with_suffix(".importing")


def check_file(file: Path | None) -> None:
    """Make sure that the *file* that was given is there.

    Raises:
        UsageError: If not.
    """
    if file is not None and not (file.exists() or moved(file).exists()):
        raise UsageError(f"there is no file {file}", "Give the file that the worker names in its log.", setting="file")


def file_of(file: Path | None, catalog: str) -> Path:
    """Return *file*, or where a worker of *catalog* with this environment writes.

    Raises:
        UsageError: If nothing says where that is.
    """
    from adi_analytics._engine.dead_letters.file import dead_letter_path
    from adi_analytics._shared.options import settings_from

    path = file or dead_letter_path(settings_from({}), catalog)
    if path is None:
        raise UsageError("this user has no home directory, where the file would be", "Say which file to import.")
    return path


def import_file(connection: psycopg.Connection[Any], table: str, path: Path) -> int:
    """Move the letters of the file at *path* into *table*, as `import_lines` does."""
    names = ", ".join(f'"{name}"' for name in _LETTER_COLUMNS)
    values = ", ".join(f"%({name})s" for name in _LETTER_COLUMNS)
    statement = (
        f"insert into {quote(table)} ({names}) select {values}"  # noqa: S608 - quoted
        f" where not exists (select from {quote(table)} where event_id = %(event_id)s and replayed_at is null)"
    )

    def store(letters: Sequence[dict[str, Any]]) -> None:
        with connection.transaction(), connection.cursor() as cursor:
            cursor.executemany(statement.encode(), letters)

    return import_lines(path, store)


def import_lines(path: Path, store: Callable[[Sequence[dict[str, Any]]], None]) -> int:
    """Let *store* have the letters of the file at *path*; returns how many. A file that isn't there has none.

    Letters that workers append meanwhile go to a new file. The next call finishes an import that was interrupted.

    Raises:
        DeadLetterFileError: If a line can't be read; none of its file is imported then.
    """
    aside = moved(path)
    imported = _import_moved(aside, store)
    if path.exists():
        path.rename(aside)  # from here on, workers begin a new file
        wait_for_writers(aside)
        imported += _import_moved(aside, store)
    return imported


def _import_moved(aside: Path, store: Callable[[Sequence[dict[str, Any]]], None]) -> int:
    if not aside.exists():
        return 0
    letters = [_read_line(aside, number, line) for number, line in enumerate(aside.read_bytes().splitlines(), 1)]
    store(letters)
    aside.unlink()
    return len(letters)


def _read_line(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        record: dict[str, Any] = json.loads(line)
        return {name: record[name] for name in _LETTER_COLUMNS}
    except (ValueError, KeyError, TypeError) as error:
        raise DeadLetterFileError(path, number) from error
