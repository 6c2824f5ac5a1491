"""The parts of a statement: each reads one relation, and gives rows with the same columns.

Time is called ``at``, the dimensions ``d1``, ``d2`` ..., the values ``v1``, ``v2`` ...: a name of the catalog
stands only where a relation is read, so none can be taken for another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from adi_analytics._shared.sql import line_literal
from adi_analytics.query.model.text import moment, name, span
from adi_analytics.query.resolve.coarser import coarse_part
from adi_analytics.query.resolve.times import Period
from adi_analytics.query.sql.values import merged, type_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from adi_analytics.query.model.describe import Aggregate
    from adi_analytics.query.resolve.measures import Chosen
    from adi_analytics.query.resolve.question import Question

_DOUBLE: Final = "double precision"


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a group: of a measure, in the range or in the period before."""

    name: str
    chosen: Chosen
    previous: bool


@dataclass(frozen=True, slots=True)
class Part:
    """A SELECT, and the values that it gives as expressions."""

    values: dict[str, str]
    source: str


def values_of(question: Question) -> list[Value]:
    """Return the values that the parts give."""
    periods = (False, True) if question.compared is not None else (False,)
    made = [(chosen, previous) for previous in periods for chosen in question.chosen if chosen.how != "ratio"]
    return [Value(f"v{number}", chosen, previous) for number, (chosen, previous) in enumerate(made, 1)]


def parts(question: Question, values: list[Value]) -> Iterator[str]:
    """Yield the text of each part."""
    for number, part in enumerate(_parts(question, values), 1):
        columns = [*keys(question), f"{number} as part"]
        columns += [
            f"{part.values.get(value.name, f'null::{type_of(value.chosen.measure)}')} as {value.name}"
            for value in values
        ]
        group = ", ".join(keys(question)) or "()"
        yield f"select {', '.join(columns)}\nfrom (\n{_indented(part.source)}\n) as rows\ngroup by {group}"


def keys(question: Question) -> list[str]:
    """Return the names of what rows are grouped by."""
    return [*(["at"] if question.by_time else []), *(f"d{index + 1}" for index in range(len(question.dimensions)))]


def _parts(question: Question, values: list[Value]) -> Iterator[Part]:
    periods = ((False, question.period), (True, question.compared))
    for previous, period in periods:
        if period is None:
            continue
        own = [value for value in values if value.previous is previous]
        yield _main(question, period, own, previous=previous)
        yield from _distributions(question, period, own, previous=previous)
        for value in own:
            if value.chosen.how == "members":
                yield _members(question, period, value)
            if value.chosen.how == "sketch":
                yield _estimated(question, period, value)


def _main(question: Question, period: Period, values: list[Value], *, previous: bool) -> Part:
    """Return the part that reads the aggregate's rows. It has a row for each group that has any."""
    direct = {value.name: merged(value.chosen) for value in values if value.chosen.how in {"added", "stored"}}
    relation = question.aggregate.name if question.public else question.facts.live[0]
    columns = [name(column) for column in dict.fromkeys(_stored(values))]
    return Part(direct, _rows(question, period, relation, columns, previous=previous))


def _stored(values: list[Value]) -> Iterator[str]:
    for value in values:
        measure = value.chosen.measure
        if value.chosen.how == "added" and measure.kind == "avg":
            yield from (measure.parts.sum or "", measure.parts.count or "")
        elif value.chosen.how in {"added", "stored"}:
            yield measure.name


def _members(question: Question, period: Period, value: Value) -> Part:
    parts = value.chosen.measure.parts
    relation = question.facts.live[parts.relation or 0]
    member = name(parts.member or "")
    source = _rows(question, period, relation, [f"{member} as member"], previous=value.previous)
    return Part({value.name: "count(distinct member)"}, source)


def member_rows(question: Question) -> Iterator[str]:
    """Yield the SELECTs of the members that are read to count values that a sketch could estimate."""
    for value in values_of(question):
        offer, measure = question.aggregate.offer.sketch, value.chosen.measure
        held = offer is not None and any(measure.name in shared for shared in offer.shared)
        if value.chosen.how == "members" and held and offer is not None and offer.view in question.facts.readable:
            period = question.compared if value.previous else question.period
            if period is not None:
                yield _members(question, period, value).source


_SIGMA: Final = """\
select empty + sum(
    power(2::double precision, k - 1) * exp(greatest(-700, power(2::double precision, k) * ln(empty)))
) as sigma
from (select nullif(4096 - filled, 0) / 4096 as empty) as registers, generate_series(1, 20) as k
group by empty"""
"""Ertl's correction for small counts: the query of docs/reference/aggregates.md."""


def _estimated(question: Question, period: Period, value: Value) -> Part:
    """Return the part that estimates a distinct count from its sketch, for each group."""
    offer = question.aggregate.offer.sketch
    if offer is None:
        raise AssertionError  # what has no sketch is not chosen
    columns = {key: name(column) for key, column in offer.columns.items()}
    read = [f"{columns['register']} as register", f"{columns['rho']} as rho"]
    test = f"{line_literal(value.chosen.measure.name)} = any({columns['measures']})"
    rows = _rows(question, period, offer.view, read, test, previous=value.previous)
    grouped = keys(question)
    merged = (
        f"select {_list(grouped, 'register', 'max(rho) as rho')}\n"
        f"from (\n{_indented(rows)}\n) as read\ngroup by {_list(grouped, 'register')}"
    )
    summary = (
        f"select {_list(grouped, 'count(*)::double precision as filled')},"
        " coalesce(sum(power(2::double precision, -rho)), 0) as inverse\n"
        f"from (\n{_indented(merged)}\n) as merged\ngroup by {', '.join(grouped) or '()'}"
    )
    count = "round(0.7213475204444817 * 4096 * 4096 / (4096 * coalesce(sigma, 0) + inverse))::bigint"
    source = (
        f"select {_list(grouped, f'case when filled = 0 then 0 else {count} end as estimate')}\n"
        f"from (\n{_indented(summary)}\n) as summary\ncross join lateral (\n{_indented(_SIGMA)}\n) as correction"
    )
    return Part({value.name: "max(estimate)"}, source)


def _distributions(question: Question, period: Period, values: list[Value], *, previous: bool) -> Iterator[Part]:
    offer = question.aggregate.offer.distribution
    asked = {value.chosen.measure.name: value for value in values if value.chosen.how == "distribution"}
    for shared in offer.shared if offer is not None else ():
        wanted = [asked[measure] for measure in shared if measure in asked]
        if wanted:
            rows = "\nunion all\n".join(_distributed(question, period, shared[0], previous=previous))
            yield _percentiles(question, rows, wanted)


def _distributed(question: Question, period: Period, measure: str, *, previous: bool) -> Iterator[str]:
    """Yield the SELECTs of a distribution: from longer buckets as far as there are whole ones."""
    coarse, coarser = coarse_part(question, period, previous=previous), question.facts.coarser
    if coarse is None or coarser is None:
        yield _distribution_rows(question, question.aggregate, period, measure, previous=previous)
        return
    yield _distribution_rows(question, coarser.aggregate, coarse, measure, previous=previous)
    for rest in (Period(period.start, coarse.start), Period(coarse.end, period.end)):
        if rest.start < rest.end:
            yield _distribution_rows(question, question.aggregate, rest, measure, previous=previous)


def _distribution_rows(
    question: Question, aggregate: Aggregate, period: Period, measure: str, *, previous: bool
) -> str:
    offer = aggregate.offer.distribution
    if offer is None:
        raise AssertionError  # what has no distribution is not chosen
    columns = {key: name(column) for key, column in offer.columns.items()}
    read = [f"{columns['estimate']} as estimate", f"{columns['row_count']} as row_count"]
    test = f"{line_literal(measure)} = any({columns['measures']})"
    return _rows(question, period, offer.view, read, test, previous=previous, bucket=aggregate.bucket.column)


def _percentiles(question: Question, rows: str, values: list[Value]) -> Part:
    """Return the part that picks percentiles: the query of docs/reference/aggregates.md, for each group."""
    grouped = keys(question)
    within = f"partition by {', '.join(grouped)} " if grouped else ""
    counted = (
        f"select {_list(grouped, 'estimate', 'sum(row_count) as row_count')}\n"
        f"from (\n{_indented(rows)}\n) as read\ngroup by {_list(grouped, 'estimate')}"
    )
    ranked = (
        f"select {_list(grouped, 'estimate')}, sum(row_count) over ({within}order by estimate) as up_to,\n"
        f"    sum(row_count) over ({within.strip()}) as total\nfrom (\n{_indented(counted)}\n) as counted"
    )
    return Part({value.name: _picked(value.chosen.measure.quantile or 0.0) for value in values}, ranked)


def _picked(quantile: float) -> str:
    position = f"({quantile!r}::{_DOUBLE} * (total - 1)::{_DOUBLE})"
    low, high = (f"min(estimate) filter (where up_to > {side}({position}))" for side in ("floor", "ceil"))
    weight = f"max({position} - floor({position}))"
    return f"{low} + ({high} - {low}) * {weight}"


def _rows(  # noqa: PLR0913 - a SELECT has as many parts
    question: Question,
    period: Period,
    relation: str,
    columns: Iterable[str],
    *tests: str,
    previous: bool,
    bucket: str | None = None,
) -> str:
    """Return the SELECT of the rows of *relation* that are in *period* and pass the filters.

    The column of the time is the aggregate's own, unless *bucket* names another one.
    """
    bucket = name(bucket or question.aggregate.bucket.column)
    time = [f"{_at(question, bucket, previous=previous)} as at"] if question.by_time else []
    dimensions = [f"{name(entry.name)} as d{index}" for index, entry in enumerate(question.dimensions, 1)]
    where = [
        f"{bucket} >= {moment(period.start)}", f"{bucket} < {moment(period.end)}", *question.filters.tests, *tests
    ]  # fmt: skip
    return (
        f"select {_list([*time, *dimensions, *columns]) or '1 as row'}\n"
        f"from {name(relation, question.facts.schema)}\nwhere {' and '.join(where)}"
    )


def _at(question: Question, bucket: str, *, previous: bool) -> str:
    """Return the start of the answer's bucket; that of the period before is moved to the one it meets."""
    zone = line_literal(question.zone_name)
    shift = question.shift
    if previous and shift is not None:
        if not shift.wall:
            bucket = f"{bucket} + {span(shift.span)}"
        else:
            step = f"interval '{shift.months} months'" if shift.months else f"interval '{shift.span.days} days'"
            bucket = f"({bucket} at time zone {zone} + {step}) at time zone {zone}"
    return bucket if question.granularity == "bucket" else f"date_trunc('{question.granularity}', {bucket}, {zone})"


def _list(columns: Iterable[str], *more: str) -> str:
    return ", ".join([*columns, *more])


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.split("\n"))
