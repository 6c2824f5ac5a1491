"""What the worker sends to ClickHouse, over its HTTP interface.

An insert that was not answered is sent again: the same rows, in the same order, under the same deduplication token. A
table with a deduplication window (replicated tables have one) then knows it. Where the window has passed, or the rows
come in another batch, a ReplacingMergeTree by (event_type, timestamp, event_id) merges them, and FINAL reads them once.
"""

from __future__ import annotations

import json
import math
import re
import time
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from adi_analytics._engine.delivery.effects import BREATHE, Post, Steps
from adi_analytics._engine.delivery.faults import foreign_database
from adi_analytics._engine.rows.row import COLUMNS
from adi_analytics._engine.stores import row_binary
from adi_analytics._engine.stores.clickhouse_faults import (
    ForeignDatabaseError,
    UnfitTableError,
    UnstorableRowError,
    fault_of,
)
from adi_analytics._shared.catalog import has_text_ids
from adi_analytics._shared.clickhouse.errors import SETUP, ClickhouseError, RefusedByServerError, refusal
from adi_analytics._shared.clickhouse.inserts import insert_settings
from adi_analytics._shared.clickhouse.text import quoted
from adi_analytics._shared.moments import micros_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adi_analytics._engine.dead_letters.letter import DeadLetter
    from adi_analytics._engine.delivery.faults import Fault
    from adi_analytics._shared.catalog import Catalog
    from adi_analytics._shared.clickhouse.address import ClickhouseAddress

_SLICE: Final = 0.00025  # seconds of work between two breaths: what a caller may wait for the GIL
_MOMENT: Final = r"DateTime64\(6(?:, '[^']*')?\)"
_TEXT: Final = r"String|LowCardinality\(String\)"
_CATALOG: Final = "select any(catalog) from analytics_meta_installation format TabSeparatedRaw"
_LETTERS: Final = {
    "created_at": _MOMENT,
    "event_id": r"Nullable\(UUID\)",
    "timestamp": rf"Nullable\({_MOMENT}\)",
    "event_type": _TEXT,
    "service": r"Nullable\(String\)|LowCardinality\(Nullable\(String\)\)",
    "reason": _TEXT,
    "sqlstate": r"Nullable\(String\)|LowCardinality\(Nullable\(String\)\)",
    "message": _TEXT,
    "library_version": _TEXT,
    "payload": _TEXT,
}


def _events(*, text_ids: bool) -> dict[str, str]:
    user = r"Nullable\(String\)" if text_ids else r"Nullable\(UUID\)"
    special = {"timestamp": _MOMENT, "user_id": user, "event_id": "UUID"}
    return {name: special.get(name, _TEXT) for name in COLUMNS}


class ClickhouseStore:
    """Writes rows and dead letters to one database.

    Args:
        catalog: Says the tables.
        table: The events table; the catalog's when empty.
        statement_timeout: Seconds.
        address: Where the database is, and what an insert must wait for.
    """

    errors: tuple[type[Exception], ...] = (ClickhouseError,)
    knows_batches = True
    mark = "clickhouse-"

    def __init__(self, catalog: Catalog, table: str, statement_timeout: float, address: ClickhouseAddress) -> None:
        self._catalog = catalog.name
        self.text_ids = has_text_ids(catalog)
        self._table = table or catalog.table
        self._letters = catalog.dead_letters_table
        self._expected = _events(text_ids=self.text_ids)
        self._types: dict[str, str] = {}
        self._letter_types: dict[str, str] = {}
        self._settings = {"database": address.database, "max_execution_time": str(math.ceil(statement_timeout))}
        self._insert = self._settings | insert_settings(address, statement_timeout)

    def fault(self, error: Any) -> Fault:
        """Return what *error* means."""
        return fault_of(error)

    def prepare(self) -> Steps:
        """Get to know the table, and whose it is; that of the dead letters is looked at when there is one."""
        self._letter_types = {}
        self._types = yield from self._columns(self._table, self._expected)
        yield from self._check_catalog()

    def probe(self) -> Steps:
        """Find out whether the table of events is there, and is the catalog's."""
        yield from self.prepare()

    def _check_catalog(self) -> Steps:
        try:
            answer = yield Post(_CATALOG, self._settings)
        except RefusedByServerError as error:
            # A writer may have no right to look, and a table may have been made without the migrator.
            if error.code in SETUP:
                return
            raise
        found = answer.decode("utf-8", "replace").rstrip("\n")
        if found not in ("", self._catalog):
            raise ForeignDatabaseError(foreign_database(found, self._catalog))

    def _columns(self, table: str, expected: dict[str, str]) -> Steps:
        statement = f"describe table {quoted(table)} format JSONCompact"
        answer = yield Post(statement, self._settings)
        try:
            found = {name: kind for name, kind, *_ in json.loads(answer)["data"]}
        except (ValueError, LookupError, TypeError):
            raise UnfitTableError("what answers is no ClickHouse: it does not say the table's columns") from None
        for name, kind in expected.items():
            if name not in found:
                raise UnfitTableError(f"the table {table} has no column {name}")
            if not re.fullmatch(kind, found[name]):
                wanted = kind.replace("\\", "")
                raise UnfitTableError(f"the column {name} of {table} is a {found[name]}, expected {wanted}")
        return {name: found[name] for name in expected}

    def write(self, chunks: Iterable[list[bytes]], *, late: list[datetime]) -> Steps:  # noqa: ARG002 - as `Store` has it
        """Append rows in one insert; returns how many."""
        rows: list[bytes] = []
        rested = time.monotonic()
        for chunk in chunks:
            for row in chunk:
                rows.append(self._encoded(row, len(rows) + 1))
            if time.monotonic() - rested >= _SLICE:
                yield BREATHE
                rested = time.monotonic()
        if rows:
            yield from self._store(self._table, self._types, b"".join(rows))
        return len(rows)

    def _encoded(self, row: bytes, line: int) -> bytes:
        try:
            return row_binary.from_copy(row, text_ids=self.text_ids)
        except UnstorableRowError as error:
            raise UnstorableRowError(str(error), line) from None

    def _store(self, table: str, types: dict[str, str], rows: bytes) -> Steps:
        names = ", ".join(map(quoted, types))
        statement = f"insert into {quoted(table)} ({names}) format RowBinaryWithNamesAndTypes"
        # Made of the rows, it is the same for the same rows: on each try, in each process, from memory and from disk.
        token = blake2b(rows, digest_size=16).hexdigest()
        parameters = self._insert | {"insert_deduplication_token": token}
        answer = yield Post(statement, parameters, row_binary.header(types) + rows)
        if answer.strip():  # a stored insert has an empty answer
            raise refusal(200, None, answer)

    def merge(self, rows: list[bytes]) -> Steps:
        """Append *rows*: the table itself merges what it holds already."""
        return (yield from self.write([rows], late=[])), 0

    def late_hours(self, rows: Iterable[bytes]) -> list[datetime]:  # noqa: ARG002 - as `Store` has it
        """Return none: a materialized view of the database keeps the marks."""
        return []

    def late_hours_of(self, moments: Iterable[int]) -> list[datetime]:  # noqa: ARG002 - as `Store` has it
        """Return none, as `late_hours`."""
        return []

    def dead_letter(self, letter: DeadLetter) -> Steps:
        """Keep *letter*, unless it is there and waits."""
        if not self._letter_types:
            self._letter_types = yield from self._columns(self._letters, _LETTERS)
        row = letter.row
        statement = (
            f"select count() from {quoted(self._letters)} where event_id = {{event_id:UUID}} and replayed_at is null"  # noqa: S608 - quoted
        )
        held = yield Post(statement, self._settings | {"param_event_id": row.event_id})
        if held.strip() == b"0":
            yield from self._store(self._letters, self._letter_types, _letter(letter))


def _letter(letter: DeadLetter) -> bytes:
    row = letter.row
    event_id = row_binary.uuid(bytes.fromhex(row.event_id.replace("-", "")))
    micros = micros_of(datetime.fromisoformat(row.timestamp))
    storable = row_binary.FIRST <= micros <= row_binary.LAST  # else it is in the payload alone
    return b"".join((
        row_binary.moment(micros_of(datetime.now(UTC))),
        row_binary.nullable(event_id),
        row_binary.nullable(row_binary.moment(micros) if storable else None),
        _text(row.event_type),
        row_binary.nullable(_text(row.service)),
        _text(letter.reason),
        row_binary.nullable(None if letter.sqlstate is None else _text(letter.sqlstate)),
        _text(letter.message),
        _text(letter.library_version),
        _text(row.payload()),
    ))  # fmt: skip


def _text(value: str) -> bytes:
    return row_binary.text(value.encode("utf-8", "replace"))
