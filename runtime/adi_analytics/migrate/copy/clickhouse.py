"""The ClickHouse side of a copy."""

from __future__ import annotations

import re
import struct
import uuid
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from adi_analytics._engine.rows.row import COLUMNS
from adi_analytics._engine.stores import row_binary
from adi_analytics._shared.clickhouse.errors import ROW, RefusedByServerError, said
from adi_analytics._shared.clickhouse.inserts import insert_settings
from adi_analytics._shared.clickhouse.session import ClickhouseSession
from adi_analytics._shared.clickhouse.text import quoted
from adi_analytics.migrate.clickhouse.files.objects import INSTALLATION
from adi_analytics.migrate.clickhouse.server.session import MIGRATIONS
from adi_analytics.migrate.copy.documents import for_clickhouse, key_of
from adi_analytics.migrate.copy.side import CLICKHOUSE, END, FIRST, MOST_ROWS, Entry, Key, Span, Sum, Written
from adi_analytics.migrate.errors import HistoryError, OtherCatalogError, UnsuitableDatabaseError
from adi_analytics.migrate.server.session import missing_object

if TYPE_CHECKING:
    from adi_analytics._shared.clickhouse.address import ClickhouseAddress
    from adi_analytics.migrate.files.manifest import Manifest

_QUORUM_TIMEOUT: Final = 600.0  # seconds
# A profile may let a server leave rows out, or answer with fewer.
_READS: Final = {
    "max_result_rows": "0",
    "max_result_bytes": "0",
    "max_rows_to_read": "0",
    "max_bytes_to_read": "0",
    "limit": "0",
    "offset": "0",
    "read_overflow_mode": "throw",
    "result_overflow_mode": "throw",
    "group_by_overflow_mode": "throw",
    "sort_overflow_mode": "throw",
    "timeout_overflow_mode": "throw",
    "additional_table_filters": "",
    "additional_result_filter": "",
    "skip_unavailable_shards": "0",
    "extremes": "0",
}
_MICROS: Final = "toUnixTimestamp64Micro(timestamp)"
# Lengths are said, so no two identities have one text.
_DIGEST: Final = f"""MD5(concat(toString(event_id), ' ', toString({_MICROS}),
    ' ', toString(length(event_type)), ' ', cast(event_type as String),
    toString(length(service)), ' ', cast(service as String), ifNull(concat('=', toString(user_id)), '-')))"""
# The last microsecond of a span, not the first one behind it: there is no year 10000.
_WITHIN: Final = (
    "timestamp >= fromUnixTimestamp64Micro({start:Int64}, 'UTC')"
    " and timestamp <= fromUnixTimestamp64Micro({last:Int64}, 'UTC')"
)
_ENTRY: Final = struct.Struct("<q16s16sQ")


class ClickhouseSide:
    """The events table of a database.

    Raises:
        OtherCatalogError: If it is another catalog's.
        HistoryError: If the table is not there.
        UnsuitableDatabaseError: If it has other columns.
    """

    name = CLICKHOUSE

    def __init__(self, session: ClickhouseSession, manifest: Manifest, *, text_ids: bool) -> None:
        self._session = session
        table = manifest.storage.table
        self._table = quoted(table)
        self._check_catalog(manifest.catalog)
        self.text_ids = text_ids
        if not int(session.value(f"exists table {self._table}")):
            installed = bool(int(session.value(f"exists table {MIGRATIONS}")))
            raise HistoryError(f"there is no table {table}", missing_object(installed=installed))
        described = session.rows(f"describe table {self._table}")
        self._types = {name: kind for name, kind, *_ in described if name in COLUMNS}
        self._check(session.address, table)
        names = ", ".join(map(quoted, self._types))
        self._insert = f"insert into {self._table} ({names}) format RowBinaryWithNamesAndTypes"
        self._settings = insert_settings(session.address, _QUORUM_TIMEOUT)

    def _check_catalog(self, expected: str) -> None:
        """A database whose tables were made before the generator said whose they are does not say it."""
        if not int(self._session.value(f"exists table {INSTALLATION}")):
            return
        found = self._session.value(f"select catalog from {INSTALLATION}")  # noqa: S608 - a constant
        if found != expected:
            raise OtherCatalogError(found=str(found), expected=expected)

    def _check(self, address: ClickhouseAddress, table: str) -> None:
        if missing := [name for name in COLUMNS if name not in self._types]:
            raise UnsuitableDatabaseError(
                f"the table {table} on {address.place} has no column {', '.join(missing)}",
                "Make the tables with the generated files of the folder clickhouse.",
                database=address.place,
            )
        self._types = {name: self._types[name] for name in COLUMNS}
        expected = "Nullable(String)" if self.text_ids else "Nullable(UUID)"
        found = self._types["user_id"]
        if found != expected or not re.fullmatch(r"DateTime64\(6(, '[^']*')?\)", self._types["timestamp"]):
            raise UnsuitableDatabaseError(
                f"the columns timestamp and user_id of {table} on {address.place} are {self._types['timestamp']} and"
                f" {found}; expected DateTime64(6) and {expected}",
                "Make the tables with the generated files of the same catalog.",
                database=address.place,
            )

    def now(self) -> int:
        """Return the server's time."""
        return int(self._session.value("select toUnixTimestamp64Micro(now64(6, 'UTC'))"))

    def first(self, span: Span) -> int | None:
        """Return the earliest timestamp in *span*."""
        query = f"select minOrNull({_MICROS}) from {self._table} where {_WITHIN}"  # noqa: S608 - quoted
        found = self._session.rows(query, _READS, start=span.start, last=span.end - 1)[0][0]
        return None if found is None else int(found)

    def outside(self) -> int:
        """Return none: a DateTime64 has no others."""
        return 0

    def sums(self, span: Span, width: int) -> dict[int, Sum]:
        """Return the sums of the buckets of *width* in *span*."""
        base = span.start // width * width
        query = f"""select intDiv({_MICROS} - {{base:Int64}}, {{width:Int64}}) as _at, count(),
            toString(sum(toInt128(reinterpretAsInt64(reverse(substring({_DIGEST}, 1, 8))))))
            from {self._table} final where {_WITHIN} group by _at"""  # noqa: S608 - quoted
        found = self._session.rows(query, _READS, base=base, width=width, start=span.start, last=span.end - 1)
        return {base + int(at) * width: Sum(int(count), int(checksum)) for at, count, checksum in found}

    def entries(self, span: Span, after: Key | None) -> Sequence[Entry]:
        """Return the next rows in *span*."""
        behind = ""
        values: dict[str, Any] = {"start": span.start}
        if after is not None:
            behind = f" and ({_MICROS} > {{start:Int64}} or toString(event_id) > {{id:String}})"
            values = {"start": after[0], "id": _text(after[1])}
        query = f"""select {_MICROS}, event_id, {_DIGEST}, toUInt64(length(data) + length(meta))
            from {self._table} final where {_WITHIN}{behind}
            order by timestamp, toString(event_id) limit {MOST_ROWS} format RowBinary"""  # noqa: S608 - quoted
        block = self._session.ask(query, _READS, last=span.end - 1, **values)
        return [
            Entry((at, row_binary.uuid(event_id)), digest, size)
            for at, event_id, digest, size in _ENTRY.iter_unpack(block)
        ]

    def rows(self, first: Key, last: Key) -> Iterator[bytes]:
        """Yield the rows from key *first* to key *last*."""
        user = "user_id" if self.text_ids else "cast(user_id as Nullable(UUID))"
        query = f"""select {_MICROS}, cast(event_type as String), cast(service as String), {user}, data, event_id, meta
            from {self._table} final where {_WITHIN}
            and ({_MICROS} > {{start:Int64}} or toString(event_id) >= {{first:String}})
            and ({_MICROS} < {{last:Int64}} or toString(event_id) <= {{end:String}})
            order by timestamp, toString(event_id) format RowBinary"""  # noqa: S608 - quoted
        values: dict[str, Any] = {
            "start": first[0], "first": _text(first[1]), "last": last[0], "end": _text(last[1])
        }  # fmt: skip
        yield from row_binary.to_copy(self._session.ask(query, _READS, **values), text_ids=self.text_ids)

    def write(self, rows: Sequence[bytes]) -> Written:
        """Store *rows*; find those that are refused by halves."""
        written = Written()
        self._write([self._encoded(row, written) for row in rows], written)
        return written

    def _encoded(self, row: bytes, written: Written) -> tuple[bytes, bytes]:
        event_id = key_of(row)[1]
        readable, lost = for_clickhouse(row)
        if lost:
            written.replaced.append(event_id)
        return event_id, row_binary.from_copy(readable, text_ids=self.text_ids, first=FIRST, last=END - 1)

    def _write(self, rows: Sequence[tuple[bytes, bytes]], written: Written) -> None:
        # A token of its own for each: rows that were stored once and deleted since must not count as known.
        settings = self._settings | {"insert_deduplication_token": uuid.uuid4().hex}
        data = row_binary.header(self._types) + b"".join(row for _, row in rows)
        try:
            self._session.ask(self._insert, settings, data=data)
        except RefusedByServerError as error:
            if error.code not in ROW:
                raise
            if len(rows) == 1:
                written.refused.append((rows[0][0], said(error.code, error.text)))
                return
            middle = len(rows) // 2
            self._write(rows[:middle], written)
            self._write(rows[middle:], written)
        else:
            written.stored += len(rows)


def _text(event_id: bytes) -> str:
    return str(uuid.UUID(bytes=event_id))
