"""From two states of the catalog to the statements that lead from one to the other, for one backend."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from adi_analytics._shared.sql import interval, literal, quote
from adi_analytics.migrate.author import versions
from adi_analytics.migrate.author.difference import Difference, storage_keys, tables
from adi_analytics.migrate.errors import UsageError
from adi_analytics.migrate.files.machinery import SCHEMA, MetaObject
from adi_analytics.migrate.files.manifest import Aggregate, Manifest, Storage, StoragePolicy
from adi_analytics.migrate.files.statements import Compression, Index, Runnable, Statement, statement


@dataclass(slots=True)
class Part:
    """The statements of one migration file.

    Attributes:
        stepped: Whether the statements refuse to run in a transaction.
        why: What the file is for, a line for each reason.
        locks: Which locks it takes.
        backfill: Rollups to fill before it runs.
    """

    statements: list[Runnable] = field(default_factory=list)
    stepped: bool = False
    destructive: bool = False
    why: list[str] = field(default_factory=list)
    locks: list[str] = field(default_factory=list)
    backfill: list[str] = field(default_factory=list)

    def add(self, statements: Iterable[Runnable], *, why: str = "", lock: str = "") -> None:
        """Add *statements*, with the reason and the lock that they take."""
        self.statements += statements
        self.why += [why] if why and why not in self.why else []
        self.locks += [lock] if lock and lock not in self.locks else []


@dataclass(slots=True)
class Parts:
    """What a change of the catalog comes to on one backend, in the order in which it runs."""

    tables: Part = field(default_factory=Part)
    """What locks tables of ``analytics_meta``: a view locked in the same transaction would deadlock with a reader."""
    pre: Part = field(default_factory=Part)
    indexes: Part = field(default_factory=lambda: Part(stepped=True))
    post: Part = field(default_factory=Part)
    destructive: Part = field(default_factory=lambda: Part(destructive=True))


def parts(difference: Difference, old: Manifest | None, backend: str) -> Parts:
    """Return the statements of *difference* on *backend*."""
    made = Parts()
    target = difference.target
    if difference.first:
        _create_storage(made.pre, target, backend)
    if old is not None and difference.machinery:
        _change_machinery(made, old, target, backend)
    if old is not None and difference.storage:
        _change_storage(made, old, target, backend)
    for entry in difference.added:
        where = made.post if difference.first else made.pre
        where.add(
            [*versions.create(entry, backend), *versions.publish(entry, None)],
            why=f"create {entry.name}",
            lock=_CREATE_LOCKS[backend].format(table=target.storage.table),
        )
    for before, now in difference.rebuilt:
        _rebuild(made, before, now, target, backend)
    _change_in_place(made, difference, backend)
    for entry in difference.removed:
        lock = f"ACCESS EXCLUSIVE on the relations of {entry.name}"
        made.destructive.add(
            versions.drop(entry, backend), why=f"drop {entry.name}, which the catalog no longer has", lock=lock
        )
    for entry in difference.dropped:
        why = f"drop version {entry.version} of {entry.name}, which was replaced"
        lock = f"ACCESS EXCLUSIVE on the relations of {entry.name} version {entry.version}"
        made.destructive.add(versions.drop(entry, backend, views=False), why=why, lock=lock)
    return made


_CREATE_LOCKS: Final = {
    "timescaledb": "SHARE ROW EXCLUSIVE on {table} and its chunks (writers wait)",
    "timescaledb_apache": "none on {table}",
    "postgres": "none on {table}",
}
_VIEW_LOCK: Final = "ACCESS EXCLUSIVE on the views, for milliseconds"
_COMMENT_LOCK: Final = (
    "SHARE UPDATE EXCLUSIVE on what gets a comment, for milliseconds (nobody waits but DDL and VACUUM)"
)
# Of what retention drops; a database of before has none.
_START_RECORD: Final = statement("record of dropped rows", "select analytics_meta.start_record()")
CHUNKS_OF_EVENTS: Final = 10
"""A chunk of a continuous aggregate is as long as so many chunks of the events: TimescaleDB makes it so."""

_UNCHECKED_BODIES: Final = statement("function bodies refer to each other", "set local check_function_bodies = off")


def _create_storage(part: Part, target: Manifest, backend: str) -> None:
    ddl = target.storage_ddl[backend]
    part.add([_UNCHECKED_BODIES])
    # The tables of analytics_meta come before what calls its functions; the settings before the first partitions.
    meta: list[Runnable] = [*target.machinery[backend], settings(target.storage)]
    part.add(meta, why="create the tables and procedures of analytics_meta")
    part.add(
        [*ddl.create, _START_RECORD, *ddl.policies, *target.comments],
        why=f"create {target.storage.table}",
        lock="none on tables that exist",
    )


def settings(storage: Storage) -> Statement:
    """Return the statement that sets the row of ``analytics_meta.storage``."""
    retention = "null" if storage.retention is None else interval(storage.retention)
    return statement(
        "storage settings",
        "insert into analytics_meta.storage (table_name, chunk_interval, retention)\n"
        f"values ({literal(storage.table)}, {interval(storage.chunk_interval)}, {retention})\n"
        "on conflict on constraint storage_pkey do update\n"
        "    set chunk_interval = excluded.chunk_interval, retention = excluded.retention",
    )


def _rebuild(made: Parts, before: Aggregate, now: Aggregate, target: Manifest, backend: str) -> None:
    made.pre.add(
        versions.create(now, backend),
        why=f"create version {now.version} of {now.name} beside version {before.version}",
        lock=_CREATE_LOCKS[backend].format(table=target.storage.table),
    )
    made.post.add(
        versions.swap(before, now, backend),
        why=f"let {now.name} read version {now.version}; keep what only version {before.version} still knows",
        lock=_VIEW_LOCK,
    )
    made.post.backfill.append(now.rollup)


def _change_in_place(made: Parts, difference: Difference, backend: str) -> None:
    """Add what changes the views, the policies and the comments of aggregates whose rows stay."""
    for before, now in difference.reviewed:
        where = made.pre if versions.only_appends(before, now) else made.post
        where.add(versions.publish(now, before), why=f"change the views of {now.name}", lock=_VIEW_LOCK)
    for before, now in difference.rescheduled:
        made.pre.add(versions.change_policies(before, now, backend), why=f"change the refresh of {now.name}")
    for name, comments in difference.recommented:
        made.post.add(comments, why=f"change the comments on {name}", lock=_COMMENT_LOCK)


def _change_storage(made: Parts, old: Manifest, target: Manifest, backend: str) -> None:
    changed = storage_keys(old.storage, target.storage)
    if old.storage != target.storage:
        made.pre.add([settings(target.storage)], why=f"change the storage: {', '.join(changed)}")
    table = literal(quote(target.storage.table))
    if backend != "postgres" and "chunk_interval" in changed:
        width = interval(target.storage.chunk_interval)
        made.pre.add([statement("chunk interval", f"select set_chunk_time_interval({table}::regclass, {width})")])
    if backend == "timescaledb" and "chunk_interval" in changed:
        made.pre.add(_aggregate_chunks(target))
    if backend == "timescaledb" and _policy_differs(old, target, "compression"):
        made.pre.add([*_stop_compression(old, table), *_policies(target, "compression")])
    _change_retention(made, old, target, backend, table)
    _change_tables(made, old, target, backend)


def _aggregate_chunks(target: Manifest) -> Iterator[Statement]:
    width = interval(CHUNKS_OF_EVENTS * target.storage.chunk_interval)
    for relation in (relation for entry in target.aggregates for relation in entry.relations):
        name = literal(quote(relation.name))
        yield statement(
            f"chunk interval of {relation.name}", f"select set_chunk_time_interval({name}::regclass, {width})"
        )


def _change_tables(made: Parts, old: Manifest, target: Manifest, backend: str) -> None:
    before, after = tables(old, backend), tables(target, backend)
    indexes_before = {step: entry for step, entry in before.items() if isinstance(entry, Index)}
    indexes_after = {step: entry for step, entry in after.items() if isinstance(entry, Index)}
    for step in sorted(before.keys() | after.keys()):
        if before.get(step) != after.get(step) and not (step in indexes_after or step in indexes_before):
            raise UsageError(
                f"the statement {step!r} of the events table changed, and a table cannot be replaced",
                "This release of adi-analytics lacks an upgrade step: please report it.",
            )
    for step, index in indexes_after.items():
        had = indexes_before.get(step)
        if had is not None and had != index:
            _drop_index(made.pre, had)
        if had != index:
            _create_index(made, index, backend)
    for step in sorted(indexes_before.keys() - indexes_after.keys()):
        _drop_index(made.post, indexes_before[step])


def _change_retention(made: Parts, old: Manifest, target: Manifest, backend: str, table: str) -> None:
    before, now = old.storage.retention, target.storage.retention
    shorter = now is not None and (before is None or now < before)
    part = made.destructive if shorter else made.pre
    if backend == "timescaledb" and _policy_differs(old, target, "retention"):
        part.add([*_stop_retention(table), *_policies(target, "retention")], why="change what drops raw events")
    if shorter:
        # The setting is what rows are dropped by, so it is destructive.
        made.pre.statements = [statement for statement in made.pre.statements if statement.step != "storage settings"]
        part.add([settings(target.storage)], why="raw events are dropped sooner than before")


def _policies(manifest: Manifest, kind: Literal["compression", "retention"]) -> list[StoragePolicy]:
    return [entry for entry in manifest.storage_ddl["timescaledb"].policies if _is_about(entry, kind)]


def _policy_differs(old: Manifest, target: Manifest, kind: Literal["compression", "retention"]) -> bool:
    return [entry.sql for entry in _policies(old, kind)] != [entry.sql for entry in _policies(target, kind)]


def _stop_compression(old: Manifest, table: str) -> list[Runnable]:
    # `if_not_exists` would keep the old policy without a word when its interval differs: remove it first.
    removal = statement("remove the compression policy", f"select remove_compression_policy({table}::regclass)")
    return [removal] if _policies(old, "compression") else []


def _stop_retention(table: str) -> list[Runnable]:
    return [
        # TimescaleDB's own, which migrations added before it was found to drop rows that are not stored.
        statement(
            "remove the retention policy", f"select remove_retention_policy({table}::regclass, if_exists => true)"
        ),
        statement("remove the retention job", DELETE_RETENTION_JOB),
    ]


DELETE_RETENTION_JOB: Final = (
    "select delete_job(job_id) from timescaledb_information.jobs\n"
    "where proc_schema = 'analytics_meta' and proc_name = 'retention_job'"
)
"""Removes the job that drops raw rows, if there is one."""


def _is_about(entry: StoragePolicy, kind: str) -> bool:
    return kind == ("compression" if isinstance(entry, Compression) else entry.policy)


def _create_index(made: Parts, index: Index, backend: str) -> None:
    if backend == "postgres":
        lock = f"SHARE on {index.table} while the index is built (writers wait)"
        made.pre.add([index], why=index.step, lock=lock)
        return
    by_chunk = Statement(index.step, index.by_chunk)
    made.indexes.add([by_chunk], why=index.step, lock="SHARE on one chunk after the other")


def _drop_index(part: Part, index: Index) -> None:
    dropped = statement(f"drop {index.step}", f"drop index if exists {quote(index.object)}")
    lock = f"ACCESS EXCLUSIVE on {index.table}, for milliseconds"
    part.add([dropped], why=f"drop the {index.step}", lock=lock)


def _change_machinery(made: Parts, old: Manifest, target: Manifest, backend: str) -> None:
    before = old.machinery.get(backend, [])
    changed = [entry for entry in target.machinery[backend] if entry not in before]
    for entry in changed:
        if entry.kind == "table" and any(_same_object(entry, other) for other in before):
            raise UsageError(
                f"{entry.step} of analytics_meta changed, and a table cannot be replaced",
                "This release of adi-analytics lacks an upgrade step: please report it.",
            )
    # One name cannot be a function and a procedure at once: such a one goes before the other is made.
    names = {entry.object for entry in target.machinery[backend]}
    removed = [entry for entry in before if not any(_same_object(entry, other) for other in target.machinery[backend])]
    # Another list of arguments would make a second function of the name; the new one takes calls of the old one.
    renewed = [old for old in before for new in changed if _same_object(old, new) and old.arguments != new.arguments]
    columns = [entry for entry in changed if entry.kind == "column"]
    if columns:
        lock = "ACCESS EXCLUSIVE on tables of analytics_meta, for milliseconds"
        made.tables.add(columns, why="add columns to the tables of analytics_meta", lock=lock)
        changed = [entry for entry in changed if entry not in columns]
    if changed:
        made.pre.add([_drop(entry) for entry in [*renewed, *(one for one in removed if one.object in names)]])
        made.pre.add([_UNCHECKED_BODIES])
        made.pre.add([*changed, _START_RECORD], why="update the procedures of analytics_meta")
    # What the release before may still call goes when it no longer runs.
    for entry in removed:
        if entry.kind in _ROUTINES and entry.object not in names:
            made.post.add([_drop(entry)], why=f"drop {entry.step} of analytics_meta, which nothing calls any more")


_ROUTINES: Final = frozenset({"function", "procedure"})


def _drop(entry: MetaObject) -> Statement:
    name = f"{SCHEMA}.{quote(entry.object)}"
    return statement(f"drop {entry.step}", f"drop {entry.kind} if exists {name}")


def _same_object(entry: MetaObject, other: MetaObject) -> bool:
    return (entry.kind, entry.object) == (other.kind, other.object)
