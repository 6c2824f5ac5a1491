"""What changed between two manifests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from adi_analytics.migrate.author import counts, versions
from adi_analytics.migrate.errors import UsageError
from adi_analytics.migrate.files.manifest import Aggregate, Manifest, Storage
from adi_analytics.migrate.files.statements import Call, Comment, Index, Table


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs between two states.

    Attributes:
        target: The new state, with names and history settled: the snapshot to be.
        rebuilt: Pairs of old and new version whose stored rows differ.
        reviewed: Pairs whose public views differ, but no stored row.
        rescheduled: Pairs whose refresh policy differs.
        recommented: The comments that differ where the views stay, by what they are on, for people.
        dropped: Versions to be dropped with their rows.
    """

    target: Manifest
    first: bool
    added: tuple[Aggregate, ...] = ()
    removed: tuple[Aggregate, ...] = ()
    rebuilt: tuple[tuple[Aggregate, Aggregate], ...] = ()
    reviewed: tuple[tuple[Aggregate, Aggregate], ...] = ()
    rescheduled: tuple[tuple[Aggregate, Aggregate], ...] = ()
    recommented: tuple[tuple[str, tuple[Comment, ...]], ...] = ()
    dropped: tuple[Aggregate, ...] = ()
    storage: tuple[Storage, Storage] | None = None
    machinery: bool = False

    @property
    def empty(self) -> bool:
        """Whether nothing that the database depends on differs."""
        return not (
            self.first or self.added or self.removed or self.rebuilt or self.reviewed or self.rescheduled
            or self.recommented or self.dropped or self.storage or self.machinery
        )  # fmt: skip

    def summary(self) -> list[str]:
        """Return what differs, in words."""
        lines = ["create the events table"] if self.first else []
        lines += [f"create {entry.name}" for entry in self.added]
        lines += [f"rebuild {new.name} (version {old.version} to {new.version})" for old, new in self.rebuilt]
        lines += [f"change the views of {new.name}" for _, new in self.reviewed]
        lines += [f"change the refresh of {new.name}" for _, new in self.rescheduled]
        lines += [f"change the comments on {name}" for name, _ in self.recommented]
        lines += [f"drop {entry.name}" for entry in self.removed]
        lines += [f"drop version {entry.version} of {entry.name}" for entry in self.dropped]
        if self.storage:
            lines.append(f"change the storage of {self.storage[1].table}: {', '.join(storage_keys(*self.storage))}")
        if self.machinery:
            lines.append("update the procedures of analytics_meta")
        return lines


def compare(old: Manifest | None, new: Manifest, *, drop_retired: bool = False) -> Difference:
    """Return what leads from *old* (``None``: an empty database) to *new*.

    Raises:
        UsageError: If the change cannot be made by a migration, or if an aggregate needs a new version.
    """
    if old is None:
        return Difference(new, first=True, added=tuple(new.aggregates))
    _refuse_impossible(old, new)
    names = {entry.name for entry in new.aggregates}
    settled: list[Aggregate] = []
    rebuilt, reviewed, rescheduled, added = [], [], [], []
    for entry in new.aggregates:
        before = old.aggregate(entry.name)
        if before is None:
            now = versions.settle(entry, None, _taken(old))
            added.append(now)
        elif _rows_differ(before, entry) or _only_newer(before, entry):
            now = versions.settle(entry, before, _taken(old))
            rebuilt.append((before, now))
        else:
            now = _same_rows(before, entry, old)
            if _views_differ(before, entry) or versions.lacks_unit(before):
                reviewed.append((before, now))
        if before is not None and before.refresh != entry.refresh:
            now = versions.reschedule(now, entry)
            if not any(pair[1].name == now.name for pair in rebuilt):
                rescheduled.append((before, now))
        settled.append(now)
    rebuilt = [(before, next(entry for entry in settled if entry.name == now.name)) for before, now in rebuilt]
    retired = [] if drop_retired else list(old.retired)
    target = msgspec.structs.replace(
        new, aggregates=settled, retired=retired + [before for before, _ in rebuilt], storage_ddl=new.storage_ddl
    )
    return Difference(
        target,
        first=False,
        added=tuple(added),
        removed=tuple(entry for entry in old.aggregates if entry.name not in names),
        rebuilt=tuple(rebuilt),
        reviewed=tuple(reviewed),
        rescheduled=tuple(rescheduled),
        recommented=tuple(_recommented(old, target, {now.name for _, now in (*rebuilt, *reviewed)})),
        dropped=tuple(old.retired) if drop_retired else (),
        storage=(old.storage, new.storage) if old.storage != new.storage or _tables_differ(old, new) else None,
        machinery=old.machinery != new.machinery,
    )


def _refuse_impossible(old: Manifest, new: Manifest) -> None:
    """Raise `UsageError` for a change of the storage that no migration can make."""
    if old.storage.table != new.storage.table:
        raise UsageError(
            f"storage.table changed from {old.storage.table} to {new.storage.table}",
            "A table that holds events cannot be renamed by a migration: put the old name back. If no database has "
            "these migrations yet, delete their folder instead and run `analytics-migrate new` again.",
            setting="storage.table",
            value=new.storage.table,
        )
    if old.storage.user_id != new.storage.user_id:
        raise UsageError(
            f"the column user_id changed from {old.storage.user_id} to {new.storage.user_id}",
            f"A migration cannot change it under rows and aggregates: put `user_id: {old.storage.user_id}` back under "
            "`catalog`. If no database has these migrations yet, delete their folder instead and run "
            "`analytics-migrate new` again. Else make another catalog with a table of its own.",
            setting="catalog.user_id",
            value=new.storage.user_id,
        )


def _same_rows(before: Aggregate, entry: Aggregate, old: Manifest) -> Aggregate:
    """Return *before* with the views and comments of *entry*, whose stored rows are the same."""
    if _views_differ(before, entry):
        now = versions.reword(before, entry)
    else:
        now = msgspec.structs.replace(before, comments=entry.comments)
    return versions.with_unit(now, old.retired) if versions.lacks_unit(now) else now


def _recommented(old: Manifest, target: Manifest, published: set[str]) -> Iterator[tuple[str, tuple[Comment, ...]]]:
    """Yield the comments that differ; those of views in *published* are written when the views are."""
    sides = [(old.storage.table, old.comments, target.comments)]
    for now in target.aggregates:
        before = old.aggregate(now.name)
        if before is not None and now.name not in published:
            sides.append((now.name, before.comments, now.comments))
    for name, before_all, now_all in sides:
        changed = tuple(entry for entry in now_all if entry not in before_all)
        if changed:
            yield name, changed


def tables(manifest: Manifest, backend: str) -> dict[str, Table | Index]:
    """Return the statements of the events' tables and indexes, by step."""
    return {made.step: made for made in manifest.storage_ddl[backend].create if not isinstance(made, Call)}


def _tables_differ(old: Manifest, new: Manifest) -> bool:
    return any(
        tables(old, backend) != tables(new, backend) or old.storage_ddl[backend].policies != ddl.policies
        for backend, ddl in new.storage_ddl.items()
    )


def _taken(old: Manifest) -> set[str]:
    return {relation.name for entry in [*old.aggregates, *old.retired] for relation in entry.relations}


def _rows_differ(before: Aggregate, entry: Aggregate) -> bool:
    return [relation.fingerprint for relation in before.relations] != [
        relation.fingerprint for relation in entry.relations
    ]


def _views_differ(before: Aggregate, entry: Aggregate) -> bool:
    """Whether the public views show something else, or another release computes it in another way."""
    selects = [[(view.name, view.select) for view in one.views] for one in (before, entry)]
    return before.fingerprint != entry.fingerprint or selects[0] != selects[1] or counts.lacks(before, entry)


def _only_newer(before: Aggregate, entry: Aggregate) -> bool:
    """Whether nothing but the version was raised: what a damaged aggregate needs."""
    return before.fingerprint == entry.fingerprint and entry.version > max(before.version, before.catalog_version)


def storage_keys(old: Storage, new: Storage) -> list[str]:
    """Return which settings differ."""
    before: dict[str, Any] = msgspec.to_builtins(old)
    return [key for key, value in msgspec.to_builtins(new).items() if value != before[key]] or ["indexes or policies"]
