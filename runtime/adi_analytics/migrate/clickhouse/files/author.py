"""Writes migrations for ClickHouse: what differs between the generated statements and what the files add up to."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from adi_analytics.migrate.author.files import slug, write
from adi_analytics.migrate.clickhouse.files.objects import (
    BUCKETS,
    FOLDERS,
    Made,
    generated,
    installation,
    rollups,
    written,
)
from adi_analytics.migrate.errors import ForgottenMigrationError, UsageError
from adi_analytics.migrate.files.migration import CLICKHOUSE, load_migrations

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from adi_analytics._shared.source import Source
    from adi_analytics.migrate.files.migration import MigrationFile

_State = dict[str, Made]


@dataclass(slots=True)
class Difference:
    """What leads from what the files add up to, to what is generated.

    Attributes:
        added: What is made before the new code is deployed.
        replaced: Views that are replaced after it.
        dropped: What goes after it, with its rows.
        rebuilt: The aggregates with a new version of their tables: name -> main table.
        first: Whether there are no files yet.
    """

    added: list[Made] = field(default_factory=list)
    replaced: list[Made] = field(default_factory=list)
    dropped: list[Made] = field(default_factory=list)
    rebuilt: dict[str, str] = field(default_factory=dict)
    first: bool = False

    def summary(self) -> list[str]:
        """Return what differs, in words."""
        if self.first:
            return ["create the tables and views"]
        lines = [f"rebuild {name} as {rollup}" for name, rollup in self.rebuilt.items()]
        lines += [f"create {one.name}" for one in self.added if one.kind != "view" or not _is_of_a_table(one.name)]
        lines += [f"change {one.name}" for one in self.replaced]
        lines += [f"drop {one.name}" for one in self.dropped if not _is_of_a_table(one.name)]
        return [*lines, *([_KEPT] if self.rebuilt else [])]


_KEPT: Final = "buckets whose events the retention has dropped stay in the old version, and leave the public views"


def _is_of_a_table(name: str) -> bool:
    return name.endswith(("_rows", "_live"))


def has_clickhouse(files: Source) -> bool:
    """Return whether the catalog is one for ClickHouse, too."""
    return _folder(files).is_dir() or (files.migrations / CLICKHOUSE).is_dir()


def new(message: str | None, files: Source, *, drop_retired: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Write the migrations that lead to the generated statements; return their names, and the changes in words.

    Raises:
        UsageError: If no migration can make the change.
        ForgottenMigrationError: If stored rows change and their version does not.
    """
    folder = files.migrations / CLICKHOUSE
    made = {backend: _difference(files, backend, drop_retired=drop_retired) for backend in FOLDERS}
    one = made[next(iter(FOLDERS))]
    changes = tuple(one.summary())
    if not changes:
        return (), ()
    folder.mkdir(parents=True, exist_ok=True)
    number = len(_files(folder, next(iter(FOLDERS)))) + 1
    migrations: dict[str, dict[str, str]] = {}
    for phase, part, destructive in (("pre", "added", False), ("post", "replaced", False), ("post", "dropped", True)):
        if not getattr(one, part):
            continue
        words = message or ("create everything" if one.first else changes[0])
        name = f"{number:04d}_{phase}_{slug(words)}{'_drop' if destructive else ''}"
        migrations[name] = {
            f"{backend}.sql": _text(name, phase, difference, part, destructive=destructive)
            for backend, difference in made.items()
        }
        number += 1
    write(folder, migrations)
    return tuple(f"{CLICKHOUSE}/{name}" for name in migrations), changes


def check(files: Source) -> int:
    """Return how many migrations there are, if they lead to the generated statements.

    Raises:
        ForgottenMigrationError: If they do not.
        HistoryError: If a file is damaged.
    """
    if files.project is None and not _folder(files).is_dir():  # a wheel holds the migrations alone
        return max(len(_files(files.migrations / CLICKHOUSE, backend)) for backend in FOLDERS)
    for backend in FOLDERS:
        changes = tuple(_difference(files, backend, drop_retired=False).summary())
        if changes:
            raise ForgottenMigrationError(
                f"the catalog changed and no migration for ClickHouse was written: {'; '.join(changes)}",
                'Run `analytics-migrate new -m "..."`, review the files and commit them.',
                changes=changes,
            )
    return len(_files(files.migrations / CLICKHOUSE, next(iter(FOLDERS))))


def _folder(files: Source) -> Path:
    return files.manifest.parent.parent / CLICKHOUSE


def _files(folder: Path, backend: str) -> list[MigrationFile]:
    return load_migrations(folder, backend) if folder.is_dir() else []


def _difference(files: Source, backend: str, *, drop_retired: bool) -> Difference:
    old = written(_files(files.migrations / CLICKHOUSE, backend))
    target = generated(_folder(files) / FOLDERS[backend])
    if not old:
        return Difference(added=list(target.values()), first=True)
    _refuse_impossible(old, target)
    found = Difference(rebuilt=dict(_rebuilt(old, target)))
    for one in target.values():
        before = old.get(one.name)
        if before is None:
            found.added.append(one)
        elif before.sql != one.sql:
            found.replaced.append(one)
    kept = {} if drop_retired else dict(_retired(old, target))
    found.dropped = [one for one in reversed(old.values()) if one.name not in target and one.name not in kept]
    return found


def _refuse_impossible(old: _State, target: _State) -> None:
    names = installation(old), installation(target)
    if names[0] != names[1]:
        raise UsageError(
            f"the catalog or its tables are called {', '.join(names[1])}, and in the migrations {', '.join(names[0])}",
            "No migration renames them: put the old names back. If no database has these migrations yet, delete the "
            f"folder {CLICKHOUSE} of the migrations and run `analytics-migrate new` again.",
        )
    for name, one in target.items():
        before = old.get(name)
        if before is None or before.sql == one.sql or one.kind == "view" or one.fingerprint != before.fingerprint:
            continue
        raise UsageError(
            f"the statement of the {one.kind} {name} changed, and it holds rows",
            "No migration changes it. Put back what the catalog said before (`user_id` is one such); for a table of an "
            "aggregate, raise the version of the aggregate.",
        )


def _rebuilt(old: _State, target: _State) -> Iterator[tuple[str, str]]:
    """Yield the aggregates with other tables than before, and their main table.

    Raises:
        ForgottenMigrationError: If rows of a table would change under the same name.
    """
    before = {one.aggregate: one for one in rollups(old).values()}
    for now in rollups(target).values():
        was = before.get(now.aggregate)
        if was is None:
            continue
        if was.name != now.name:
            yield now.aggregate, now.name
        elif _prints(old, was.relations) != _prints(target, now.relations):
            raise ForgottenMigrationError(
                f"the stored rows of {now.aggregate} change, and its version does not",
                f"Raise the version of {now.aggregate} in events.yaml by one: the next tables are made beside the old "
                "ones and filled before the views read them.",
                changes=(now.aggregate,),
            )


def _prints(state: _State, names: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(name, state[name].fingerprint if name in state else "") for name in names]


def _retired(old: _State, target: _State) -> Iterator[tuple[str, Made]]:
    """Yield what belongs to an earlier version of an aggregate that there still is."""
    alive = "|".join(re.escape(one.aggregate) for one in rollups(target).values())
    pattern = re.compile(rf"(?:{alive})_v\d+(?:_\w+)?")
    for name, one in old.items():
        if name not in target and alive and pattern.fullmatch(name):
            yield name, one


_LEADS: Final = {"added": "create", "replaced": "replace", "dropped": "drop"}


def _text(name: str, phase: str, difference: Difference, part: str, *, destructive: bool) -> str:
    chosen: list[Made] = getattr(difference, part)
    steps = [
        (f"{_LEADS[part]} {one.kind} {one.name}", one.drop if destructive else one.repeatable, one) for one in chosen
    ]
    fills = part == "replaced" and difference.rebuilt
    target = hashlib.sha256("\n".join(sql for _, sql, _ in steps).encode()).hexdigest()
    header = [
        f"{name}: written by `analytics-migrate new`; review it, commit it, never edit it after it was applied",
        f"phase: {phase}",
        "transaction: off",
        f"destructive: {'yes' if destructive else 'no'}",
        f"catalog: {target}",
        *([f"backfill: {' '.join(difference.rebuilt.values())}"] if fills else []),
        *(f"why: {line}" for line in difference.summary()),
    ]
    blocks = [f"-- step: {step}\n{_printed(one)}{sql};\n" for step, sql, one in steps]
    if destructive:
        stored = [one for one in chosen if one.fingerprint]
        blocks += [f"-- step: forget the buckets of {one.name}\n{_forgotten(one)};\n" for one in stored]
    return "\n".join(["".join(f"-- {line}\n" for line in header), *blocks])


def _forgotten(one: Made) -> str:
    """Return the statement after which a table of the same name begins with nothing stored."""
    cluster = " on cluster '{cluster}'" if one.on_cluster else ""
    return f"delete from {BUCKETS}{cluster} where rollup = '{one.name}'"


def _printed(one: Made) -> str:
    return f"-- fingerprint: {one.fingerprint}\n" if one.fingerprint else ""
