"""From rows to an answer."""

from __future__ import annotations

from bisect import bisect_right
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from adi_analytics.query.model.result import Resolved, Result, State, Warn
from adi_analytics.query.resolve.cursor import encode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adi_analytics.query.model.column import Column
    from adi_analytics.query.resolve.question import Question
    from adi_analytics.query.run.asked import Asked


def answer(asked: Asked, rows: Sequence[tuple[Any, ...]], totals: Sequence[Any] | None) -> Result:
    """Return the answer that *rows* and the row of *totals* make."""
    question, facts = asked.question, asked.question.facts
    more = question.limit is not None and len(rows) > question.limit
    kept = _plain(question, rows[: question.limit] if more else rows)
    return Result(
        columns=question.columns,
        rows=kept,
        states=_states(question, kept),
        totals=_totals(asked, totals),
        state=_state_of(question, question.period.start, question.period.end),
        query=_resolved(question),
        watermark=None if facts.watermark is None else facts.watermark.astimezone(question.zone),
        at=facts.now.astimezone(question.zone),
        next=encode(question, kept[-1]) if more else None,
        warnings=_warnings(asked),
        statement=asked.statement,
        totals_statement=asked.totals_statement,
        totals_columns=() if asked.totals is None else asked.totals.columns,
    )


def _plain(question: Question, rows: Sequence[tuple[Any, ...]]) -> tuple[tuple[Any, ...], ...]:
    """Return *rows* with each value as the type of its column. It goes by column: most have nothing to change."""
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
    for place, column in enumerate(question.columns if rows else ()):
        if column.type in _CHANGED:
            columns[place] = [_value(question, column, value) for value in columns[place]]
    return tuple(zip(*columns, strict=True))


_CHANGED: Final = frozenset({"int", "datetime"})


def _value(question: Question, column: Column, value: Any) -> Any:
    """Return *value* as the type of its column: sums of whole numbers come as decimals, times in any zone."""
    if value is None:
        return None
    if column.type == "int":
        return int(value)
    if column.type == "datetime":
        return value.astimezone(question.zone)
    return value


def _totals(asked: Asked, row: Sequence[Any] | None) -> dict[str, Any]:
    found: dict[str, Any] = {column.name: None for column in asked.question.columns if column.role in _TOTALLED}
    if asked.totals is None or row is None:
        return found if asked.totals is not None else {}
    return found | {
        column.name: _value(asked.totals, column, value)
        for column, value in zip(asked.totals.columns, row, strict=True)
    }


_TOTALLED = frozenset({"measure", "previous"})


def _states(question: Question, rows: Sequence[tuple[Any, ...]]) -> tuple[State, ...]:
    """Return the state of each row: that of its bucket."""
    if not question.by_time:
        return (_state_of(question, question.period.start, question.period.end),) * len(rows)
    begins = [(row[0], row[0].fold) for row in rows]  # the two hours of a night that has one twice are equal
    known: dict[tuple[Any, int], State] = {begin: _state(question, begin[0]) for begin in dict.fromkeys(begins)}
    return tuple(known[begin] for begin in begins)


def _state(question: Question, at: datetime) -> State:
    # The times of edges and rows are equal; bisect also finds the bucket if the server's time zones differ from ours.
    index = max(0, min(bisect_right(question.edges, at) - 1, len(question.edges) - 2))
    start, end = question.edges[index], question.edges[index + 1]
    return _state_of(question, max(start, question.period.start), min(end, question.period.end))


def _state_of(question: Question, start: datetime, end: datetime) -> State:
    """Return how far the numbers of a bucket can be trusted."""
    facts = question.facts
    if facts.incomplete_before is not None and start < facts.incomplete_before:
        return "incomplete"
    return "provisional" if end > facts.now else "final"


def _resolved(question: Question) -> Resolved:
    before = question.compared
    return Resolved(
        aggregate=question.aggregate.name,
        measures=tuple(column.name for column in question.columns if column.role == "measure"),
        dimensions=tuple(dimension.name for dimension in question.dimensions),
        filters=question.filters.given,
        start=question.period.start.astimezone(question.zone),
        end=question.period.end.astimezone(question.zone),
        granularity=question.granularity,
        time_zone=question.zone_name,
        compare=question.compare,
        compared=None
        if before is None
        else (before.start.astimezone(question.zone), before.end.astimezone(question.zone)),
        order_by=tuple(f"{'-' if sort.descending else ''}{sort.column}" for sort in question.order),
        limit=question.limit,
    )


def _warnings(asked: Asked) -> tuple[Warn, ...]:
    return (*asked.question.warnings, *asked.warnings)
