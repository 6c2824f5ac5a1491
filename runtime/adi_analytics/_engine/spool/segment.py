"""One file of the spool: rows with their lengths and checksums.

A segment starts with `MAGIC`. Each record is the length and the CRC-32 of a row, 4 bytes each, and the row as it goes
into a binary COPY. So a segment can be delivered by any process without knowing the events in it. Where a database
knows batches that it is sent again, a record of the bytes `EDGE` is before and behind the rows of each that was sent.
"""

from __future__ import annotations

import contextlib
import os
import struct
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from zlib import crc32

from adi_analytics._engine.spool.process_lock import remove_quietly

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MAGIC: Final = b"ADISPL01"
ROW_START: Final = b"\x00\x07\x00\x00\x00\x08"
"""What every row starts with: seven columns, the first of eight bytes."""

EDGE: Final = b"ADIBATCH"

_RECORD: Final = struct.Struct("!II")


def sync_directory(path: Path) -> None:
    """Make the names in the directory survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def size_of(rows: list[bytes], edges: Sequence[int] = ()) -> int:
    """Return the bytes that *rows*, with the *edges* of batches, take in a segment."""
    return sum(map(len, rows)) + len(rows) * _RECORD.size + len(edges) * (len(EDGE) + _RECORD.size)


class SegmentWriter:
    """Appends rows to a new file.

    Args:
        path: The file, which must not exist.
        fsync_interval: Seconds between two fsyncs; 0 for one after each append.
    """

    def __init__(self, path: Path, fsync_interval: float) -> None:
        self.path = path
        self.count = 0
        self.size = len(MAGIC)
        self._interval = fsync_interval
        self._synced_at = time.monotonic()
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            _write(self._descriptor, MAGIC)
            os.fsync(self._descriptor)
            sync_directory(path.parent)
        except BaseException:
            self.discard()
            raise

    def append(self, rows: list[bytes], edges: Sequence[int] = ()) -> None:
        """Write *rows*, all or none; before those at *edges* a batch begins or ends.

        Raises:
            OSError: If the disk is full or broken; the file is then as before.
        """
        records = _with_edges(rows, edges) if edges else rows
        data = b"".join(part for record in records for part in (_RECORD.pack(len(record), crc32(record)), record))
        try:
            _write(self._descriptor, data)
            if time.monotonic() - self._synced_at >= self._interval:
                self.sync()
        except OSError:
            self._cut(self.size)
            raise
        self.size += len(data)
        self.count += len(rows)

    def sync(self) -> None:
        """Wait until what was written is on disk."""
        os.fsync(self._descriptor)
        self._synced_at = time.monotonic()

    def clear(self) -> None:
        """Forget the rows: all are delivered."""
        self._cut(len(MAGIC))
        self.size, self.count = len(MAGIC), 0

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def discard(self) -> None:
        """Close the file and remove it: it holds nothing."""
        with contextlib.suppress(OSError):
            self.close()
        remove_quietly(self.path)

    def _cut(self, size: int) -> None:
        with contextlib.suppress(OSError):  # a torn tail is left out when the file is read
            os.ftruncate(self._descriptor, size)
            os.lseek(self._descriptor, size, os.SEEK_SET)


def _with_edges(rows: list[bytes], edges: Sequence[int]) -> list[bytes]:
    records = list(rows)
    for at in sorted(edges, reverse=True):
        records.insert(at, EDGE)
    return records


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


@dataclass(frozen=True, slots=True)
class SegmentContent:
    """What could be read of a segment.

    Attributes:
        rows: The rows whose checksums are right.
        damaged: Whether anything else than an unfinished last record was found.
        edges: The rows before which a batch begins or ends.
    """

    rows: list[bytes]
    damaged: bool
    edges: tuple[int, ...] = ()


def read_segment(path: Path) -> SegmentContent:
    """Read the rows of the segment at *path*.

    An unfinished record at the end is what a killed process leaves; its events were never said to be safe.

    Raises:
        OSError: If the file can't be read.
    """
    data = path.read_bytes()
    if not data.startswith(MAGIC):
        return SegmentContent([], damaged=not MAGIC.startswith(data))
    rows, at, damaged, edges = list[bytes](), len(MAGIC), False, list[int]()
    while at < len(data) and not _only_zeros(data, at):
        row = _row_at(data, at)
        if row is None:
            found = _next_record(data, at)
            damaged = damaged or found is not None or _is_whole(data, at)
            if found is None:
                break
            at, row = found
        if row == EDGE:
            edges.append(len(rows))
        else:
            rows.append(row)
        at += _RECORD.size + len(row)
    return SegmentContent(rows, damaged, tuple(edges))


def _row_at(data: bytes, at: int) -> bytes | None:
    """Return the row of the record at *at*, if there is an intact one."""
    if at + _RECORD.size > len(data):
        return None
    length, checksum = _RECORD.unpack_from(data, at)
    row = data[at + _RECORD.size : at + _RECORD.size + length]
    return row if row and len(row) == length and crc32(row) == checksum else None


def _only_zeros(data: bytes, at: int) -> bool:
    """Whether nothing was written at *at* and behind it, though the file is longer, as after a power cut."""
    return not data[at] and not any(data[at : at + _RECORD.size]) and not data[at:].strip(b"\0")


def _is_whole(data: bytes, at: int) -> bool:
    return at + _RECORD.size <= len(data) and at + _RECORD.size + _RECORD.unpack_from(data, at)[0] <= len(data)


def _next_record(data: bytes, at: int) -> tuple[int, bytes] | None:
    """Return the first intact record behind *at*: the length that leads to the next one may be what is damaged."""
    row_at = data.find(ROW_START, at + _RECORD.size + 1)
    while row_at >= 0:
        row = _row_at(data, row_at - _RECORD.size)
        if row is not None:
            return row_at - _RECORD.size, row
        row_at = data.find(ROW_START, row_at + 1)
    return None
