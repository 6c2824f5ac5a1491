"""Looks for a person in a ClickHouse: the events, the dead letters and the stored relations."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from adi_analytics._shared.clickhouse.errors import RefusedByServerError, without_values
from adi_analytics._shared.clickhouse.text import quoted
from adi_analytics.migrate.clickhouse.people import conditions
from adi_analytics.migrate.clickhouse.people.places import places
from adi_analytics.migrate.clickhouse.upkeep.rollups import HOUR, at
from adi_analytics.migrate.errors import HistoryError
from adi_analytics.migrate.people.files import LocalFiles, payload_is_of
from adi_analytics.migrate.people.search import sought
from adi_analytics.migrate.server.session import missing_object

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from adi_analytics.migrate.clickhouse.server.session import Server
    from adi_analytics.migrate.options import Options
    from adi_analytics.migrate.people.person import Person
    from adi_analytics.migrate.people.places import Place

_AT_ONCE: Final = 5000  # rows that are read with one question, if they are of several hours
MICROS: Final = "toUnixTimestamp64Micro(timestamp)"
_READ: Final = {"output_format_json_validate_utf8": "1"}
CREATED_AND_TOLD: Final = "(toUnixTimestamp64Micro(created_at), toString(cityHash64(payload, message)))"
"""What tells letters apart; not every one has an event_id."""

Key = tuple[int, str, str]
"""What an event is told by: its time in microseconds, its type and its id."""


@dataclass(frozen=True, slots=True)
class Search:
    """A person, and where to look.

    Attributes:
        notes: What can't be looked for, and why.
    """

    server: Server
    person: Person
    files: LocalFiles
    places: tuple[Place, ...]
    notes: tuple[str, ...]

    @property
    def events(self) -> str:
        """The events table, as SQL names it."""
        return quoted(self.server.table)

    @property
    def letters(self) -> str:
        """The table of dead letters, as SQL names it."""
        return quoted(self.server.letters)

    @property
    def partition(self) -> str:
        """An expression for the id of the partition that an event is in; for an empty text, if that is not known."""
        key = self.server.session.value(
            "select partition_key from system.tables where database = currentDatabase() and name = {table:String}",
            table=self.server.stored,
        )
        return "toString(toYYYYMMDD(toMonday(timestamp)))" if key == "toMonday(timestamp)" else "''"

    def rows(self, query: str) -> list[list[Any]]:
        """Return the rows that *query* gives."""
        return self.server.session.rows(query, _READ)

    def ranges(self, condition: str) -> list[tuple[int, int]]:
        """Return ranges of time, oldest first, that hold the events with *condition*, some thousands each."""
        hour = f"{MICROS} - positiveModulo({MICROS}, {HOUR})"
        found: list[tuple[int, int]] = []
        events = 0
        for start, count in self.rows(
            f"select {hour} as _hour, count() from {self.events} where {condition} group by _hour order by _hour"
        ):
            if found and events + count <= _AT_ONCE:
                found[-1], events = (found[-1][0], start + HOUR), events + count
            else:
                found.append((start, start + HOUR))
                events = count
        return found

    def events_in(self, span: tuple[int, int], condition: str, columns: str) -> Iterator[list[Any]]:
        """Yield *columns* of the person's events among those with *condition* in *span*, one row for each event."""
        start, end = span
        known: set[Key] = set()
        for moment, kind, event_id, sure, user, data, meta, *more in self.rows(
            f"select {MICROS}, event_type, event_id, {conditions.surely(self.person)} as _sure, user_id, data, meta"
            f"{columns} from {self.events} where timestamp >= {at(start)} and timestamp <= {at(end - 1)}"
            f" and {condition} order by timestamp, event_type, event_id"
        ):
            key = (moment, kind, event_id)
            if key not in known and (sure or conditions.is_of(self.person, user, data, meta)):
                known.add(key)
                yield [*key, user, data, meta, *more]

    def letters_of(self, columns: str) -> Iterator[list[Any]]:
        """Yield the moment, what tells it apart, and *columns*, of the person's dead letters."""
        for (moment, told), payload, message, *more in self.rows(
            f"select {CREATED_AND_TOLD}, payload, message{columns} from {self.letters}"
            f" where {conditions.maybe_in_text(self.person, 'payload', 'message')} order by created_at, event_id"
        ):
            if payload_is_of(self.person, payload) or self.person.owns(None, message, None):
                yield [moment, told, *more]


def search(server: Server, options: Options, identity: str, given: Mapping[str, str]) -> Search:
    """Return where to look for the person *identity*, who also has the values *given* in some fields.

    Raises:
        HistoryError: If the tables are not there.
        UsageError: If the id can't be one.
    """
    kinds = server.session.rows(
        "select type from system.columns where database = currentDatabase() and table = {table:String}"
        " and name = 'user_id'",
        table=server.table,
    )
    for name in (server.table, server.letters):
        if not kinds or not server.has(name):
            raise HistoryError(f"there is no table {name}", missing_object(installed=server.installed))
    column_type = "uuid" if "UUID" in kinds[0][0] else "text"
    who, files, notes = sought(options, identity, column_type, given, catalog=server.catalog)
    return Search(server, who, files, places(server), notes)


@contextlib.contextmanager
def silent_about_values() -> Iterator[None]:
    """Take all values out of what the server says of the statements of the block: they have the person's."""
    try:
        yield
    except RefusedByServerError as error:
        raise without_values(error) from None
