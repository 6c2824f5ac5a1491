"""Every SQL statement of the worker."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from adi_analytics._engine.dead_letters.letter import DeadLetter
from adi_analytics._engine.delivery.effects import BREATHE, CopyData, CopyEnd, CopyStart, Execute, Steps
from adi_analytics._engine.delivery.faults import ForeignDatabaseError
from adi_analytics._engine.rows.row import COLUMNS, HEADER, TRAILER, row_timestamp
from adi_analytics._shared.sql import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from adi_analytics._shared.catalog import Catalog

_LATE_AFTER: Final = 6 * 3600  # seconds; without aggregates nothing reads the marks, until one is added
_HOUR: Final = 3_600_000_000  # microseconds
CHUNK: Final = 64  # rows in one piece of a COPY, and the fewest between two breaths
_SLICE: Final = 0.00025  # seconds of work between two breaths: what a caller may wait for the GIL
_COLUMN_LIST: Final = ", ".join(f'"{name}"' for name in COLUMNS)

_TYPES: Final = {"timestamp": "timestamptz", "user_id": "uuid", "data": "jsonb", "event_id": "uuid", "meta": "jsonb"}
_COLUMN_TYPES: Final = ", ".join(f'"{name}" {_TYPES.get(name, "text")}' for name in COLUMNS)

_SESSION: Final = """
select set_config('statement_timeout', %s, false), set_config('client_min_messages', 'error', false),
    set_config('idle_in_transaction_session_timeout', '60s', false)
"""
# Only a superuser may; others get the server's language, of which the worker understands the line number.
_SESSION_LANGUAGE: Final = """
select set_config('lc_messages', 'C', false) where current_setting('is_superuser') = 'on'
"""
_SAYS_CATALOG: Final = """
select true
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_attribute a on a.attrelid = c.oid
where n.nspname = 'analytics_meta' and c.relname = 'installation' and a.attname = 'catalog'
    and has_schema_privilege(n.oid, 'usage') and has_column_privilege(c.oid, a.attnum, 'select')
"""
_CATALOG: Final = "select catalog from analytics_meta.installation"
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


class Store:
    """Writes rows and dead letters to one database.

    Args:
        catalog: Says the tables, and from when on a row is late.
        table: The events table; the catalog's when empty.
        statement_timeout: Seconds.
    """

    def __init__(self, catalog: Catalog, table: str, statement_timeout: float) -> None:
        self._catalog = catalog
        self.table = table or catalog.table
        self._timeout = f"{round(statement_timeout * 1000)}ms"
        late_after = _LATE_AFTER if catalog.late_after is None else catalog.late_after
        self._late_after = late_after * 1_000_000
        target = quote(self.table)
        self._copy = f"copy {target} ({_COLUMN_LIST}) from stdin (format binary)"
        # Not `as select ... limit 0`: a role that may only insert cannot read the events table.
        self._temporary = f"create temporary table adi_analytics_incoming ({_COLUMN_TYPES}) on commit drop"
        self._copy_temporary = f"copy adi_analytics_incoming ({_COLUMN_LIST}) from stdin (format binary)"
        self._dead_letter = _DEAD_LETTER.format(table=quote(catalog.dead_letters_table))
        self._merge = (
            f"insert into {target} ({_COLUMN_LIST}) select {_COLUMN_LIST} from adi_analytics_incoming "  # noqa: S608 - quoted
            'on conflict ("timestamp", event_id) do nothing'
        )

    def prepare(self) -> Steps:
        """Set up a new connection."""
        yield Execute(_SESSION, (self._timeout,))
        yield Execute(_SESSION_LANGUAGE)
        # A writer may have no right to look, and a table may have been made without the migrator.
        if (yield Execute(_SAYS_CATALOG)) == [(True,)]:
            for (name,) in (yield Execute(_CATALOG)):
                if name is not None and name != self._catalog.name:
                    raise ForeignDatabaseError(name, self._catalog.name)

    def write(self, chunks: Iterable[list[bytes]], *, late: list[datetime]) -> Steps:
        """Append rows in one transaction, together with the *late* hours' marks."""
        if late:
            yield Execute("begin")
        yield from self._send(self._copy, chunks)
        if late:
            yield from self._mark(late)
            yield Execute("commit")

    def merge(self, rows: list[bytes]) -> Steps:
        """Append those of *rows* that the table doesn't hold; returns how many it held."""
        yield Execute("begin")
        yield Execute(self._temporary)
        yield from self._send(self._copy_temporary, chunked(rows))
        written = yield Execute(self._merge)
        if late := self.late_hours(rows):
            yield from self._mark(late)
        yield Execute("commit")
        return len(rows) - written

    def _send(self, statement: str, chunks: Iterable[list[bytes]]) -> Steps:
        yield CopyStart(statement)
        start, rested = HEADER, time.monotonic()
        for chunk in chunks:
            yield CopyData(start + b"".join(chunk))
            start = b""
            # Not after each piece: a breath costs as much time as encoding some forty rows.
            if time.monotonic() - rested >= _SLICE:
                yield BREATHE
                rested = time.monotonic()
        yield CopyData(start + TRAILER)
        yield CopyEnd()

    def _mark(self, hours: list[datetime]) -> Steps:
        yield Execute(MARK_LATE, (hours,))

    def late_hours(self, rows: Iterable[bytes]) -> list[datetime]:
        """Return the hours of those of *rows* that the aggregates' refresh no longer looks at."""
        return self.late_hours_of(map(row_timestamp, rows))

    def late_hours_of(self, moments: Iterable[int]) -> list[datetime]:
        """Return the late hours among *moments*, given in microseconds since 1970."""
        limit = int(datetime.now(UTC).timestamp() * 1_000_000) - self._late_after
        hours = {moment // _HOUR for moment in moments if moment < limit}
        return [datetime.fromtimestamp(hour * 3600, UTC) for hour in sorted(hours)]

    def dead_letter(self, letter: DeadLetter) -> Steps:
        """Keep *letter*; a second time does nothing."""
        row = letter.row
        yield Execute(
            self._dead_letter,
            (
                row.event_id,
                row.timestamp,
                _storable(row.event_type),
                _storable(row.service),
                letter.reason,
                letter.sqlstate,
                _storable(letter.message),
                letter.library_version,
                row.payload(),
                row.event_id,
            ),
        )


def chunked(rows: list[bytes]) -> Iterator[list[bytes]]:
    """Cut *rows* into the pieces of a COPY."""
    for start in range(0, len(rows), CHUNK):
        yield rows[start : start + CHUNK]


def _storable(text: str) -> str:
    """Return *text* as a ``text`` column takes it: no NUL, no lone surrogate."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
