"""The file that takes dead letters when their table doesn't: one JSON object a line."""

from __future__ import annotations

import errno
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if sys.platform != "win32":  # which has no flock
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Callable

    from adi_analytics._engine.dead_letters.letter import DeadLetter
    from adi_analytics._shared.options import Settings

_NAME = "dead-letters.jsonl"


def dead_letter_path(settings: Settings, catalog: str, mark: str = "") -> Path | None:
    """Return where the file is: as set, else in the spool's directory, else in the user's, under the catalog's name.

    The *mark* of a kind of database is in its name, so that a letter is imported where it belongs.
    ``None`` if the user has no directory, as in a container that runs under a bare number.
    """
    if settings.dead_letter_file:
        return Path(settings.dead_letter_file)
    if settings.spool_dir:
        return Path(settings.spool_dir) / (mark + _NAME)
    try:
        state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    except RuntimeError:
        return None
    return Path(state) / "adi-analytics" / catalog / (mark + _NAME)


class DeadLetterFile:
    """Appends dead letters to a file that only its owner may read.

    Args:
        path: The file; made with its directories at the first letter. Without one, no letter can be written.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path

    def append(self, letter: DeadLetter) -> None:
        """Write *letter* and wait until it is on disk.

        Raises:
            OSError: If it can't be written.
        """
        if self.path is None:
            raise OSError(errno.ENOENT, "the user has no home directory; set dead_letter_file")
        row = letter.row
        record = {
            "event_id": row.event_id,
            "timestamp": row.timestamp,
            "event_type": row.event_type,
            "service": row.service,
            "reason": letter.reason,
            "sqlstate": letter.sqlstate,
            "message": letter.message,
            "library_version": letter.library_version,
            "payload": row.payload(),
        }
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = _open_locked(self.path)
        try:
            _write_line(descriptor, (json.dumps(record) + "\n").encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def wait_for_writers(path: Path) -> None:
    """Return when every writer that began before the file was moved to *path* has written its line."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        _lock(descriptor)
    finally:
        os.close(descriptor)


def remove_lines(path: Path, unwanted: Callable[[bytes], bool]) -> int:
    """Remove the lines that are *unwanted*, and return how many. A kill leaves the file as it was, or as it should be.

    Raises:
        OSError: If it can't be read or written.
    """
    descriptor = _open_locked(path)
    try:
        lines = path.read_bytes().splitlines(keepends=True)
        kept = [line for line in lines if not unwanted(line)]
        if len(kept) < len(lines):
            # As an import does it: who waits for the lock finds another file at the path, and opens that.
            fresh = path.with_name(f"{path.name}.new")
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.writelines(kept)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
        return len(lines) - len(kept)
    finally:
        os.close(descriptor)


def _open_locked(path: Path) -> int:
    """Open the file for one line; the lock ends when it is closed."""
    while True:
        # For appending, and one write a line: processes that share the file don't mix their lines.
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            _lock(descriptor)
            # An import may have moved the file between our open and our lock: it no longer waits for us.
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        except FileNotFoundError:
            pass
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    if sys.platform != "win32":
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def _write_line(descriptor: int, line: bytes) -> None:
    """Write *line* or nothing: a part of one would spoil the next one too."""
    end = os.fstat(descriptor).st_size
    if os.write(descriptor, line) < len(line):
        os.ftruncate(descriptor, end)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
