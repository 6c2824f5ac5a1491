"""Looks at the stored rows of each event in a ClickHouse, as `adi_analytics._audit.audit` does in a PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from adi_analytics._audit.findings import DAYS, SAMPLE, Audit, NotInstalledError, WaitingLetters, check_catalog
from adi_analytics._audit.observing import LARGEST, audit_by
from adi_analytics._shared.clickhouse.text import literal, quoted
from adi_analytics._shared.moments import micros_of, moment_of

if TYPE_CHECKING:
    from datetime import datetime

    from adi_analytics._shared.catalog import Catalog
    from adi_analytics._shared.clickhouse.session import ClickhouseSession

_READABLE: Final = "select name from system.tables where database = currentDatabase() and name in ({names})"
_INSTALLATION: Final = "analytics_meta_installation"
_CATALOG: Final = f"select any(catalog) from {_INSTALLATION}"  # noqa: S608 - a constant
_NOW: Final = "select toUnixTimestamp64Micro(now64(6))"
_WITHIN: Final = "toUnixTimestamp64Micro(timestamp) >= {since}"
_COUNTS: Final = f"""
select event_type, count(), max(toUnixTimestamp64Micro(timestamp)) from {{events}} final
where {_WITHIN} group by event_type
"""  # noqa: S608 - names are quoted
_LAST: Final = """
select event_type, max(toUnixTimestamp64Micro(timestamp)) from {events}
where event_type in ({names}) group by event_type
"""
_SAMPLE: Final = f"""
select event_type, if(length(data) <= {LARGEST}, data, null) from {{events}} final
where event_type in ({{names}}) and {_WITHIN} order by event_type, timestamp desc limit {{sample}} by event_type
"""  # noqa: S608 - names are quoted
_LETTERS: Final = """
select reason, event_type, count(), min(toUnixTimestamp64Micro(created_at)), max(toUnixTimestamp64Micro(created_at))
from {letters} where replayed_at is null group by 1, 2 order by 3 desc, 1, 2
"""


def audit_clickhouse(session: ClickhouseSession, catalog: Catalog, *, days: int = DAYS, sample: int = SAMPLE) -> Audit:
    """Return what is observed of the events of *catalog*. It changes nothing.

    The statements see one moment each: an event that comes meanwhile may be in one and not in another.

    Args:
        session: Asks the database.
        catalog: Whose events.
        days: How many days back rows are counted and compared.
        sample: How many rows of each event are compared, the newest ones.

    Raises:
        NotInstalledError: If the database has no such tables, or the user may read nothing of them.
        ForeignCatalogError: If it is another catalog's, as far as the user may read whose it is.
        ClickhouseError: If it can't answer.
    """
    tables = {"events": catalog.table, "letters": catalog.dead_letters_table}
    wanted = _listed([*tables.values(), _INSTALLATION])
    readable = {name for (name,) in session.rows(_READABLE.format(names=wanted))}
    if not readable:
        raise NotInstalledError
    if _INSTALLATION in readable:
        check_catalog(session.value(_CATALOG), catalog.name)
    at = moment_of(session.value(_NOW))
    look = _Look(session, tables, readable, since=micros_of(at - timedelta(days=days)), sample=sample)
    return audit_by(look, catalog, {kind: quoted(name) for kind, name in tables.items()}, at=at, days=days)


class _Look:
    """The statements of an audit."""

    def __init__(
        self, session: ClickhouseSession, tables: Mapping[str, str], readable: set[str], *, since: int, sample: int
    ) -> None:
        self._session = session
        self._names = {kind: quoted(name) for kind, name in tables.items()}
        self._readable = {kind for kind, name in tables.items() if name in readable}
        self._values = {"since": since, "sample": sample}

    def may_read(self, kind: str) -> bool:
        """Whether this user may read the events, or the letters."""
        return kind in self._readable

    def counts(self) -> dict[str, tuple[int, datetime]]:
        """Return the number of rows and the newest time of each type that there is within the days."""
        return {name: (rows, moment_of(last)) for name, rows, last in self._rows(_COUNTS)}

    def last_seen(self, names: Iterable[str]) -> dict[str, datetime]:
        """Return the newest time of each of the types that there ever was."""
        given = list(names)
        return {name: moment_of(last) for name, last in self._rows(_LAST, given)} if given else {}

    def sample(self, names: Iterable[str]) -> Iterable[tuple[str, str | None]]:
        """Return type and JSON of the newest rows of each of the types; no JSON of one that is too large."""
        return self._rows(_SAMPLE, names) if self._values["sample"] else ()

    def letters(self) -> Iterable[WaitingLetters]:
        """Yield the dead letters that wait."""
        for reason, event_type, letters, oldest, newest in self._rows(_LETTERS):
            yield WaitingLetters(
                reason=reason,
                event_type=event_type[:200],
                letters=letters,
                oldest=moment_of(oldest),
                newest=moment_of(newest),
            )

    def _rows(self, statement: str, names: Iterable[str] = ()) -> Any:
        return self._session.rows(statement.format(names=_listed(names), **self._names, **self._values))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(literal, names))
