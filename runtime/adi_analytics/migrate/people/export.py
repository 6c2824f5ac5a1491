"""``export-user``: all that is stored of a person, as records."""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from adi_analytics.migrate.options import Options
from adi_analytics.migrate.people.search import Search, search
from adi_analytics.migrate.server.session import session

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Exported:
    """What was exported.

    Attributes:
        records: How many records of each kind.
        notes: What could not be looked for, and why.
    """

    records: dict[str, int]
    notes: tuple[str, ...]


def export_user(
    identity: str,
    write: Callable[[Record], None],
    options: Options | None = None,
    *,
    fields: Mapping[str, str] | None = None,
) -> Exported:
    """Hand everything that is stored of a person to *write*, record by record. Changes nothing.

    Each record says its ``kind``: ``event``, ``dead_letter``, ``aggregate`` (with the ``relation``), ``spooled`` and
    ``dead_letter_file``; the rest are the columns as they are stored.

    Args:
        identity: The id of the user, as the events have it.
        write: Called with each record.
        options: Where. Defaults to the database of the environment.
        fields: Values of other fields that are the person's, by name: ``{"email": "ada@example.org"}``.

    Raises:
        UsageError: If the id can't be one of the catalog's users.
        HistoryError: If the tables are not there.
    """
    options = options or Options()
    counts: collections.Counter[str] = collections.Counter()
    with session(options, "export-user") as (connection, database):
        where = search(connection, database, options, identity, fields or {})
        for record in _records(where, options):
            write(record)
            counts[record["kind"]] += 1
        return Exported(dict(counts), where.notes)


def _records(where: Search, options: Options) -> Iterator[Record]:
    yield from ({"kind": "spooled", **row} for row in where.files.rows(where.person))
    yield from ({"kind": "dead_letter_file", **letter} for letter in where.files.letters_of(where.person))
    for _, letter in where.letters_of("to_jsonb(t)"):
        yield {"kind": "dead_letter", **letter}
    parts = where.parts()
    for number, part in enumerate(parts):
        options.progress.advance("events", number, len(parts))
        for (row,) in where.rows_in(part, "to_jsonb(e)"):
            yield {"kind": "event", **row}
    for place in where.places:
        owned = place.owned(where.person)
        if owned is not None:
            query = f"select to_jsonb(t) from {place.table} t where {owned} order by {place.bucket}"  # noqa: S608 - quoted
            for (row,) in where.connection.execute(query.encode()):
                yield {"kind": "aggregate", "relation": place.name, **row}
