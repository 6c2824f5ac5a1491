"""Every SQL statement of the worker for PostgreSQL."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import psycopg

from adi_analytics._engine.delivery.effects import BREATHE, CopyData, CopyEnd, CopyStart, Execute, Steps
from adi_analytics._engine.delivery.faults import foreign_database
from adi_analytics._engine.rows.row import COLUMNS, HEADER, TRAILER, columns_of, row_timestamp
from adi_analytics._engine.stores.postgres_faults import ForeignDatabaseError, fault_of
from adi_analytics._shared.catalog import has_text_ids
from adi_analytics._shared.sql import quote

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adi_analytics._engine.dead_letters.letter import DeadLetter
    from adi_analytics._engine.delivery.faults import Fault
    from adi_analytics._shared.catalog import Catalog

LATE_AFTER: Final = 6 * 3600  # seconds; without aggregates nothing reads the marks, until one is added
_UTF8: Final = "UTF8"
_HOUR: Final = 3_600_000_000  # microseconds
_SLICE: Final = 0.00025  # seconds of work between two breaths: what a caller may wait for the GIL
_COLUMN_LIST: Final = ", ".join(f'"{name}"' for name in COLUMNS)
_TYPES: Final = {"timestamp": "timestamptz", "user_id": "uuid", "data": "jsonb", "event_id": "uuid", "meta": "jsonb"}
_GIVEN: Final = ", ".join(f'given."{name}"' for name in COLUMNS)

# Behind a pooler in transaction mode, what a session sets stays with the server's process and changes the statements of
# other programs, so each transaction sets what it needs for itself.
# The isolation level: with a stricter default, two workers that mark the same late hour would stop each other.
_BEGIN: Final = """
begin isolation level read committed;
select set_config('statement_timeout', '{timeout}', true), set_config('client_min_messages', 'error', true),
    set_config('idle_in_transaction_session_timeout', '60s', true), set_config('row_security', 'on', true);
select set_config('lc_messages', 'C', true) where current_setting('is_superuser') = 'on'
"""
_ENCODING: Final = "select current_setting('server_encoding')"
_READABLE: Final = """
select a.attname::text
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_attribute a on a.attrelid = c.oid
where n.nspname = 'analytics_meta' and c.relname = 'installation' and a.attname in ('catalog', 'events_schema')
    and has_schema_privilege(n.oid, 'usage') and has_column_privilege(c.oid, a.attnum, 'select')
"""
_CATALOG: Final = "select catalog from analytics_meta.installation"
# A table of the user's choice may be elsewhere.
_SCHEMA: Final = """
select events_schema from analytics_meta.installation
where to_regclass(format('%%I.%%I', events_schema, %s::text)) is not null
"""
_EXISTS: Final = "select to_regclass(%s::text) is not null"
MARK_LATE: Final = """
insert into analytics_meta.late_buckets (bucket) select unnest(%s::timestamptz[])
on conflict (bucket) do update set marked_at = now()
"""
_DEAD_LETTER: Final = """
insert into {table}
    (event_id, "timestamp", event_type, service, reason, sqlstate, message, library_version, payload)
select %s::uuid, %s::timestamptz, %s, %s, %s, %s, %s, %s, %s
where not exists (select from {table} where event_id = %s::uuid and replayed_at is null)
"""
_ROWS: Final = "select set_config('adi_analytics.rows', %s, true)"
# Row by row, but in one statement: it needs no right but to insert. `on conflict` would need one to read the key, which
# TimescaleDB can't grant, and without naming the key it would swallow the user's own constraints.
_MERGE: Final = """
do $merge$
declare
    given record;
    wanted oid := to_regclass($table${table}$table$);
    stored bigint := 0;
    held bigint := 0;
    touched bigint;
    name text;
begin
    for given in
        select {values} from json_array_elements(current_setting('adi_analytics.rows')::json) as e
    loop
        begin
            insert into {table} ({columns}) values ({given});
            get diagnostics touched = row_count;
            stored := stored + touched;
        exception when unique_violation then
            get stacked diagnostics name = constraint_name;
            -- the key of the table, of a partition of it or of a chunk
            if not exists (
                select from pg_catalog.pg_index i join pg_catalog.pg_class c on c.oid = i.indexrelid
                where c.relname = name and i.indisprimary and (i.indrelid = wanted or exists (
                    select from pg_catalog.pg_inherits h where h.inhrelid = i.indrelid and h.inhparent = wanted))
            ) then
                raise;
            end if;
            held := held + 1;
        end;
    end loop;
    perform set_config('adi_analytics.rows', '', true),
        set_config('adi_analytics.stored', stored::text, true), set_config('adi_analytics.held', held::text, true);
end
$merge$
"""
_MERGED: Final = """
select current_setting('adi_analytics.stored')::bigint, current_setting('adi_analytics.held')::bigint
"""


class PostgresStore:
    """Writes rows and dead letters to one database, each in a transaction that leaves no setting behind.

    Args:
        catalog: Says the tables, and from when on a row is late.
        table: The events table; the catalog's when empty.
        statement_timeout: Seconds.
    """

    def __init__(self, catalog: Catalog, table: str, statement_timeout: float) -> None:
        self._catalog = catalog
        self.table = table or catalog.table
        self.text_ids = has_text_ids(catalog)
        """Whether the column ``user_id`` is a text."""
        self._begin = _BEGIN.format(timeout=f"{round(statement_timeout * 1000)}ms")
        late_after = LATE_AFTER if catalog.late_after is None else catalog.late_after
        self._late_after = late_after * 1_000_000
        self._encoding = _UTF8
        self._use_schema("")

    errors: tuple[type[Exception], ...] = (psycopg.Error,)
    knows_batches = False
    mark = ""

    def fault(self, error: Any) -> Fault:
        """Return what *error* means."""
        return fault_of(error, self.table)

    def _use_schema(self, schema: str) -> None:
        place = f"{quote(schema)}." if schema else ""
        target, letters = place + quote(self.table), place + quote(self._catalog.dead_letters_table)
        self._target = target
        self._copy = f"copy {target} ({_COLUMN_LIST}) from stdin (format binary)"
        self._dead_letter = _DEAD_LETTER.format(table=letters)
        types = _TYPES | ({"user_id": "text"} if self.text_ids else {})
        values = ", ".join(f'(e ->> {at})::{types.get(name, "text")} as "{name}"' for at, name in enumerate(COLUMNS))
        self._merge = _MERGE.format(table=target, columns=_COLUMN_LIST, values=values, given=_GIVEN)

    def prepare(self) -> Steps:
        """Get to know the database of a new connection."""
        self._encoding = next((name for (name,) in (yield Execute(_ENCODING))), _UTF8)
        # A writer may have no right to look, and a table may have been made without the migrator.
        readable = {name for (name,) in (yield Execute(_READABLE))}
        if "catalog" in readable:
            for (name,) in (yield Execute(_CATALOG)):
                if name is not None and name != self._catalog.name:
                    raise ForeignDatabaseError(foreign_database(name, self._catalog.name))
        found = (yield Execute(_SCHEMA, (self.table,))) if "events_schema" in readable else []
        self._use_schema(found[0][0] if found else "")

    def probe(self) -> Steps:
        """Find out whether the table of events is there, and is the catalog's. It needs no right to read or write it.

        Raises:
            psycopg.errors.UndefinedTable: If it is not.
        """
        yield from self.prepare()
        if (yield Execute(_EXISTS, (self._target,))) != [(True,)]:
            raise psycopg.errors.UndefinedTable(f"there is no table {self._target}; run `analytics-migrate all`")

    def write(self, chunks: Iterable[list[bytes]], *, late: list[datetime]) -> Steps:
        """Append rows in one transaction, together with the *late* hours' marks; returns how many the server stored."""
        yield Execute(self._begin)
        yield CopyStart(self._copy)
        start, rested = HEADER, time.monotonic()
        for chunk in chunks:
            yield CopyData(start + b"".join(chunk))
            start = b""
            # Not after each piece: a breath costs as much time as encoding some forty rows.
            if time.monotonic() - rested >= _SLICE:
                yield BREATHE
                rested = time.monotonic()
        yield CopyData(start + TRAILER)
        stored = yield CopyEnd()
        yield from self._end(late)
        return stored

    def merge(self, rows: list[bytes]) -> Steps:
        """Append those of *rows* that the table doesn't hold; returns how many it stored, and how many it held."""
        yield Execute(self._begin)
        yield Execute(_ROWS, (_as_json(rows, text_ids=self.text_ids),))
        yield Execute(self._merge)
        ((stored, held),) = yield Execute(_MERGED, rows=tuple(rows))
        yield from self._end(self.late_hours(rows))
        return stored, held

    def _end(self, late: list[datetime]) -> Steps:
        if late:
            yield Execute(MARK_LATE, (late,))
        yield Execute("commit")

    def late_hours(self, rows: Iterable[bytes]) -> list[datetime]:
        """Return the hours of those of *rows* that the aggregates' refresh no longer looks at."""
        return self.late_hours_of(map(row_timestamp, rows))

    def late_hours_of(self, moments: Iterable[int]) -> list[datetime]:
        """Return the late hours among *moments*, given in microseconds since 1970."""
        return late_hours_of(moments, self._late_after)

    def dead_letter(self, letter: DeadLetter) -> Steps:
        """Keep *letter*; a second time does nothing."""
        row = letter.row
        values = (
            row.event_id, row.timestamp, self._storable(row.event_type), self._storable(row.service), letter.reason,
            letter.sqlstate, self._storable(letter.message), letter.library_version, row.payload(), row.event_id,
        )  # fmt: skip
        yield Execute(self._begin)
        yield Execute(self._dead_letter, values)
        yield Execute("commit")

    def _storable(self, text: str) -> str:
        """Return *text* as a ``text`` column takes it: no NUL, no lone surrogate, nothing that the encoding lacks."""
        text = text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
        return text if self._encoding in {_UTF8, "SQL_ASCII"} else text.encode("ascii", "backslashreplace").decode()


def late_hours_of(moments: Iterable[int], late_after: int) -> list[datetime]:
    """Return the hours of those of *moments* that are older than *late_after*, all in microseconds."""
    limit = int(datetime.now(UTC).timestamp() * 1_000_000) - late_after
    hours = {moment // _HOUR for moment in moments if moment < limit}
    return [datetime.fromtimestamp(hour * 3600, UTC) for hour in sorted(hours)]


def _as_json(rows: list[bytes], *, text_ids: bool) -> str:
    """Return the columns of *rows* as texts, which the server reads as it reads a COPY."""
    return json.dumps([columns_of(row, text_ids=text_ids) for row in rows], ensure_ascii=False)
