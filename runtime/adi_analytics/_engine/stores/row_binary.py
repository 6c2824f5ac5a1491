"""Rows as ClickHouse's RowBinary, made of the rows that are encoded for a binary COPY.

A row stays what it is until it is sent, so the spool and dead letters know one kind of row. The format:
https://clickhouse.com/docs/interfaces/formats/RowBinaryWithNamesAndTypes
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from adi_analytics._engine.rows.row import EPOCH_2000, copy_row
from adi_analytics._engine.stores.clickhouse_faults import UnstorableRowError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Newer servers store others, too; older ones take them for the nearest, without a word.
FIRST: Final = -2_208_988_800_000_000  # microseconds from 1970 to 1900, where DateTime64 begins
LAST: Final = 10_413_791_999_999_999  # the last microsecond of 2299
OUTSIDE: Final = "the timestamp is outside of the years 1900 to 2299"

_MOMENT_FROM: Final = struct.Struct("!q").unpack_from
_LENGTH_FROM: Final = struct.Struct("!i").unpack_from
_MOMENT: Final = struct.Struct("<q").pack
_MICROS_FROM: Final = struct.Struct("<q").unpack_from
_MOMENT_COPIED: Final = struct.Struct("!q").pack
_NULL: Final = b"\1"
_GIVEN: Final = b"\0"
_SMALL: Final = [bytes((number,)) for number in range(128)]


def varint(number: int) -> bytes:
    """Return *number* as a LEB128."""
    if number < len(_SMALL):
        return _SMALL[number]
    parts = bytearray()
    while number >= len(_SMALL):
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)


def text(value: bytes) -> bytes:
    """Return a String."""
    return varint(len(value)) + value


def uuid(value: bytes) -> bytes:
    """Return a UUID, whose halves are sent with their last byte first."""
    return value[7::-1] + value[:7:-1]


def moment(micros: int) -> bytes:
    """Return a DateTime64(6), given microseconds since 1970."""
    return _MOMENT(micros)


def nullable(value: bytes | None) -> bytes:
    """Return an encoded value, or ``None``, of a Nullable."""
    return _NULL if value is None else _GIVEN + value


def header(types: Mapping[str, str]) -> bytes:
    """Return what comes before the rows: names and types of the columns, which the server compares with its own."""
    names = b"".join(text(name.encode()) for name in types)
    return varint(len(types)) + names + b"".join(text(kind.encode()) for kind in types.values())


def from_copy(row: bytes, *, text_ids: bool, first: int = FIRST, last: int = LAST) -> bytes:
    """Return *row*, as a binary COPY takes it, as RowBinary.

    Written out, without a call for each column: it is done for each row.

    Args:
        row: The row.
        text_ids: Whether ``user_id`` is a text.
        first: The first moment that the server stores.
        last: The last one.

    Raises:
        UnstorableRowError: If ClickHouse can't store it.
    """
    micros = _MOMENT_FROM(row, 6)[0] + EPOCH_2000
    if not first <= micros <= last:
        raise UnstorableRowError(OUTSIDE)
    (kind,) = _LENGTH_FROM(row, 14)
    at = 18 + kind
    (service,) = _LENGTH_FROM(row, at)
    user_at = at + 8 + service
    (user,) = _LENGTH_FROM(row, user_at - 4)
    data_at = user_at + max(user, 0) + 5  # behind the version of the jsonb
    data = _LENGTH_FROM(row, data_at - 5)[0] - 1
    id_at = data_at + data + 4
    event_id = row[id_at : id_at + 16]
    meta = row[id_at + 21 :]
    return b"".join((
        _MOMENT(micros),
        varint(kind),
        row[18:at],
        varint(service),
        row[at + 4 : user_at - 4],
        _NULL if user < 0 else _GIVEN,
        b"" if user < 0 else text(row[user_at : user_at + user]) if text_ids else uuid(row[user_at : user_at + 16]),
        varint(data),
        row[data_at : data_at + data],
        event_id[7::-1],
        event_id[:7:-1],
        varint(len(meta)),
        meta,
    ))  # fmt: skip


def to_copy(block: bytes, *, text_ids: bool) -> Iterator[bytes]:
    """Yield the rows of *block* as a binary COPY takes them.

    Args:
        block: RowBinary with the columns of a row in their order, the timestamp as an Int64 of microseconds.
        text_ids: Whether ``user_id`` is a text.
    """
    at, end = 0, len(block)
    while at < end:
        micros = _MICROS_FROM(block, at)[0] - EPOCH_2000
        kind, at = _text_at(block, at + 8)
        service, at = _text_at(block, at)
        user: bytes | None = None
        given, at = block[at] == _GIVEN[0], at + 1
        if given and text_ids:
            user, at = _text_at(block, at)
        elif given:
            user, at = uuid(block[at : at + 16]), at + 16
        data, at = _text_at(block, at)
        event_id, at = uuid(block[at : at + 16]), at + 16
        meta, at = _text_at(block, at)
        yield copy_row((_MOMENT_COPIED(micros), kind, service, user, b"\1" + data, event_id, b"\1" + meta))


def _text_at(block: bytes, at: int) -> tuple[bytes, int]:
    """Return the String at a place, and the place behind it."""
    length = block[at]
    at += 1
    if length >= len(_SMALL):
        length &= 0x7F
        shift = 7
        while block[at] & 0x80:
            length |= (block[at] & 0x7F) << shift
            shift, at = shift + 7, at + 1
        length |= block[at] << shift
        at += 1
    return block[at : at + length], at + length
