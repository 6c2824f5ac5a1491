"""From arguments to a question: defaults filled in, everything checked before the database is asked for rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from adi_analytics.query.model.column import Column
from adi_analytics.query.model.describe import unknown
from adi_analytics.query.model.errors import MeasureRefusedError, QueryArgumentError
from adi_analytics.query.model.result import Warn
from adi_analytics.query.resolve import cursor as cursors
from adi_analytics.query.resolve.compare import compared, shift_of
from adi_analytics.query.resolve.filters import filters_of
from adi_analytics.query.resolve.grid import grid_of
from adi_analytics.query.resolve.measures import (
    ASK_PERSONAL,
    PERSONAL,
    Situation,
    choose,
    closure,
    distinct_of,
    require_public,
)
from adi_analytics.query.resolve.question import Question, Sort
from adi_analytics.query.resolve.times import Period, edges, granularity_of, period_of
from adi_analytics.query.resolve.zones import zone_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from adi_analytics.query.model.describe import Aggregate, Dimension, Measure
    from adi_analytics.query.model.facts import Facts
    from adi_analytics.query.resolve.grid import Grid
    from adi_analytics.query.resolve.measures import Chosen
    from adi_analytics.query.resolve.question import Arguments


def resolve(aggregate: Aggregate, asked: Arguments, facts: Facts) -> Question:
    """Return the question that *asked* means.

    Raises:
        QueryArgumentError: If an argument is wrong.
        MeasureRefusedError: If a measure that was named has no right value.
    """
    grid = grid_of(aggregate.bucket)
    granularity, zone_name = granularity_of(asked.granularity), asked.time_zone or grid.zone_name
    zone = zone_of(zone_name)
    filters = filters_of(asked.filters, aggregate)
    dimensions = tuple(_dimensions(aggregate, asked))
    place = cursors.decode(asked.after) if asked.after is not None else None
    period, widened = _period(asked, place, zone, facts, grid)
    if granularity == "bucket" and grid.unit is not None:
        granularity, zone, zone_name = grid.unit, grid.zone, grid.zone_name
    starts = edges(period, granularity, zone, grid)
    shift = shift_of(asked.compare, period, granularity, zone, grid) if asked.compare is not None else None
    before = compared(period, starts, shift, zone, grid) if shift is not None else None
    question = Question(
        aggregate=aggregate, facts=facts, period=period, edges=starts, granularity=granularity, zone=zone,
        zone_name=zone_name, dimensions=dimensions, filters=filters, chosen=(), names=(), public=False,
        compare=asked.compare, shift=shift, compared=before, columns=(), order=(), limit=limit_of(asked.limit),
        after=None, fill=asked.fill, suppress_below=limit_of(asked.suppress_below, "suppress_below"), key="",
        distinct=distinct_of(asked.distinct),
        warnings=tuple(_range_warnings(period, starts, before, facts, widened=widened)),
    )  # fmt: skip
    question = _with_measures(question, asked)
    if not question.columns:
        why = next((warn.message for warn in question.warnings if warn.code == "left-out"), "none is named")
        problem = f"the answer has no bucket, no dimension and no measure: {why}"
        raise QueryArgumentError("measures", problem, "Name a measure or a dimension, or another granularity.")
    order = _order(question, asked.order_by)
    key = cursors.key_of(
        [aggregate.name, aggregate.version, [c.name for c in question.columns], filters.given, granularity,
         zone_name, asked.compare, [(sort.column, sort.descending) for sort in order], asked.fill,
         asked.suppress_below]
    )  # fmt: skip
    if place is not None:
        by_name = {column.name: column for column in question.columns}
        cursors.require_same(place, key, [by_name[sort.column] for sort in order])
    return replace(question, order=order, key=key, after=None if place is None else place.values)


def totals_of(question: Question) -> tuple[Question, list[Warn]]:
    """Return the question for the totals, and a warning for each measure that has none."""
    single = _situation(question, (), [question.period.start, question.period.end], question.shown)
    chosen, warnings = _choose([entry.measure for entry in question.shown], single, strict=False)
    warnings = [Warn("no-total", f"There is no total of {warn.message}") for warn in warnings]
    made = replace(
        question, granularity="total", dimensions=(), edges=[question.period.start, question.period.end],
        chosen=tuple(chosen), public=single.public, order=(), limit=None, after=None, fill=False,
    )  # fmt: skip
    return replace(made, columns=tuple(_columns(made))), warnings


def _period(asked: Arguments, place: cursors.Cursor | None, zone: Any, facts: Facts, grid: Grid) -> tuple[Period, bool]:
    if place is not None and (asked.between is None or isinstance(asked.between, timedelta)):
        return place.period, False
    period, widened = period_of(asked.between, zone, facts.now, grid)
    if place is not None and place.period != period:
        raise QueryArgumentError("after", "it is a place in the answer about another range", "Ask for the same range.")
    return period, widened


def _dimensions(aggregate: Aggregate, asked: Arguments) -> Iterable[Dimension]:
    for name in _names("dimensions", asked.dimensions):
        found = aggregate.dimension(name)
        if found.sensitivity in PERSONAL and not asked.personal:
            raise QueryArgumentError(
                "dimensions",
                f"{name} shows values of a {found.sensitivity} field",
                ASK_PERSONAL,
            )
        yield found


def _names(parameter: str, given: Any) -> list[str]:
    """Return names that were given as one, as several, or not at all."""
    listed = [given] if isinstance(given, str) else list(given or ())
    if wrong := [name for name in listed if not isinstance(name, str)]:
        raise QueryArgumentError(parameter, f"{type(wrong[0]).__name__} is no name", "Expected a list of names.")
    return list(dict.fromkeys(listed))


def limit_of(given: int | None, parameter: str = "limit") -> int | None:
    """Return *given* if it is a number of things.

    Raises:
        QueryArgumentError: If it is none.
    """
    if given is not None and (isinstance(given, bool) or not isinstance(given, int) or given < 1):
        raise QueryArgumentError(parameter, f"{given!r} is none", "Expected a whole number from 1 on.")
    return given


def _with_measures(question: Question, asked: Arguments) -> Question:
    """Return *question* with its measures: those named, or all that have a right value."""
    aggregate = question.aggregate
    if asked.measures is None:
        names = [measure.name for measure in aggregate.measures]
    else:
        names = _names("measures", asked.measures)
    wanted = [aggregate.measure(name) for name in names]
    warnings: list[Warn] = []
    allowed: list[Measure] = []
    for measure in wanted:
        try:
            require_public(measure, asked.personal)
            allowed.append(measure)
        except MeasureRefusedError as error:
            if asked.measures is not None:
                raise
            warnings.append(Warn("left-out", f"{error}"))
    there = _situation(question, question.dimensions, question.edges, allowed)
    chosen, refused = _choose(allowed, there, strict=asked.measures is not None)
    warnings += [Warn("left-out", warn.message) for warn in refused]
    if there.former:
        warnings.append(Warn("former-version", "Some buckets were computed by an earlier version of the aggregate."))
    made = replace(
        question,
        chosen=tuple(chosen),
        names=tuple(names),
        public=there.public,
        warnings=(*question.warnings, *warnings),
    )
    return replace(made, columns=tuple(_columns(made)))


def _situation(
    question: Question, dimensions: Sequence[Dimension], starts: Sequence[datetime], measures: Iterable[Any]
) -> Situation:
    aggregate, facts, before = question.aggregate, question.facts, question.compared
    asked = {dimension.name for dimension in dimensions} | question.filters.pinned
    wanting = tuple(dimension.name for dimension in aggregate.dimensions if dimension.name not in asked)
    grid = grid_of(aggregate.bucket)
    whole = all(grid.floor(start) == start and grid.next(start) == end for start, end in pairwise(starts))
    single = not wanting and whole and (before is None or _alike(question.period, before, grid, len(starts) - 1))
    first = question.period.start if before is None else min(before.start, question.period.start)
    former = facts.history_before is not None and first < facts.history_before
    names = [getattr(measure, "measure", measure).name for measure in measures]
    trailing = any(measure.trailing is not None for measure in closure(names, aggregate))
    public = former or (single and trailing)
    return Situation(aggregate, facts, single, wanting, former, public, question.distinct)


def _alike(period: Period, before: Period, grid: Grid, buckets: int) -> bool:
    """Return whether each bucket of *period* meets one of *before*. Those of a calendar need not be equally long."""
    if grid.unit is None:
        return before.end - before.start == period.end - period.start
    return buckets > 1 or grid.next(before.start) == before.end


def _choose(measures: Sequence[Measure], there: Situation, *, strict: bool) -> tuple[list[Chosen], list[Warn]]:
    chosen: dict[str, Chosen] = {}
    warnings = []
    for measure in measures:
        try:
            found = list(choose(measure, there))
        except MeasureRefusedError as error:
            if strict:
                raise
            warnings.append(Warn("refused", str(error)))
            continue
        for entry in found:
            former = chosen.pop(entry.measure.name, None)
            shown = entry.shown or (former is not None and former.shown)
            chosen[entry.measure.name] = replace(entry, shown=shown)
    return sorted(chosen.values(), key=lambda entry: entry.how == "ratio"), warnings


def _columns(question: Question) -> Iterable[Column]:
    aggregate = question.aggregate
    if question.by_time:
        yield Column(aggregate.bucket.column, "datetime", "bucket", description=_time_text(question))
    for dimension in question.dimensions:
        text = aggregate.text(dimension.name)
        yield Column(dimension.name, dimension.type, "dimension", dimension.unit, description=text)
    shown = {entry.measure.name: entry for entry in question.shown}
    made = [_measure_column(aggregate, shown[name]) for name in question.names if name in shown]
    yield from made
    if question.compared is not None:
        taken = {column.name for column in made}
        for measure in made:
            name = f"previous_{measure.name}"
            while name in taken:
                name += "_"
            text = f"In the period before: {measure.description}"
            yield replace(measure, name=name, role="previous", description=text)


def _measure_column(aggregate: Aggregate, entry: Chosen) -> Column:
    measure = entry.measure
    return Column(
        measure.name, measure.type, "measure", measure.unit, "exact" if entry.exact else "approximate", entry.bound,
        aggregate.text(measure.name), entry.standard_error,
    )  # fmt: skip


def _time_text(question: Question) -> str:
    if question.granularity == "bucket":
        return question.aggregate.text(question.aggregate.bucket.column)
    return f"Start of the {question.granularity}, in {question.zone_name}."


def _order(question: Question, given: Any) -> tuple[Sort, ...]:
    """Return the columns to sort by: those asked for, and then time and dimensions, so that no two rows are equal."""
    known = [column.name for column in question.columns]
    found: dict[str, Sort] = {}
    for name in _names("order_by", given):
        bare = name.removeprefix("-")
        if bare not in known:
            raise unknown("order_by", "column of the answer", bare, known)
        found.setdefault(bare, Sort(bare, descending=name.startswith("-")))
    for column in question.columns:
        if column.role in {"bucket", "dimension"}:
            found.setdefault(column.name, Sort(column.name))
    return tuple(found.values())


def _range_warnings(
    period: Period, starts: Sequence[datetime], before: Period | None, facts: Facts, *, widened: bool
) -> Iterable[Warn]:
    if widened:
        yield Warn("range-widened", f"The range was widened to whole buckets: {period.start} to {period.end}.")
    if starts[0] < period.start:
        yield Warn("first-cut", f"The first bucket is cut: the range begins at {period.start}.")
    if starts[-1] > period.end:
        yield Warn("last-cut", f"The last bucket is cut: the range ends at {period.end}.")
    limit = facts.incomplete_before
    if before is not None and limit is not None and before.start < limit:
        yield Warn("previous-incomplete", f"Events of before {limit} were dropped before they were counted.")
