"""A copy between two sides that are open: window by window, until both have the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final
from uuid import UUID

from adi_analytics._shared.moments import micros_of
from adi_analytics.migrate.copy.compare import DAY, HOUR, SECOND, Batch, Bucket, buckets, differing, pairs
from adi_analytics.migrate.copy.documents import is_same, key_of, meanings
from adi_analytics.migrate.copy.result import CopyOptions, CopyResult, DifferingDay, RefusedEvent
from adi_analytics.migrate.copy.side import (
    CLICKHOUSE,
    END,
    FIRST,
    MOST_BYTES,
    MOST_ROWS,
    Key,
    Side,
    Span,
    moment,
)

if TYPE_CHECKING:
    from adi_analytics.migrate.options import Progress

_WINDOW: Final = 28 * DAY
_MOVING: Final = 300 * SECOND
"""Around now, writers may be at work: events come late by so much, and clocks differ by so much."""
_ROUNDS: Final = 5
_SHOWN: Final = 20


class Run:
    """One copy between two sides that are open."""

    def __init__(self, source: Side, target: Side, how: CopyOptions, progress: Progress) -> None:
        self._source, self._target = source, target
        self._how = how
        self._progress = progress
        self._waiting: list[bytes] = []
        self._bytes = 0
        self._taken = 0
        self._stored = 0
        self._refused: list[RefusedEvent] = []
        self._refusals = 0
        self._result = CopyResult(source.name, target.name, how.verify_only)

    def run(self) -> CopyResult:
        """Copy and compare."""
        how, result = self._how, self._result
        whole = Span(
            FIRST if how.since is None else micros_of(how.since), END if how.until is None else micros_of(how.until)
        )
        present = min(self._source.now(), self._target.now())
        moving = Span(max(present - _MOVING, whole.start), min(present + 2 * _MOVING, whole.end))
        result.outside = self._source.outside() if whole == Span(FIRST, END) else 0
        if moving.start >= moving.end:
            self._compared(whole)
            return result
        result.settled = moment(moving.start)
        self._compared(Span(whole.start, moving.start))
        self._compared(Span(moving.end, whole.end))
        if not how.verify_only:
            self._round(moving)
        result.moving += sum(bucket.rows for bucket in self._source.sums(moving, HOUR).values())
        return result

    def _compared(self, span: Span) -> None:
        """Copy and compare *span* in windows, from the oldest event on."""
        while span.start < span.end:
            found = [at for side in (self._source, self._target) if (at := side.first(span)) is not None]
            if not found:
                return
            begin = min(found) // _WINDOW * _WINDOW
            window = Span(max(begin, span.start), min(begin + _WINDOW, span.end))
            self._progress.step(f"{moment(window.start):%Y-%m-%d}: comparing")
            self._window(window)
            span = Span(window.end, span.end)

    def _window(self, window: Span) -> None:
        # What arrives meanwhile makes another round; the last one copies nothing, or there is no end of it.
        days = self._round(window)
        for _ in range(_ROUNDS - 1):
            if not self._taken:
                break
            days = self._round(window)
        result = self._result
        if self._stored:  # events of these days still arrive; the next copy has those that came since
            result.moving += self._taken
            for _, day in days:
                day.missing = 0
        for bucket, day in days:
            result.rows += bucket.source.rows
            if self._how.compare_documents:
                self._documents(bucket, day)
            if _differs(day):
                result.days.append(day)
            else:
                result.equal += 1
        result.refused += self._refusals
        result.examples += self._refused[: _SHOWN - len(result.examples)]

    def _round(self, window: Span) -> list[tuple[Bucket, DifferingDay]]:
        """Compare the days of *window* once, and write what is missing."""
        self._taken, self._stored, self._refusals, self._refused = 0, 0, 0, []
        days = []
        found = buckets(self._source, self._target, window, DAY)
        for number, bucket in enumerate(found):
            self._progress.advance(f"{moment(window.start):%Y-%m-%d}", number, len(found))
            day = DifferingDay(moment(bucket.span.start), bucket.source.rows, bucket.target.rows)
            for part in differing(self._source, self._target, bucket):
                self._mend(part, day)
            days.append((bucket, day))
        self._flush()
        return days

    def _mend(self, part: Bucket, day: DifferingDay) -> None:
        if not part.source.rows:
            day.extra += part.target.rows
            return
        if self._how.verify_only and not part.target.rows:
            day.missing += part.source.rows
            return
        batch = Batch()
        for one, other in pairs(self._source, self._target, part.span):
            if one is None:
                day.extra += 1
            elif other is None:
                day.missing += 1
                batch.add(one)
            else:
                day.changed += one.digest != other.digest
                batch.passed(one)
            if batch.full:
                self._fetch(batch)
                batch = Batch()
        self._fetch(batch)

    def _fetch(self, batch: Batch) -> None:
        if self._how.verify_only or not batch.keys:
            return
        wanted = set(batch.keys)
        for row in batch.rows(self._source):
            if key_of(row) in wanted:
                self._waiting.append(row)
                self._bytes += len(row)
                if len(self._waiting) >= MOST_ROWS or self._bytes >= MOST_BYTES:
                    self._flush()

    def _flush(self) -> None:
        if not self._waiting:
            return
        written = self._target.write(self._waiting)
        # Those that another copy stored meanwhile are taken, too: what was found of them holds no more.
        self._taken += len(self._waiting) - len(written.refused)
        self._waiting, self._bytes = [], 0
        result = self._result
        result.copied += written.stored
        self._stored += written.stored
        self._refusals += len(written.refused)
        self._refused += [RefusedEvent(UUID(bytes=event_id), reason) for event_id, reason in written.refused[:_SHOWN]]
        result.replaced += len(written.replaced)
        shown = _SHOWN - len(result.replaced_ids)
        result.replaced_ids += [UUID(bytes=event_id) for event_id in written.replaced[:shown]]

    def _documents(self, bucket: Bucket, day: DifferingDay) -> None:
        """Compare the documents of the rows that both sides have."""
        batch = Batch()
        for one, other in pairs(self._source, self._target, bucket.span):
            if one is not None and other is not None:
                batch.add(one if one.size >= other.size else other)
            if batch.full:
                self._read(batch, day)
                batch = Batch()
        self._read(batch, day)

    def _read(self, batch: Batch, day: DifferingDay) -> None:
        if not batch.keys:
            return
        wanted = set(batch.keys)
        left = _documents_of(batch.rows(self._source), self._source, wanted)
        right = _documents_of(batch.rows(self._target), self._target, wanted)
        shown = self._result.changed_documents
        for key in batch.keys:
            if not is_same(left.get(key), right.get(key)):
                day.documents += 1
                if len(shown) < _SHOWN:
                    shown.append(UUID(bytes=key[1]))


def _documents_of(rows: Iterator[bytes], side: Side, wanted: set[Key]) -> dict[Key, list[frozenset[str | bytes]]]:
    here = side.name == CLICKHOUSE
    return {key: meanings(row, on_clickhouse=here) for row in rows if (key := key_of(row)) in wanted}


def _differs(day: DifferingDay) -> bool:
    return bool(day.missing or day.changed or day.extra or day.documents)
