"""Events on disk: written when the server is unavailable or before each delivery, and found again by any later process.

Each process writes segment files of its own under a name of its own, and holds a lock on ``<name>.lock`` while it
lives; the operating system drops the lock with the process, however it ends. Whoever then gets the lock owns them.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import uuid_utils

from adi_analytics._engine.spool.process_lock import ProcessLock, remove_quietly
from adi_analytics._engine.spool.segment import MAGIC, SegmentContent, SegmentWriter, read_segment, size_of
from adi_analytics._shared.options import catalog_in
from adi_analytics.errors import AnalyticsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from adi_analytics._shared.options import Settings

logger = logging.getLogger("adi_analytics.spool")

_SEGMENT: Final = ".segment"
_LOCK: Final = ".lock"
_DAMAGED: Final = ".damaged"
_ORPHANED: Final = 60.0  # seconds; a younger lock may be that of a process that is just about to take it


class SpoolUnavailableError(AnalyticsError):
    """The platform or the directory can't hold a spool.

    Attributes:
        directory: The directory.
        problem: What is wrong with it.
    """

    def __init__(self, directory: str, problem: str) -> None:
        super().__init__(directory, problem)
        self.directory = directory
        self.problem = problem

    def __str__(self) -> str:
        return f"spool_dir {self.directory}: {self.problem}; events stay in memory"


class SpoolFullError(Exception):
    """The directory holds as many bytes as it may."""


@dataclass(slots=True, eq=False)
class Segment:
    """A segment that waits for delivery.

    Attributes:
        path: The file.
        count: How many rows were written to it; ``None`` for the segment of another process.
        lock: The lock of the dead process that wrote it, if it was another.
    """

    path: Path
    count: int | None
    lock: ProcessLock | None = None


class Spool:
    """The spool of one client in one process.

    Args:
        settings: The directory, the sizes, the policies, and whose rows it holds.
        mark: The kind of database that the rows are for.

    Raises:
        SpoolUnavailableError: If the directory can't be used.
    """

    def __init__(self, settings: Settings, mark: str = "") -> None:
        self._settings = settings
        self._directory = Path(settings.spool_dir)
        # The rows are for one catalog's table, in one kind of database, so other clients leave them alone.
        self._prefix = f"{catalog_in(settings).name}@{mark}"
        self._marked = bool(mark)
        self._name = f"{self._prefix}{uuid_utils.uuid7()}"
        self._number = 0
        self._live: SegmentWriter | None = None
        self._later: SegmentWriter | None = None
        self._backlog: deque[Segment] = deque()
        self._adopted: dict[Path, ProcessLock] = {}
        if sys.platform == "win32":
            raise SpoolUnavailableError(settings.spool_dir, "a spool needs flock, which this platform does not have")
        try:
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = ProcessLock.take(self._directory / (self._name + _LOCK))
        except OSError as error:
            raise SpoolUnavailableError(settings.spool_dir, error.strerror or "can't be used") from error
        if lock is None:
            raise SpoolUnavailableError(settings.spool_dir, "its files can't be locked")
        self._lock = lock

    # ---- writing ---------------------------------------------------------------------------------------------------

    def append_live(self, rows: list[bytes], edges: Sequence[int] = ()) -> None:
        """Write *rows* that are delivered from memory at once; `delivered_live` follows, or a later process.

        Raises:
            SpoolFullError: If they don't fit.
            OSError: If the disk is full or broken.
        """
        self._live = self._append(self._live, rows, edges)

    def delivered_live(self) -> None:
        """All rows given to `append_live` are settled."""
        if self._live is not None:
            self._live.clear()

    def append(self, rows: list[bytes], edges: Sequence[int] = ()) -> None:
        """Write *rows* to be read again later; before those at *edges* a batch that was sent begins or ends.

        Raises:
            SpoolFullError: If they don't fit.
            OSError: If the disk is full or broken.
        """
        if self._later is not None and self._later.size >= self._settings.spool_segment_bytes:
            self._seal()
        self._later = self._append(self._later, rows, edges)

    def _append(self, writer: SegmentWriter | None, rows: list[bytes], edges: Sequence[int]) -> SegmentWriter:
        if self.size() + (0 if writer else len(MAGIC)) + size_of(rows, edges) > self._settings.spool_max_bytes:
            raise SpoolFullError
        if writer is None:
            self._number += 1
            path = self._directory / f"{self._name}.{self._number:06}{_SEGMENT}"
            return _new_writer(path, self._settings.spool_fsync_interval, rows, edges)
        writer.append(rows, edges)
        return writer

    def size(self) -> int:
        """Return the bytes of all segments in the directory, whoever wrote them."""
        total = 0
        for path in self._directory.glob("*" + _SEGMENT):
            with contextlib.suppress(FileNotFoundError):  # its owner delivered it meanwhile
                total += path.stat().st_size
        return total

    def drop_oldest(self) -> Segment | None:
        """Remove the oldest segment that waits, to make room; ``None`` if none does.

        Raises:
            OSError: If it can't be removed; it still waits then.
        """
        if not self._backlog:
            self._seal()
        if not self._backlog:
            return None
        segment = self._backlog[0]
        self.remove(segment)
        return self._backlog.popleft()

    def _seal(self) -> None:
        writer, self._later = self._later, None
        if writer is not None:
            self._backlog.append(Segment(writer.path, writer.count))
            try:
                writer.sync()
            finally:
                writer.close()

    # ---- reading ---------------------------------------------------------------------------------------------------

    @property
    def waiting(self) -> bool:
        """Whether there is anything to read."""
        return bool(self._backlog) or self._later is not None

    def next(self) -> tuple[Segment, SegmentContent] | None:
        """Return the oldest segment that waits, and what is in it; `remove` it when its rows are settled.

        Raises:
            OSError: If it can't be read or sealed at the moment; it still waits then.
        """
        if not self._backlog:
            self._seal()
        if not self._backlog:
            return None
        segment = self._backlog.popleft()
        try:
            content = read_segment(segment.path)
        except FileNotFoundError:
            logger.error("lost the spooled events of %s: the file was removed", segment.path)  # noqa: TRY400 - no bug of ours
            return segment, SegmentContent([], damaged=False)
        except OSError:
            self.put_back(segment)
            raise
        short = segment.count is not None and len(content.rows) < segment.count
        if content.damaged or short:
            kept = segment.path.with_suffix(_DAMAGED)
            logger.error("the spool's segment %s is damaged; what can be read is delivered, a copy is kept", kept)
            with contextlib.suppress(OSError):
                os.link(segment.path, kept)
        return segment, content

    def put_back(self, segment: Segment) -> None:
        """Let *segment*, which `next` returned and which is not settled, be the next one again."""
        self._backlog.appendleft(segment)

    def remove(self, segment: Segment) -> None:
        """Delete a segment: its events are settled.

        Raises:
            OSError: If it can't be deleted; a later process delivers it again, which is harmless.
        """
        segment.path.unlink(missing_ok=True)
        lock = segment.lock
        if lock is not None:
            lock.segments -= 1
            if not lock.segments:
                del self._adopted[lock.path]
                lock.release(remove=True)

    def adopt(self) -> None:
        """Take over the segments of processes that are dead, and remove the locks of those that left none."""
        for name, paths in self._foreign():
            try:
                lock = ProcessLock.take(self._directory / (name + _LOCK))
            except OSError:
                continue
            if lock is not None:
                left = [path for path in paths if os.path.lexists(path)]
                if not left:
                    lock.release(remove=True)
                    continue
                logger.info("taking over %d segments of a process that ended", len(left))
                lock.segments = len(left)
                self._adopted[lock.path] = lock
                self._backlog.extend(Segment(path, None, lock) for path in left)

    def _foreign(self) -> Iterator[tuple[str, list[Path]]]:
        found: dict[str, list[Path]] = {}
        for path in sorted(self._files(_SEGMENT)):
            found.setdefault(path.name.partition(".")[0], []).append(path)
        for path in self._files(_LOCK):
            name = path.name.partition(".")[0]
            with contextlib.suppress(FileNotFoundError):
                if name not in found and time.time() - path.stat().st_mtime > _ORPHANED:
                    found[name] = []
        for name, paths in found.items():
            if name != self._name and self._directory / (name + _LOCK) not in self._adopted:
                yield name, paths

    def _files(self, ending: str) -> Iterator[Path]:
        """Yield the files of this catalog's clients, and those that do not say whose they are."""
        for path in self._directory.glob(f"*{ending}"):
            if self._is_ours(path.name) or ("@" not in path.name and not self._marked):
                yield path

    def _is_ours(self, name: str) -> bool:
        """Whether a file has a name as ours: behind the prefix is nothing but a UUID, no mark of another kind."""
        return name.startswith(self._prefix) and len(name.partition(".")[0]) == len(self._name)

    # ---- ending ----------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Let other processes have what is left."""
        for writer in (self._live, self._later):
            if writer is not None:
                writer.close()
                if writer.count == 0:
                    remove_quietly(writer.path)
        self._live = self._later = None
        for lock in self._adopted.values():
            lock.release(remove=False)
        own = True
        with contextlib.suppress(OSError):  # then whoever adopts what is here finds out
            own = any(self._directory.glob(f"{self._name}.*{_SEGMENT}"))
        self._lock.release(remove=not own)
        self._backlog.clear()

    def after_fork_in_child(self) -> None:
        """Close the parent's files. A lock ends when its last holder closes it, so the parent keeps its own."""
        for writer in (self._live, self._later):
            if writer is not None:
                writer.close()
        for lock in (self._lock, *self._adopted.values()):
            os.close(lock.descriptor)


def _new_writer(path: Path, fsync_interval: float, rows: list[bytes], edges: Sequence[int]) -> SegmentWriter:
    """Return the writer of a new file that holds *rows*; if the disk doesn't take them, there is no file."""
    writer = SegmentWriter(path, fsync_interval)
    try:
        writer.append(rows, edges)
    except BaseException:
        writer.discard()
        raise
    return writer
