"""The spool's files from outside: for who looks for certain rows in them, and takes them out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from adi_analytics._engine.spool.process_lock import ProcessLock, remove_quietly
from adi_analytics._engine.spool.segment import SegmentWriter, read_segment, sync_directory

_ENDINGS = (".segment", ".damaged")


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What was taken out of a spool.

    Attributes:
        rows: How many rows.
        busy: Files that hold such rows and belong to living processes, which deliver them.
    """

    rows: int
    busy: tuple[Path, ...]


def spooled_rows(directory: Path, catalog: str) -> Iterator[bytes]:
    """Yield the rows in the files of *catalog*'s clients, and in those that do not say whose they are."""
    for paths in _by_process(directory, catalog).values():
        for path in paths:
            yield from _rows(path)


def remove_rows(directory: Path, catalog: str, unwanted: Callable[[bytes], bool]) -> Cleaned:
    """Take the rows that are *unwanted* out of the files of processes that ended.

    Raises:
        OSError: If a file can't be written.
    """
    removed, busy = 0, list[Path]()
    for name, paths in _by_process(directory, catalog).items():
        found = [path for path in paths if any(unwanted(row) for row in _rows(path))]
        if not found:
            continue
        lock = ProcessLock.take(directory / f"{name}.lock")
        if lock is None:
            busy += found
            continue
        try:
            removed += sum(_rewrite(path, unwanted) for path in found)
        finally:
            lock.release(remove=not any(path.suffix == ".segment" and path.exists() for path in paths))
    return Cleaned(removed, tuple(busy))


def _by_process(directory: Path, catalog: str) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for path in sorted(directory.glob("*")):
        if path.suffix in _ENDINGS and (path.name.startswith(f"{catalog}@") or "@" not in path.name):
            found.setdefault(path.name.partition(".")[0], []).append(path)
    return found


def _rows(path: Path) -> list[bytes]:
    try:
        return read_segment(path).rows
    except FileNotFoundError:  # its owner delivered it meanwhile
        return []


def _rewrite(path: Path, unwanted: Callable[[bytes], bool]) -> int:
    """Write *path* anew without the rows; what of it is damaged goes, too, for it may be one of them."""
    rows = _rows(path)
    kept = [row for row in rows if not unwanted(row)]
    if kept:
        fresh = path.with_name(f"{path.name}.new")
        remove_quietly(fresh)  # of an attempt that was killed
        writer = SegmentWriter(fresh, 0)
        writer.append(kept)
        writer.close()
        fresh.replace(path)
    else:
        path.unlink(missing_ok=True)
    sync_directory(path.parent)
    return len(rows) - len(kept)
