"""What questions about people must answer, in plain Python: it tries everything, and shares no code with the SQL."""

from __future__ import annotations

import itertools
import json
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from adi_analytics_codegen.model.questions.aggregates import USER_ID, Condition
from adi_analytics_codegen.model.questions.people import Funnel, Mode, On, Order
from support.aggregates.oracle import TESTS, start_of

if TYPE_CHECKING:
    from adi_analytics_codegen.model.questions.people import Entity, Members, Question, Retention, Selection
    from support.aggregates.oracle import Row

Answer = list[tuple[Any, ...]]


def bucket(question: Question, at: datetime) -> datetime:
    return start_of(question, at)


def shifted(question: Question, at: datetime, buckets: int) -> datetime:
    """Return the start of the bucket that comes so many *buckets* after the one that starts at *at*."""
    if question.calendar is None:
        return at + buckets * question.bucket_width
    for _ in range(abs(buckets)):  # from the middle of the next one, or of the one before
        step = question.bucket_width * (1.5 if buckets > 0 else -0.5)
        at = bucket(question, at + step)
    return at


def streams(entity: Entity, rows: list[Row]) -> dict[Any, list[Row]]:
    """Return the rows of each member, in order."""
    found: defaultdict[Any, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: (row.timestamp, row.event_id)):
        member = row.user_id if entity.of == USER_ID else row.fields().get(entity.of)
        if member is not None:
            found[member].append(row)
    return found


def selects(selection: Selection, row: Row) -> bool:
    return any(_selects(one, row) for one in selection.each)


def _selects(selection: Selection, row: Row) -> bool:
    if selection.event is not None and selection.event != row.event_type:
        return False
    data = json.loads(row.data)
    tests = [test for test in selection.where if isinstance(test, Condition)]
    assert len(tests) == len(selection.where)
    return all(test.field in data and TESTS[test.op](data[test.field], test.value) for test in tests)


def members(question: Members, rows: list[Row]) -> tuple[Answer, Answer]:
    """Return the counts by bucket, and the members."""
    each = streams(question.entity, rows)
    listed = [(member, own[0].timestamp, own[-1].timestamp) for member, own in each.items()]
    firsts = Counter(bucket(question, first) for _, first, _ in listed)
    current = Counter(at for own in each.values() for at in {bucket(question, row.timestamp) for row in own})
    counts = [
        (at, count, firsts[at], count - firsts[at], sum(new for day, new in firsts.items() if day <= at))
        for at, count in current.items()
    ]
    return counts, listed


def retention(question: Retention, rows: list[Row], now: datetime) -> Answer:
    sizes: Counter[datetime] = Counter()
    returned: Counter[tuple[datetime, int]] = Counter()
    for own in streams(question.entity, rows).values():
        starts = sorted({bucket(question, row.timestamp) for row in own if selects(question.start, row)})
        back = {bucket(question, row.timestamp) for row in own if selects(question.returns, row)}
        for start in starts[:1] if question.mode is Mode.FIRST_TIME else starts:
            sizes[start] += 1
            for period in range(question.periods + 1):
                later = range(period, question.periods + 1) if question.on is On.ON_OR_AFTER else [period]
                returned[start, period] += any(shifted(question, start, one) in back for one in later)
    answer = []
    for start, size in sizes.items():
        for period in range(question.periods + 1):
            last = question.periods if question.on is On.ON_OR_AFTER else period
            if shifted(question, start, period) <= now:
                count = returned[start, period]
                complete = shifted(question, start, last + 1) <= now
                answer.append((start, period, size, count, count / size, complete))
    return answer


def mean(cells: Answer) -> Answer:
    """Return the weighted means of the complete *cells* of a retention."""
    answer = []
    for period in {cell[1] for cell in cells if cell[5]}:
        own = [cell for cell in cells if cell[1] == period and cell[5]]
        size, count = sum(cell[2] for cell in own), sum(cell[3] for cell in own)
        answer.append((period, len(own), size, count, count / size))
    return answer


def lifecycle(question: Retention, rows: list[Row], now: datetime) -> Answer:
    counts: defaultdict[datetime, Counter[str]] = defaultdict(Counter)
    for own in streams(question.entity, rows).values():
        visits = {bucket(question, row.timestamp) for row in own if selects(question.returns, row)}
        for at in visits:
            if not any(other < at for other in visits):
                counts[at]["new"] += 1
            else:
                counts[at]["returning" if shifted(question, at, -1) in visits else "resurrected"] += 1
            following = shifted(question, at, 1)
            if following not in visits and following <= now:
                counts[following]["dormant"] += 1
    kinds = ("new", "returning", "resurrected", "dormant")
    return [
        (at, *(own[kind] for kind in kinds), shifted(question, at, 1) <= now) for at, own in counts.items() if at <= now
    ]


@dataclass(frozen=True)
class Attempt:
    """How soon one member got to each step, in one bucket."""

    at: datetime
    value: Any
    took: tuple[timedelta | None, ...]


def funnel(question: Funnel, rows: list[Row], now: datetime) -> tuple[Answer, Answer]:
    """Return the totals, and the steps."""
    groups: defaultdict[tuple[Any, ...], list[Attempt]] = defaultdict(list)
    for own in streams(question.entity, rows).values():
        best: dict[tuple[Any, ...], list[timedelta | None]] = {}
        for attempt in _attempts(question, own):
            key = (attempt.at, attempt.value) if question.dimension else (attempt.at,)
            before = best.setdefault(key, [None] * len(question.steps))
            best[key] = [
                min((t for t in pair if t is not None), default=None) for pair in zip(before, attempt.took, strict=True)
            ]
        for key, took in best.items():
            groups[key].append(Attempt(key[0], key[-1], tuple(took)))
    totals, steps = [], []
    for key, found in groups.items():
        provisional = shifted(question, key[0], 1) + question.within > now
        reached = [[a.took[n] for a in found if a.took[n] is not None] for n in range(len(question.steps))]
        counts = [len(one) for one in reached]
        totals.append((*key, counts[0], counts[-1], counts[-1] / counts[0], *_percentiles(reached[-1]), provisional))
        for n, step in enumerate(question.steps):
            name = None if question.order is Order.ANY else step.name
            share = None if n == 0 or not counts[n - 1] else counts[n] / counts[n - 1]
            times = (None, None) if n == 0 else _percentiles(reached[n])
            steps.append((*key, n + 1, name, counts[n], counts[n] / counts[0], share, *times, provisional))
    return totals, steps


def _percentiles(took: list[Any]) -> tuple[float | None, float | None]:
    seconds = sorted(one.total_seconds() for one in took)
    if len(seconds) < 2:
        return (seconds[0], seconds[0]) if seconds else (None, None)
    return statistics.median(seconds), statistics.quantiles(seconds, n=10, method="inclusive")[8]


def _attempts(question: Funnel, own: list[Row]) -> Iterator[Attempt]:
    ended = [any(selects(one, row) for one in question.exclude) for row in own]
    marks = [
        set() if end else {n for n, step in enumerate(question.steps) if selects(step.selection, row)}
        for row, end in zip(own, ended, strict=True)
    ]
    for begin, mark in enumerate(marks):
        if not mark or (question.order is not Order.ANY and 0 not in mark):
            continue
        until = next((i for i in range(begin + 1, len(own)) if ended[i]), len(own))
        took: list[timedelta | None] = []
        for size in range(1, len(question.steps) + 1):
            ways = _ways(question, marks, begin, until, size)
            times = [own[max(way)].timestamp - own[begin].timestamp for way in ways]
            took.append(min((t for t in times if t <= question.within), default=None))
        value = None
        if question.dimension:
            value = json.loads(own[begin].data).get(question.dimension.of)
        yield Attempt(bucket(question, own[begin].timestamp), value, tuple(took))


def _ways(question: Funnel, marks: list[set[int]], begin: int, until: int, size: int) -> Iterator[tuple[int, ...]]:
    """Yield every way to do *size* steps by rows from *begin* on, which is one of them."""
    for rest in itertools.combinations(range(begin + 1, until), size - 1):
        way = (begin, *rest)
        if question.order is Order.ANY:
            if any(
                all(s in marks[i] for i, s in zip(way, p, strict=True))
                for p in itertools.permutations(range(len(question.steps)), size)
            ):
                yield way
        elif all(n in marks[i] for n, i in enumerate(way)) and (
            question.order is Order.ORDERED or way == tuple(range(begin, begin + size))
        ):
            yield way
