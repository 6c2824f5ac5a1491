"""Writes migrations: what differs between the catalog and the snapshot, as numbered files for every backend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from adi_analytics._shared.source import MANIFEST, Source
from adi_analytics.migrate.author import statements
from adi_analytics.migrate.author.difference import Difference, compare
from adi_analytics.migrate.author.files import slug, write
from adi_analytics.migrate.author.statements import Part
from adi_analytics.migrate.errors import ForgottenMigrationError, HistoryError, UsageError
from adi_analytics.migrate.files import migration as migration_files
from adi_analytics.migrate.files.manifest import Manifest, encode_snapshot, load_manifest, load_snapshot
from adi_analytics.migrate.files.migration import LOCK_NAME, SNAPSHOT_NAME
from adi_analytics.migrate.files.up_to_date import check_generated
from adi_analytics.migrate.options import BACKENDS, Phase, source_for


@dataclass(frozen=True, slots=True)
class NewResult:
    """What `new` wrote: the names of the migrations, and what each change is in words."""

    written: tuple[str, ...]
    changes: tuple[str, ...]


def new(  # noqa: PLR0913 - a public function of keywords
    message: str | None = None,
    *,
    migrations: Path | None = None,
    manifest: Path | None = None,
    catalog: str | None = None,
    project: Path | None = None,
    drop_retired: bool = False,
) -> NewResult:
    """Write the migrations that lead from the snapshot to the catalog; nothing when no table, view or comment differs.

    Args:
        message: Words for the names of the directories. Defaults to what changes.
        migrations: The folder to write to. Defaults to the catalog's.
        manifest: The generated manifest. Defaults to the catalog's.
        catalog: As in `Options`.
        project: As in `Options`.
        drop_retired: Whether to also drop the versions that earlier migrations replaced.

    Raises:
        UsageError: If the change cannot be made by a migration.
        ForgottenMigrationError: If an aggregate's rows change but not its version.
    """
    files = used(migrations, manifest, catalog, project)
    folder = _writable(files.migrations)
    check_generated(files.manifest, files.project)
    old, target = _snapshot(folder), load_manifest(files.manifest)
    _check_same_catalog(old, target, files)
    difference = compare(old, target, drop_retired=drop_retired)
    if difference.empty:
        return NewResult((), ())
    folder.mkdir(parents=True, exist_ok=True)
    made = {backend: statements.parts(difference, old, backend) for backend in BACKENDS}
    number = len(migration_files.load_migrations(folder, BACKENDS[0])) + 1
    written: dict[str, dict[str, str]] = {}
    for phase, pick, suffix in _ORDER:
        parts = {backend: pick(parts) for backend, parts in made.items()}
        if not any(part.statements for part in parts.values()):
            continue
        name = f"{number:04d}_{phase}_{_slug(message, suffix, difference, phase)}"
        written[name] = {f"{backend}.sql": _text(name, phase, part, difference) for backend, part in parts.items()}
        number += 1
    write(folder, written, encode_snapshot(difference.target))
    return NewResult(tuple(written), tuple(difference.summary()))


def used(
    migrations: Path | None = None,
    manifest: Path | None = None,
    catalog: str | None = None,
    project: Path | None = None,
) -> Source:
    """Return which folder and which manifest `new` and `check` use for these arguments.

    Raises:
        UsageError: If no catalog is found, or several are, or if what says it is wrong.
    """
    if migrations is not None and manifest is not None:
        found = Source(why="--migrations and --manifest", manifest=manifest, migrations=migrations, package=None)
    else:
        found = source_for(catalog, project)
    path = manifest or found.manifest
    return replace(
        found,
        manifest=(path / MANIFEST if path.is_dir() else path).absolute(),
        migrations=(migrations or found.migrations).absolute(),
    )


def _writable(folder: Path) -> Path:
    data = folder.parent
    if data.name == "_data" and (data.parent / "__init__.py").is_file():
        raise UsageError(
            f"{folder} belongs to an installed package, and an upgrade replaces it",
            "Work in the project's folder, or name it with --project.",
        )
    return folder


def _check_same_catalog(old: Manifest | None, target: Manifest, files: Source) -> None:
    if old is not None and old.catalog != target.catalog:
        raise UsageError(
            f"the migrations in {files.migrations} are those of the catalog {old.catalog!r}, and the manifest"
            f" {files.manifest} is that of the catalog {target.catalog!r}",
            "Give the folder and the manifest of one catalog, best with --project. Nothing was written.",
        )


def _snapshot(folder: Path) -> Manifest | None:
    """Return what the files add up to; ``None`` for a folder without files.

    Raises:
        HistoryError: If there are files, but no snapshot.
    """
    found = load_snapshot(folder)
    if found is None and migration_files.read_lock(folder):
        problem = f"{folder} has migrations, but no {SNAPSHOT_NAME}"
        remedy = (
            "Restore it from git. If `analytics-migrate new` was killed at its first run, delete the folder instead."
        )
        raise HistoryError(problem, remedy, path=folder)
    return found


_ORDER: Final[tuple[tuple[Phase, Callable[[statements.Parts], Part], str], ...]] = (
    ("pre", lambda parts: parts.tables, "tables"),
    ("pre", lambda parts: parts.pre, ""),
    ("pre", lambda parts: parts.indexes, "index"),
    ("post", lambda parts: parts.post, ""),
    ("post", lambda parts: parts.destructive, "drop"),
)


def _slug(message: str | None, suffix: str, difference: Difference, phase: Phase) -> str:
    if difference.first and not message:
        table = difference.target.storage.table
        prefix = table.split("_")[0]
        return f"create_{table}" if phase == "pre" else f"create_{prefix}_aggregates"
    words = message or difference.summary()[0]
    found = slug(words)
    return f"{found}_{suffix}" if suffix else found


def _text(name: str, phase: Phase, part: Part, difference: Difference) -> str:
    stepped = part.stepped and bool(part.statements)
    header = [
        f"{name}: written by `analytics-migrate new`; review it, commit it, never edit it after it was applied",
        f"phase: {phase}",
        f"transaction: {'off' if stepped else 'on'}",
        "lock-timeout: 5s",
        f"destructive: {'yes' if part.destructive and part.statements else 'no'}",
        f"catalog: {difference.target.hash}",
        *([f"backfill: {' '.join(part.backfill)}"] if part.backfill else []),
        *(f"why: {line}" for line in part.why or ["nothing to do on this backend"]),
        *(f"locks: {line}" for line in part.locks or ["none"]),
    ]
    lead = "-- step: " if stepped else "-- "
    blocks = [f"{lead}{statement.step}\n{statement.sql};\n" for statement in part.statements]
    if stepped:
        blocks = blocks or ["-- step: nothing\nselect 1;\n"]
    return "\n".join(["".join(f"-- {line}\n" for line in header), *blocks])


def _write_text(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8", newline="\n")
    partial.replace(path)


def lock(
    *,
    migrations: Path | None = None,
    catalog: str | None = None,
    project: Path | None = None,
    backends: Sequence[str] = BACKENDS,
) -> tuple[str, ...]:
    """Add lines to ``migrations.lock`` for files that have none, which somebody wrote by hand.

    Args:
        migrations: The folder. Defaults to the catalog's.
        catalog: As in `Options`.
        project: As in `Options`.
        backends: The backends that the folder is for.

    Raises:
        UsageError: If the folder is that of an installed package.
        MigrationChecksumError: If a file that has a line was edited.
    """
    folder = _writable((migrations or source_for(catalog, project).migrations).absolute())
    known = migration_files.read_lock(folder)
    found = {
        (file.number, file.variant): file
        for backend in backends
        for file in migration_files.load_migrations(folder, backend, locked=False)
        if (file.number, file.phase, file.variant) not in known
    }
    lines = tuple(migration_files.lock_line(file) for _, file in sorted(found.items()))
    path = folder / LOCK_NAME
    before = path.read_text(encoding="utf-8") if path.is_file() else ""
    if lines:
        _write_text(path, before + "".join(f"{line}\n" for line in lines))
    for backend in backends:
        migration_files.load_migrations(folder, backend)
    return lines


def check(
    *,
    migrations: Path | None = None,
    manifest: Path | None = None,
    catalog: str | None = None,
    project: Path | None = None,
) -> int:
    """Compare the catalog, the snapshot, the lock and the files, without a database.

    Args:
        migrations: The folder of the migrations. Defaults to the catalog's.
        manifest: The generated manifest. Defaults to the catalog's.
        catalog: As in `Options`.
        project: As in `Options`.

    Returns:
        How many migrations there are.

    Raises:
        ForgottenMigrationError: If the catalog changed and no migration was written, or nothing was generated.
        HistoryError: If files, lock or snapshot disagree.
    """
    files = used(migrations, manifest, catalog, project)
    folder = files.migrations
    check_generated(files.manifest, files.project)
    count = max(len(migration_files.load_migrations(folder, backend)) for backend in BACKENDS)
    old, target = _snapshot(folder), load_manifest(files.manifest)
    _check_same_catalog(old, target, files)
    difference = compare(old, target)
    if not difference.empty:
        changes = tuple(difference.summary())
        raise ForgottenMigrationError(
            f"the catalog changed and no migration was written: {'; '.join(changes)}",
            'Run `analytics-migrate new -m "..."`, review the files and commit them.',
            changes=changes,
        )
    return count
