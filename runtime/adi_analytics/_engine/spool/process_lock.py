"""The lock by which a process owns its segments."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

if sys.platform != "win32":  # which has no flock; Spool() says so
    import fcntl


class ProcessLock:
    """A lock on a file that ends with the process; held by `descriptor`."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.descriptor = descriptor
        self.segments = 0

    @classmethod
    def take(cls, path: Path) -> ProcessLock | None:
        """Return the lock, or ``None`` if a living process holds it.

        Raises:
            OSError: If the file can't be opened or locked.
        """
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # Its last owner may have removed the file between our open and our lock: then the name is not locked.
                if _is_at(descriptor, path):
                    return cls(path, descriptor)
            except BlockingIOError:
                os.close(descriptor)
                return None
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)

    def release(self, *, remove: bool) -> None:
        """Give the lock up, and remove its file when nothing is left to own."""
        if remove:
            remove_quietly(self.path)
        os.close(self.descriptor)


def remove_quietly(path: Path) -> None:
    """Remove the file, if that is possible now."""
    with contextlib.suppress(OSError):  # what stays is delivered again, or tidied up, by a later process
        path.unlink()


def _is_at(descriptor: int, path: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(descriptor), path.stat())
    return False
