"""``erase-user`` on ClickHouse: removes what is stored of a person, in steps that can be repeated.

Deleting is a mutation: the server writes the parts anew that hold the rows. There is one for each table, and more of
them for tens of thousands of events that the server can't tell by itself. A refresh may run meanwhile, which has read
the events before they went. So stored relations come after the events, when no such statement is left, and the hours of
the events are marked before, for the case that this is killed, and after: then the next refresh computes them without.
"""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from adi_analytics._shared.clickhouse.inserts import insert_settings
from adi_analytics._shared.clickhouse.text import literal, quoted
from adi_analytics.migrate.clickhouse.people import conditions
from adi_analytics.migrate.clickhouse.people.search import (
    CREATED_AND_TOLD,
    MICROS,
    Key,
    Search,
    search,
    silent_about_values,
)
from adi_analytics.migrate.clickhouse.server import audit, lock
from adi_analytics.migrate.clickhouse.server.session import need_tables, opened
from adi_analytics.migrate.clickhouse.upkeep import rollups
from adi_analytics.migrate.clickhouse.upkeep.rollups import HOUR, TOUCHED, at
from adi_analytics.migrate.errors import ClickhouseFailedError
from adi_analytics.migrate.people.erase import Erased, in_spool, letters_in_file, not_zero

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from adi_analytics.migrate.clickhouse.server.lock import Held
    from adi_analytics.migrate.clickhouse.server.session import Server
    from adi_analytics.migrate.options import Options
    from adi_analytics.migrate.people.places import Place

_BATCH: Final = 20_000  # rows that one statement names
_BATCH_FOR_KEEPER: Final = 2000
"""The same on a cluster: Keeper has each statement, and takes a megabyte."""
_PATIENCE: Final = 600.0  # seconds for the replicas that must have the marks, and for refreshes to end
_POLL: Final = 0.5
_RUNNING: Final = """
select count() from {processes} where current_database = currentDatabase() and query_kind = 'Insert'
    and position(query, '`(from_time = ') > 0
    and toUnixTimestamp64Micro(now64(6, 'UTC')) - elapsed * 1000000 <= {now}
"""
"""Statements of refreshes that began before a moment."""
_ACTION: Final = "erase-user"

KEPT: Final = (
    (
        "Aggregates keep no id. Buckets whose events are still stored are marked, and `analytics-migrate maintain` "
        "computes them again without the person. Older buckets keep their counts, in which the person is one of many; "
        "trailing counts and answers about people have lost the person at once."
    ),
    (
        "The server's disk holds the old parts for some minutes (old_parts_lifetime). Backups, detached parts, "
        "replicas that are away and the server's lists of queries and mutations (system.query_log, system.mutations) "
        "hold what was erased until they expire."
    ),
)
"""What an erasure leaves, in words."""


def erase_user(identity: str, options: Options, *, fields: Mapping[str, str], dry_run: bool) -> Erased:
    """Erase what is stored of a person, as `adi_analytics.migrate.erase_user` says."""
    with opened(options, _ACTION) as server, silent_about_values():
        need_tables(server)
        where = search(server, options, identity, fields)
        if dry_run:
            return _counted(where, options)
        with contextlib.ExitStack() as stack:
            # Migrations must not copy rows meanwhile, and of the housekeeping no step runs.
            held = [stack.enter_context(_lock(server, options, name)) for name in (lock.LOCK, lock.MAINTAIN)]
            return _Erasure(where, options, held).run()


def _lock(server: Server, options: Options, name: str) -> contextlib.AbstractContextManager[Held]:
    return lock.hold(server, wait=options.lock_wait, waiting=options.progress.waiting, name=name)


def _counted(where: Search, options: Options) -> Erased:
    spooled, busy = in_spool(where.files, where.person, dry_run=True)
    found = {place.name: _rows_of(where, place) for place in where.places}
    return _erased(
        where,
        found,
        dry_run=True,
        events=_told(where)[0] + _count(_others(where, options)),
        dead_letters=sum(1 for _ in where.letters_of("")),
        spooled=spooled,
        dead_letter_file=letters_in_file(where.files, where.person, dry_run=True),
        busy=busy,
    )


def _erased(where: Search, found: Mapping[str, tuple[int, int]], **counted: Any) -> Erased:
    """Return what was *counted*, and what was *found* in stored relations: rows, and texts of others."""
    return Erased(
        aggregates=not_zero({name: rows for name, (rows, _) in found.items()}),
        texts=not_zero({name: texts for name, (_, texts) in found.items()}),
        notes=(*where.notes, *KEPT),
        **counted,
    )


class _Erasure:
    """An erasure that is not only counted.

    Args:
        where: The person, and where to look.
        options: What the caller chose.
        held: The locks, which are looked at before each statement that changes something.
    """

    def __init__(self, where: Search, options: Options, held: Sequence[Held]) -> None:
        self._where = where
        self._server = where.server
        self._options = options
        self._held = held
        self._batch = _BATCH_FOR_KEEPER if self._server.on_cluster else _BATCH

    def run(self) -> Erased:
        where, run = self._where, audit.run(self._server, _ACTION)
        run.begin(run.hours)
        # First what would come to the table later.
        spooled, busy = in_spool(where.files, where.person, dry_run=False)
        in_file = letters_in_file(where.files, where.person, dry_run=False)
        letters = self._letters()
        told, others = _told(where), _others(where, self._options)
        keys = (key for chunk in others.values() for key in chunk)
        hours = {*run.hours, *told[1], *(moment - moment % HOUR for moment, _, _ in keys)}
        run.begin(hours)
        self._mark(hours)
        self._events(told[0], others)
        self._wait_for_refreshes()
        found = {place.name: self._place(place) for place in where.places}
        self._mark(hours)
        erased = _erased(
            where,
            found,
            dry_run=False,
            events=told[0] + _count(others),
            dead_letters=letters,
            spooled=spooled,
            dead_letter_file=in_file,
            busy=busy,
        )
        run.end(erased.detail)
        return erased

    def _change(self, table: str, change: str) -> None:
        """Let the server *change* the rows of *table*, on all replicas."""
        for one in self._held:
            one.check()
        settings = audit.LONG | {"mutations_sync": "2"}
        if self._server.on_cluster:
            settings["distributed_ddl_task_timeout"] = "-1"
        self._server.session.ask(f"alter table {table}{self._server.on_cluster} {change}", settings)

    def _letters(self) -> int:
        found = list(self._where.letters_of(""))
        for chunk in _batches(found, self._batch):
            keys = ", ".join(f"({moment}, {literal(told)})" for moment, told in chunk)
            self._change(self._where.letters, f"delete where {CREATED_AND_TOLD} in ({keys})")
        return len(found)

    def _events(self, told: int, others: Mapping[str, Sequence[Key]]) -> None:
        """Delete the events that the server can tell, and *others*: of each partition apart, which is faster by far."""
        changes = [f"delete where {conditions.surely(self._where.person)}"] if told else []
        for chunk in _of_partitions(others, self._batch):
            changes += [_deletion(partition, keys) for partition, keys in chunk]
            self._change(quoted(self._server.stored), ", ".join(changes))
            changes = []
        if changes:
            self._change(quoted(self._server.stored), changes[0])

    def _place(self, place: Place) -> tuple[int, int]:
        """Erase the person's rows of *place*, and texts that name the person; return how many of each."""
        person, where = self._where.person, self._where
        rows, texts = _rows_of(where, place)
        owned = conditions.owned(place, person)
        changes = [f"delete where {owned}"] if rows else []
        if texts:
            for column in place.texts:
                quoting = conditions.quoting(place, person, column)
                if quoting != "false":
                    new = conditions.without(place, person, column)
                    changes.append(f"update {quoted(column.name)} = {new} where {quoting}")
        if changes:
            self._change(place.table, ", ".join(changes))
        return rows, texts

    def _mark(self, hours: Collection[int]) -> None:
        """Let the next refresh compute the buckets again that hold *hours*, where no other event of them is gone."""
        since = rollups.expired(self._server)
        marked = sorted(hour for hour in hours if hour >= max(0, since))
        settings = insert_settings(self._server.session.address, _PATIENCE) | audit.LONG
        if marked:
            listed = ", ".join(map(str, marked))
            self._server.session.ask(
                f"insert into {TOUCHED} select fromUnixTimestamp64Micro(arrayJoin([{listed}]), 'UTC'), now64(6, 'UTC')",
                settings,
            )

    def _wait_for_refreshes(self) -> None:
        """Wait for statements that read the events before they went, and store rows of them later.

        Raises:
            ClickhouseFailedError: If one takes too long.
        """
        deadline = time.monotonic() + _PATIENCE
        where = "clusterAllReplicas('{cluster}', system.processes)" if self._server.on_cluster else "system.processes"
        query = _RUNNING.format(processes=where, now=rollups.now(self._server))
        while self._server.session.value(query):
            if time.monotonic() > deadline:
                raise ClickhouseFailedError(
                    "a refresh has run for minutes, and may have read events of the person before they were erased",
                    "Run the command again when it is over: the rest is erased then.",
                )
            self._options.progress.step("waiting for a refresh that runs")
            time.sleep(_POLL)


def _told(where: Search) -> tuple[int, list[int]]:
    """Return how many events the server can tell to be the person's, and their hours."""
    rows = where.rows(
        f"select {MICROS} - positiveModulo({MICROS}, {HOUR}) as _hour, uniqExact(timestamp, event_type, event_id)"
        f" from {where.events} where {conditions.surely(where.person)} group by _hour"
    )
    return sum(count for _, count in rows), [hour for hour, _ in rows]


def _others(where: Search, options: Options) -> dict[str, list[Key]]:
    """Return what tells the other events of the person, oldest first, by partition."""
    condition = f"({conditions.maybe(where.person)} and not {conditions.surely(where.person)})"
    found: defaultdict[str, list[Key]] = defaultdict(list)
    spans = where.ranges(condition)
    for number, span in enumerate(spans):
        options.progress.advance("events", number, len(spans))
        for moment, kind, one, *_, partition in where.events_in(span, condition, f", {where.partition}"):
            found[partition].append((moment, kind, one))
    return dict(found)


def _count(others: Mapping[str, Sequence[Key]]) -> int:
    return sum(map(len, others.values()))


def _rows_of(where: Search, place: Place) -> tuple[int, int]:
    """Return how many rows of *place* are the person's, and how many others quote the person."""
    owned = conditions.owned(place, where.person)
    quoting = [f"countIf({conditions.quoting(place, where.person, column)} and not {owned})" for column in place.texts]
    ((rows, *texts),) = where.rows(f"select {', '.join([f'countIf({owned})', *quoting])} from {place.table}")
    return rows, sum(texts)


def _deletion(partition: str, keys: Sequence[Key]) -> str:
    """Return the command that deletes the events with *keys*, which are in order."""
    listed = ", ".join(f"({moment}, {literal(kind)}, {literal(one)})" for moment, kind, one in keys)
    near = f"timestamp >= {at(keys[0][0])} and timestamp <= {at(keys[-1][0])}"
    within = f"in partition id {literal(partition)} " if partition else ""
    return f"delete {within}where {near} and ({MICROS}, event_type, event_id) in ({listed})"


def _of_partitions(others: Mapping[str, Sequence[Key]], size: int) -> Iterator[list[tuple[str, Sequence[Key]]]]:
    """Yield partitions with their keys, up to *size* keys of all of them."""
    chunk: list[tuple[str, Sequence[Key]]] = []
    for partition, found in others.items():
        for keys in _batches(found, size):
            if sum(len(one) for _, one in chunk) + len(keys) > size:
                yield chunk
                chunk = []
            chunk.append((partition, keys))
    if chunk:
        yield chunk


def _batches(found: Sequence[Any], size: int) -> list[Sequence[Any]]:
    return [found[start : start + size] for start in range(0, len(found), size)]
