"""The body of a request: read within limits, and decompressed within limits."""

from __future__ import annotations

import asyncio
import sys
import zlib
from collections.abc import AsyncIterable, Callable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from adi_analytics.server.problems import ProblemError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_PIECE: Final = 2**16  # bytes decompressed at a time
_FED: Final = 2**12  # bytes given at a time: at the end of a stream, the library copies what is left of them
_PIECES: Final = 4000  # so many of them are no body: 1600 hold the most bytes, but a stream may hold none
_WINDOW: Final = 23  # 8 MiB, what RFC 8878 (3.1.1.1.2) recommends to support
_GZIP: Final = 16 + zlib.MAX_WBITS
_MANY: Final = "The body has too many compressed streams, one behind the other; compress the whole body at once."
_Decompress: TypeAlias = Callable[[bytes, int], Iterator[bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a request may cost.

    Attributes:
        body_bytes: Most bytes of a body as it is sent. Defaults to 4 MiB.
        unpacked_bytes: Most bytes of a body after decompression. Defaults to 32 MiB.
        events: Most events in one request. Defaults to 10 000.
        seconds: Longest time that a client may take to send a body. Defaults to 30 s.
    """

    body_bytes: int = 4 * 2**20
    unpacked_bytes: int = 32 * 2**20
    events: int = 10_000
    seconds: float = 30.0


async def read_body(pieces: AsyncIterable[bytes], encoding: str, limits: Limits) -> bytes:
    """Return the body that comes in *pieces*, decompressed.

    Args:
        pieces: The body as the client sends it.
        encoding: The header ``Content-Encoding``.
        limits: What it may cost.

    Raises:
        ProblemError: If it is too long or too slow, or can't be decompressed.
    """
    decompress = _DECOMPRESS.get(encoding.strip().lower())
    if decompress is None:
        detail = f"Content-Encoding {encoding[:40]!r} is not understood; send gzip, zstd or none."
        raise ProblemError(415, "unsupported-encoding", detail, headers={"Accept-Encoding": "gzip, zstd"})
    try:
        async with asyncio.timeout(limits.seconds):
            packed = await _collect(pieces, limits)
    except TimeoutError:
        detail = f"The body did not arrive within {limits.seconds:g} seconds; send it faster, or fewer events."
        raise ProblemError(408, "body-too-slow", detail) from None
    return packed if decompress is _as_it_is else _unpack(packed, decompress, limits)


async def _collect(pieces: AsyncIterable[bytes], limits: Limits) -> bytes:
    collected = bytearray()
    async for piece in pieces:
        collected += piece
        if len(collected) > limits.body_bytes:
            raise _too_long("sent", limits.body_bytes)
    return bytes(collected)


def _unpack(packed: bytes, decompress: _Decompress, limits: Limits) -> bytes:
    unpacked = bytearray()
    try:
        for number, piece in enumerate(decompress(packed, _PIECE)):
            unpacked += piece
            if number >= _PIECES:
                raise ProblemError(413, "too-many-streams", _MANY)
            if len(unpacked) > limits.unpacked_bytes:
                raise _too_long("decompressed", limits.unpacked_bytes)
    except (zlib.error, zstd.ZstdError, EOFError):
        detail = "The body is not what its Content-Encoding says, or is cut off; compress the whole body."
        raise ProblemError(400, "bad-compression", detail) from None
    return bytes(unpacked)


def _too_long(how: str, limit: int) -> ProblemError:
    detail = f"The body has more than {limit} bytes {how}; send fewer events at once."
    return ProblemError(413, "body-too-long", detail, limit=limit)


def _as_it_is(packed: bytes, _size: int) -> Iterator[bytes]:
    yield packed


def _gunzip(packed: bytes, size: int) -> Iterator[bytes]:
    """Decompress one gzip stream or several, one behind the other (RFC 1952, 2.2)."""
    view, at = memoryview(packed), 0
    while at < len(view):
        stream = zlib.decompressobj(_GZIP)
        while not stream.eof:
            part = view[at : at + _FED]
            piece = stream.decompress(part, size)
            at += len(part) - len(stream.unused_data if stream.eof else stream.unconsumed_tail)
            if not piece and not part and not stream.eof:
                raise EOFError
            yield piece


def _unzstd(packed: bytes, size: int) -> Iterator[bytes]:
    """Decompress one Zstandard frame or several, one behind the other (RFC 8878, 3.1)."""
    view, at = memoryview(packed), 0
    while at < len(view):
        frame = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _WINDOW})
        while not frame.eof:
            part = view[at : at + _FED] if frame.needs_input else view[:0]
            if frame.needs_input and not part:
                raise EOFError
            at += len(part)
            yield frame.decompress(part, size)
        at -= len(frame.unused_data)


_DECOMPRESS: Final[dict[str, _Decompress]] = {
    "": _as_it_is,
    "identity": _as_it_is,
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "zstd": _unzstd,
}
