"""The PostgreSQL side of a copy."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, LiteralString

import psycopg
from psycopg import sql

from adi_analytics._engine.delivery.faults import Verdict
from adi_analytics._engine.rows.row import COLUMNS, HEADER, TRAILER, row_timestamp
from adi_analytics._engine.stores.postgres import LATE_AFTER, MARK_LATE, late_hours_of
from adi_analytics._engine.stores.postgres_faults import verdict_of
from adi_analytics.migrate.copy.documents import key_of
from adi_analytics.migrate.copy.side import END, FIRST, MOST_ROWS, POSTGRES, Entry, Key, Span, Sum, Written, moment
from adi_analytics.migrate.errors import HistoryError
from adi_analytics.migrate.server.connection import Connection, fetch_value
from adi_analytics.migrate.server.session import missing_object

if TYPE_CHECKING:
    from adi_analytics.migrate.files.manifest import Manifest
    from adi_analytics.migrate.server.backend import Database

_MICROS: Final = '(extract(epoch from "timestamp") * 1000000)::bigint'
# Lengths are said, so no two identities have one text. In UTF-8 whatever the database is in.
_DIGEST: Final = f"""md5(convert_to(event_id::text || ' ' || {_MICROS}::text
    || ' ' || octet_length(convert_to(event_type, 'UTF8'))::text || ' ' || event_type
    || octet_length(convert_to(service, 'UTF8'))::text || ' ' || service
    || coalesce('=' || user_id::text, '-'), 'UTF8'))"""
_SUMS: Final = f"""
select ({_MICROS} - {{base}}) / {{width}}, count(*),
    sum(('x' || left({_DIGEST}, 16))::bit(64)::bigint)::text
from {{table}} where {{within}} group by 1
"""  # noqa: S608 - constants
_ENTRIES: Final = f"""
select {_MICROS}, uuid_send(event_id), decode({_DIGEST}, 'hex'),
    (pg_column_size(data) + pg_column_size(meta))::bigint
from {{table}} where {{within}} order by "timestamp", event_id limit {{most}}
"""  # noqa: S608 - constants
_COLUMN_LIST: Final = ", ".join(f'"{name}"' for name in COLUMNS)
_ROWS: Final = f"""
copy (select {_COLUMN_LIST} from {{table}}
    where ("timestamp", event_id) >= ({{first}}, {{first_id}}) and ("timestamp", event_id) <= ({{last}}, {{last_id}})
    order by "timestamp", event_id) to stdout (format binary)
"""  # noqa: S608 - constants
_WAITING: Final = "pg_temp.adi_analytics_copied"
_MAKE: Final = f"""
create temp table adi_analytics_copied on commit delete rows as select {_COLUMN_LIST} from {{table}} with no data
"""  # noqa: S608 - constants
_INSERT: Final = f"""
insert into {{table}} ({_COLUMN_LIST}) select {_COLUMN_LIST} from {_WAITING}
on conflict ("timestamp", event_id) do nothing
"""  # noqa: S608 - constants
_LENGTH_FROM: Final = struct.Struct("!i").unpack_from


class PostgresSide:
    """The events table of a migrated database; the session is that of `server.session.session`.

    Raises:
        HistoryError: If the table is not there.
    """

    name = POSTGRES

    def __init__(self, connection: Connection, database: Database, manifest: Manifest) -> None:
        self._connection = connection
        self._table = sql.Identifier(database.schema, manifest.storage.table)
        late_after = LATE_AFTER if manifest.late_after is None else manifest.late_after
        self._late_after = late_after * 1_000_000
        kind = fetch_value(
            connection,
            "select format_type(atttypid, null) from pg_catalog.pg_attribute where attname = 'user_id'"
            " and attrelid = to_regclass(format('%%I.%%I', %s::text, %s::text))",
            database.schema,
            manifest.storage.table,
        )
        if kind is None:
            raise HistoryError(
                f"there is no table {manifest.storage.table}", missing_object(installed=database.installed)
            )
        self.text_ids = kind == "text"
        self._ready = False

    def now(self) -> int:
        """Return the server's time."""
        found: int = fetch_value(self._connection, "select (extract(epoch from clock_timestamp()) * 1000000)::bigint")
        return found

    def first(self, span: Span) -> int | None:
        """Return the earliest timestamp in *span*."""
        query = f'select {_MICROS} from {{table}} where {{within}} order by "timestamp" limit 1'  # noqa: S608 - quoted
        found: int | None = fetch_value(self._connection, self._filled(query, within=_within(span)))
        return found

    def outside(self) -> int:
        """Return how many rows have timestamps that only PostgreSQL has."""
        query = 'select count(*) from {table} where "timestamp" < {first} or "timestamp" >= {end}'
        found: int = fetch_value(self._connection, self._filled(query, first=_moment(FIRST), end=_moment(END)))
        return found

    def sums(self, span: Span, width: int) -> dict[int, Sum]:
        """Return the sums of the buckets of *width* in *span*."""
        base = span.start // width * width
        query = self._filled(_SUMS, base=sql.Literal(base), width=sql.Literal(width), within=_within(span))
        rows = self._connection.execute(query).fetchall()
        return {base + at * width: Sum(count, int(checksum)) for at, count, checksum in rows}

    def entries(self, span: Span, after: Key | None) -> Sequence[Entry]:
        """Return the next rows in *span*."""
        within = _within(span)
        if after is not None:
            place = sql.SQL('("timestamp", event_id) > ({}, {})').format(_moment(after[0]), _uuid(after[1]))
            within = sql.SQL("{} and {}").format(within, place)
        rows = self._connection.execute(self._filled(_ENTRIES, within=within, most=sql.Literal(MOST_ROWS))).fetchall()
        return [Entry((at, bytes(event_id)), bytes(digest), size) for at, event_id, digest, size in rows]

    def rows(self, first: Key, last: Key) -> Iterator[bytes]:
        """Yield the rows from key *first* to key *last*, as the server sends them."""
        query = self._filled(
            _ROWS, first=_moment(first[0]), first_id=_uuid(first[1]), last=_moment(last[0]), last_id=_uuid(last[1])
        )
        with self._connection.cursor() as cursor, cursor.copy(query) as copy:
            yield from _split(bytes(block) for block in copy)

    def write(self, rows: Sequence[bytes]) -> Written:
        """Store *rows* and mark the late hours among them, in a transaction; find those that are refused by halves."""
        if not self._ready:
            self._connection.execute(self._filled(_MAKE))
            self._ready = True
        try:
            return Written(self._store(rows))
        except psycopg.Error as error:
            if verdict_of(error) not in {Verdict.ROW, Verdict.DUPLICATE}:
                raise
            if len(rows) == 1:
                return Written(refused=[(key_of(rows[0])[1], f"SQLSTATE {error.sqlstate}")])
        middle = len(rows) // 2
        left, right = self.write(rows[:middle]), self.write(rows[middle:])
        return Written(left.stored + right.stored, left.refused + right.refused)

    def _store(self, rows: Sequence[bytes]) -> int:
        with self._connection.transaction(), self._connection.cursor() as cursor:
            with cursor.copy(f"copy {_WAITING} ({_COLUMN_LIST}) from stdin (format binary)".encode()) as copy:
                copy.write(HEADER)
                for row in rows:
                    copy.write(row)
                copy.write(TRAILER)
            stored = cursor.execute(self._filled(_INSERT)).rowcount
            if stored and (hours := late_hours_of(map(row_timestamp, rows), self._late_after)):
                cursor.execute(MARK_LATE.encode(), (hours,))
        return stored

    def _filled(self, query: LiteralString, **parts: sql.Composable) -> sql.Composed:
        return sql.SQL(query).format(table=self._table, **parts)


def _within(span: Span) -> sql.Composed:
    return sql.SQL('"timestamp" >= {} and "timestamp" < {}').format(_moment(span.start), _moment(span.end))


def _moment(found: int) -> sql.Composable:
    # Python has no year 10000.
    text = "10000-01-01T00:00:00+00:00" if found >= END else moment(found).isoformat()
    return sql.SQL("{}::timestamptz").format(sql.Literal(text))


def _uuid(found: bytes) -> sql.Composable:
    return sql.SQL("{}::uuid").format(sql.Literal(found.hex()))


def _split(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the rows of a binary COPY. A server sends each in a block of its own, but the format promises nothing."""
    held = b""
    skipped = False
    for block in blocks:
        held += block
        at = 0
        if not skipped:
            if len(held) < len(HEADER):
                continue
            at, skipped = len(HEADER), True
        while (end := _end_of_row(held, at)) is not None:
            yield held[at:end]
            at = end
        held = held[at:]


def _end_of_row(held: bytes, at: int) -> int | None:
    """Return where the row at a place ends; None if it is not whole, or the end of all rows."""
    if held[at : at + 2] in {b"", TRAILER} or len(held) < at + 2:
        return None
    at += 2
    for _ in COLUMNS:
        if len(held) < at + 4:
            return None
        at += 4 + max(_LENGTH_FROM(held, at)[0], 0)
    return at if len(held) >= at else None
