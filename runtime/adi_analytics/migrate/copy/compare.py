"""Finding what one side has and the other has not: buckets whose sums differ, and the rows in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from adi_analytics.migrate.copy.side import MOST_BYTES, MOST_ROWS, Entry, Key, Side, Span, Sum

SECOND: Final = 1_000_000
HOUR: Final = 3600 * SECOND
DAY: Final = 24 * HOUR
_WIDTHS: Final = (HOUR, 60 * SECOND, SECOND, 1000, 1)
_LARGEST: Final = 50_000
"""A bucket of more rows is cut further: reading it again would take long, and each part may be equal."""


class Bucket(NamedTuple):
    """A bucket and what both sides say of it."""

    span: Span
    source: Sum
    target: Sum


def buckets(source: Side, target: Side, span: Span, width: int) -> list[Bucket]:
    """Return the buckets of *width* in *span* that have rows on either side, in their order."""
    left, right = source.sums(span, width), target.sums(span, width)
    return [
        Bucket(
            Span(max(at, span.start), min(at + width, span.end)), left.get(at, Sum()), right.get(at, Sum())
        )
        for at in sorted(left.keys() | right.keys())
    ]  # fmt: skip


def differing(source: Side, target: Side, bucket: Bucket, level: int = 0) -> Iterator[Bucket]:
    """Yield the parts of *bucket* that differ, none with many rows if it can be cut."""
    if bucket.source == bucket.target:
        return
    if max(bucket.source.rows, bucket.target.rows) <= _LARGEST or level == len(_WIDTHS):
        yield bucket
        return
    for part in buckets(source, target, bucket.span, _WIDTHS[level]):
        yield from differing(source, target, part, level + 1)


def pairs(source: Side, target: Side, span: Span) -> Iterator[tuple[Entry | None, Entry | None]]:
    """Yield the rows of both sides in the order of their keys, those of one key together."""
    left, right = _entries(source, span), _entries(target, span)
    one, other = next(left, None), next(right, None)
    while one is not None or other is not None:
        if other is None or (one is not None and one.key < other.key):
            yield one, None
            one = next(left, None)
        elif one is None or other.key < one.key:
            yield None, other
            other = next(right, None)
        else:
            yield one, other
            one, other = next(left, None), next(right, None)


def _entries(side: Side, span: Span) -> Iterator[Entry]:
    after: Key | None = None
    while page := side.entries(span, after):
        yield from page
        if len(page) < MOST_ROWS:
            return
        after = page[-1].key


class Batch:
    """Keys to read at once, from the first to the last of them, with what lies between."""

    def __init__(self) -> None:
        self.keys: list[Key] = []
        self._rows = 0
        self._bytes = 0

    def passed(self, entry: Entry) -> None:
        """Know that *entry* lies between the keys."""
        if self.keys:
            self._rows += 1
            self._bytes += entry.size

    def add(self, entry: Entry) -> None:
        """Take *entry*."""
        self.keys.append(entry.key)
        self.passed(entry)

    @property
    def full(self) -> bool:
        """Whether it is to be read now."""
        return self._rows >= MOST_ROWS or self._bytes >= MOST_BYTES

    def rows(self, side: Side) -> Iterator[bytes]:
        """Yield what *side* has from the first key to the last."""
        return side.rows(self.keys[0], self.keys[-1])
