"""``erase-user``: removes what is stored of a person, in small steps that can be repeated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from adi_analytics._shared.sql import quote
from adi_analytics.migrate.options import Options
from adi_analytics.migrate.people.files import LocalFiles
from adi_analytics.migrate.people.person import Person
from adi_analytics.migrate.people.places import Place
from adi_analytics.migrate.people.search import Search, search
from adi_analytics.migrate.run.record import audit
from adi_analytics.migrate.server.connection import execute
from adi_analytics.migrate.server.retry import retry
from adi_analytics.migrate.server.session import session

_BATCH: Final = 500  # rows in one transaction
_BUCKETS: Final = 50  # buckets of an aggregate in one transaction

KEPT: Final = (
    (
        "Aggregates keep no id. Buckets whose events are still stored are marked, and `analytics-migrate maintain` "
        "computes them again without the person. Older buckets keep their counts, in which the person is one of many; "
        "trailing counts and answers about people lose the person with the next `maintain`, too."
    ),
    "Backups, lagging replicas, archived WAL and the server's logs hold what was erased until they expire.",
)
"""What an erasure leaves, in words."""


@dataclass(frozen=True, slots=True)
class Erased:
    """What was erased, or would be.

    Attributes:
        dry_run: Whether nothing was changed.
        events: Rows of the events table.
        dead_letters: Rows of the table of dead letters.
        aggregates: Rows of relations that are kept by user, by relation.
        texts: Texts of single events that aggregates quote, by relation.
        spooled: Rows in the spool of this machine.
        dead_letter_file: Dead letters in the file of this machine.
        busy: Files of the spool that belong to running processes and hold more: run again when they have delivered.
        notes: What could not be looked for, and what is kept.
    """

    dry_run: bool
    events: int
    dead_letters: int
    aggregates: dict[str, int]
    texts: dict[str, int]
    spooled: int
    dead_letter_file: int
    busy: tuple[Path, ...]
    notes: tuple[str, ...]

    @property
    def detail(self) -> str:
        """How much it was, and not of whom: for the audit."""
        return (
            f"events {self.events}, dead letters {self.dead_letters},"
            f" rows of aggregates {sum(self.aggregates.values())}, texts of aggregates {sum(self.texts.values())},"
            f" spooled {self.spooled}, dead letters in a file {self.dead_letter_file}"
        )


def erase_user(
    identity: str,
    options: Options | None = None,
    *,
    fields: Mapping[str, str] | None = None,
    dry_run: bool = False,
) -> Erased:
    """Erase what is stored of a person: in the spool, dead letters, events and relations that are kept by user.

    It works in batches, each in a transaction of its own that waits 2 s for a lock at most and is tried again, so
    nobody waits long. A killed run is continued by the same call. The audit records how much was erased, and no id.

    Args:
        identity: The id of the user, as the events have it.
        options: Where. Defaults to the database of the environment.
        fields: Values of other fields that are the person's, by name: ``{"email": "ada@example.org"}``.
        dry_run: Whether to count only.

    Raises:
        UsageError: If the id can't be one of the catalog's users.
        HistoryError: If the tables are not there.
    """
    options = options or Options()
    with session(options, "erase-user") as (connection, database):
        where = search(connection, database, options, identity, fields or {})
        if not dry_run:
            execute(connection, audit("erase-user", "begun"))
        # First what would come to the table later.
        spooled, busy = in_spool(where.files, where.person, dry_run=dry_run)
        in_file = letters_in_file(where.files, where.person, dry_run=dry_run)
        letters = _letters(where, dry_run=dry_run)
        events = _events(where, options, dry_run=dry_run)
        aggregates = {place.name: _owned(where, place, dry_run=dry_run) for place in where.places}
        texts = {place.name: _quoted(where, place, dry_run=dry_run) for place in where.places}
        if not dry_run and any(aggregates.values()):
            _count_again(where)
        erased = Erased(
            dry_run,
            events,
            letters,
            not_zero(aggregates),
            not_zero(texts),
            spooled,
            in_file,
            busy,
            (*where.notes, *KEPT),
        )
        if not dry_run:
            execute(connection, audit("erase-user", erased.detail))
        return erased


def not_zero(counts: dict[str, int]) -> dict[str, int]:
    """Return those of *counts* that are not zero."""
    return {name: count for name, count in counts.items() if count}


def in_spool(files: LocalFiles, person: Person, *, dry_run: bool) -> tuple[int, tuple[Path, ...]]:
    """Erase the person's rows in the spool; return how many, and the files of running processes with more."""
    if dry_run:
        return sum(1 for _ in files.rows(person)), ()
    return files.erase_rows(person)


def letters_in_file(files: LocalFiles, person: Person, *, dry_run: bool) -> int:
    """Erase the person's dead letters in the file, and return how many."""
    if dry_run:
        return sum(1 for _ in files.letters_of(person))
    return files.erase_letters(person)


def _letters(where: Search, *, dry_run: bool) -> int:
    found = [number for number, _ in where.letters_of("id")]
    for some in [] if dry_run else _batches(found, _BATCH):
        _step(where, partial(_delete_letters, where, some))
    return len(found)


def _delete_letters(where: Search, numbers: Sequence[int]) -> None:
    where.connection.execute(f"delete from {where.letters} where id = any(%s)".encode(), [list(numbers)])  # noqa: S608 - quoted


def _events(where: Search, options: Options, *, dry_run: bool) -> int:
    erased = 0
    parts = where.parts()
    for number, part in enumerate(parts):
        options.progress.advance("events", number, len(parts))
        found = list(where.rows_in(part, '"timestamp", event_type, event_id'))
        for some in [] if dry_run else _batches(found, _BATCH):
            _step(where, partial(_delete_events, where, some))
        erased += len(found)
    return erased


def _delete_events(where: Search, found: Sequence[tuple[Any, ...]]) -> None:
    """Delete rows one by one, by what compressed rows are ordered by: then few of them are unpacked."""
    with where.connection.cursor() as cursor:
        delete = f'delete from {where.events} where "timestamp" = %s and event_type = %s and event_id = %s'  # noqa: S608 - quoted
        cursor.executemany(delete.encode(), found)
        if where.snapshot.aggregates:
            # So that their hours are computed again. TimescaleDB looks at rows of before the refresh window only then.
            mark = (
                "insert into analytics_meta.late_buckets (bucket) select distinct date_trunc('hour', t, 'UTC')"
                " from unnest(%s::timestamptz[]) t where isfinite(t)"
                " on conflict (bucket) do update set marked_at = excluded.marked_at"
            )
            cursor.execute(mark.encode(), [[row[0] for row in found]])


def _owned(where: Search, place: Place, *, dry_run: bool) -> int:
    """Erase the rows of *place* that are the person's own, and return how many."""
    owned = place.owned(where.person)
    return 0 if owned is None else _change(where, place, owned, "delete from {} where {}", dry_run=dry_run)


def _count_again(where: Search) -> None:
    """Let the next `maintain` look at all members that trailing counts and answers are made of."""
    kept = [entry.rollup for entry in where.snapshot.aggregates if entry.counts or entry.answers]
    if kept:
        where.connection.execute(
            "insert into analytics_meta.recounts (rollup, from_time)"
            " select name, timestamptz '-infinity' from unnest(%s::text[]) name",
            [kept],
        )


def _quoted(where: Search, place: Place, *, dry_run: bool) -> int:
    """Erase texts of single events that name the person, and return how many."""
    erased = 0
    for column in place.texts:
        new = place.without(where.person, column).replace("%", "%%").replace("{", "{{").replace("}", "}}")
        change = f"update {{}} set {quote(column.name)} = {new} where {{}}"  # noqa: S608 - names are quoted
        erased += _change(where, place, place.quoted(where.person, column), change, dry_run=dry_run)
    return erased


def _change(where: Search, place: Place, condition: str, statement: str, *, dry_run: bool) -> int:
    bucket = quote(place.bucket)
    query = f"select {bucket}, count(*) from {place.table} where {condition} group by 1 order by 1"  # noqa: S608 - quoted
    found: list[tuple[datetime, int]] = where.connection.execute(query.encode()).fetchall()
    for some in [] if dry_run else _batches(found, _BUCKETS):
        change = statement.format(place.table, f"{bucket} = any(%s) and {condition.replace('%', '%%')}")
        times = [at for at, _ in some]
        _step(where, partial(where.connection.execute, change.encode(), [times]))
    return sum(count for _, count in found)


def _batches(found: Sequence[Any], size: int) -> list[Sequence[Any]]:
    return [found[start : start + size] for start in range(0, len(found), size)]


def _step(where: Search, change: Callable[[], object]) -> None:
    """Make *change* in a transaction of its own; again if a lock is not free."""

    def once() -> None:
        with where.connection.transaction():
            execute(where.connection, "set local lock_timeout = '2s'")
            if where.database.backend == "timescaledb":
                # The limit is meant for statements that unpack a table by mistake; these name their rows.
                execute(where.connection, "set local timescaledb.max_tuples_decompressed_per_dml_transaction = 0")
            change()

    retry(once)
