"""Looks at the stored rows of each event in a PostgreSQL: when, how many, and whether they fit the catalog."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from adi_analytics._audit.findings import DAYS, SAMPLE, Audit, NotInstalledError, WaitingLetters, check_catalog
from adi_analytics._audit.observing import LARGEST, audit_by
from adi_analytics._shared.pins import transaction_pins
from adi_analytics._shared.sql import quote

if TYPE_CHECKING:
    import psycopg

    from adi_analytics._shared.catalog import Catalog

_BEGIN: Final = "set transaction isolation level repeatable read, read only"
_PLACE: Final = """
select now(), i.events_schema, to_regclass(format('%%I.%%I', i.events_schema, %(events)s::text)),
    to_regclass(format('%%I.%%I', i.events_schema, %(letters)s::text))
from analytics_meta.installation i
"""
_INSTALLED: Final = "select to_regclass('analytics_meta.installation') is not null"
_SAYS: Final = """
select exists (
    select from pg_catalog.pg_attribute a
    where a.attrelid = to_regclass('analytics_meta.installation') and a.attname = 'catalog'
        and has_column_privilege(a.attrelid, a.attnum, 'select')
)
"""
"""A database of an early release does not."""
_CATALOG: Final = "select catalog from analytics_meta.installation"
_MAY: Final = "select has_table_privilege(%s::regclass, 'select')"
_COUNTS: Final = """
select event_type, count(*), max("timestamp") from {events}
where "timestamp" >= %(since)s::timestamptz - %(days)s * interval '24 hours' group by event_type
"""
_LAST: Final = """
select t.name, (select e."timestamp" from {events} e where e.event_type = t.name order by e."timestamp" desc limit 1)
from unnest(%(names)s::text[]) t (name)
"""
_SAMPLE: Final = """
select t.name, s.data from unnest(%(names)s::text[]) t (name) cross join lateral (
    select case when octet_length(e.data::text) <= %(largest)s then e.data::text end as data from {events} e
    where e.event_type = t.name and e."timestamp" >= %(since)s::timestamptz - %(days)s * interval '24 hours'
    order by e."timestamp" desc limit %(sample)s
) s
"""
_LETTERS: Final = """
select reason, event_type, count(*), min(created_at), max(created_at) from {letters}
where replayed_at is null group by 1, 2 order by 3 desc, 1, 2
"""


def audit(
    connection: psycopg.Connection[Any], catalog: Catalog, *, days: int = DAYS, sample: int = SAMPLE, timeout: float = 0
) -> Audit:
    """Return what is observed of the events of *catalog*. It changes nothing.

    Args:
        connection: To the database, in autocommit mode.
        catalog: Whose events.
        days: How many days back rows are counted and compared.
        sample: How many rows of each event are compared, the newest ones.
        timeout: Seconds for each statement. Defaults to no limit.

    Raises:
        NotInstalledError: If the database has no such tables.
        ForeignCatalogError: If it is another catalog's.
    """
    with connection.transaction(force_rollback=True):
        connection.execute(_BEGIN)
        connection.execute(transaction_pins(timeout, timezone="UTC").encode())
        names = {"events": catalog.table, "letters": catalog.dead_letters_table}
        installed = connection.execute(_INSTALLED).fetchone() == (True,)
        place = connection.execute(_PLACE, names).fetchone() if installed else None
        if installed:
            check_catalog(_catalog_of(connection), catalog.name)
        if place is None or None in place:
            raise NotInstalledError
        at, schema, *_ = place
        tables = {kind: f"{quote(schema)}.{quote(name)}" for kind, name in names.items()}
        look = _Look(connection, tables, {"since": at, "days": days, "sample": sample, "largest": LARGEST})
        return audit_by(look, catalog, tables, at=at, days=days)


def _catalog_of(connection: psycopg.Connection[Any]) -> str | None:
    """Return whose database it is, if it says so, and this role may know."""
    if connection.execute(_SAYS).fetchone() != (True,):
        return None
    return next((name for (name,) in connection.execute(_CATALOG)), None)


class _Look:
    """The statements of an audit."""

    def __init__(
        self, connection: psycopg.Connection[Any], tables: Mapping[str, str], values: Mapping[str, Any]
    ) -> None:
        self._connection = connection
        self._tables = tables
        self._values = values
        self._readable = {
            kind: bool((connection.execute(_MAY, [table]).fetchone() or (False,))[0]) for kind, table in tables.items()
        }

    def may_read(self, kind: str) -> bool:
        """Whether this role may read the events, or the letters."""
        return self._readable[kind]

    def counts(self) -> dict[str, tuple[int, datetime]]:
        """Return the number of rows and the newest time of each type that there is within the days."""
        return {name: (rows, last) for name, rows, last in self._rows(_COUNTS)}

    def last_seen(self, names: Iterable[str]) -> dict[str, datetime | None]:
        """Return the newest time of each of the types."""
        return dict(self._rows(_LAST, names=list(names)))

    def sample(self, names: Iterable[str]) -> Iterable[tuple[str, str | None]]:
        """Return type and JSON of the newest rows of each of the types; no JSON of one that is too large."""
        return self._rows(_SAMPLE, names=list(names))

    def letters(self) -> Iterable[WaitingLetters]:
        """Yield the dead letters that wait."""
        for reason, event_type, letters, oldest, newest in self._rows(_LETTERS):
            yield WaitingLetters(
                reason=reason, event_type=event_type[:200], letters=letters, oldest=oldest, newest=newest
            )

    def _rows(self, statement: str, **values: Any) -> Iterable[Any]:
        tables = {kind: table.replace("%", "%%") for kind, table in self._tables.items()}
        text = statement.format(**tables)
        return self._connection.execute(text.encode(), {**self._values, **values}, prepare=False).fetchall()
