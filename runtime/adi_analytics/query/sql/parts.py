"""The parts of a statement: each reads one relation, and gives rows with the same columns.

Time is called ``at``, the dimensions ``d1``, ``d2`` ..., the values ``v1``, ``v2`` ...: a name of the catalog
stands only where a relation is read, so none can be taken for another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from adi_analytics.query.resolve.coarser import coarse_part
from adi_analytics.query.resolve.times import Period
from adi_analytics.query.sql.dialects import dialect_of
from adi_analytics.query.sql.values import merged

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from adi_analytics.query.model.describe import Aggregate
    from adi_analytics.query.resolve.measures import Chosen
    from adi_analytics.query.resolve.question import Question


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
    dialect = dialect_of(question.facts)
    for number, part in enumerate(_parts(question, values), 1):
        columns = [*keys(question), f"{number} as part"]
        columns += [
            f"{part.values.get(value.name) or dialect.null(value.chosen.measure)} as {value.name}" for value in values
        ]
        group = dialect.group(keys(question))
        yield f"select {', '.join(columns)}\nfrom (\n{_indented(part.source)}\n) as rows{group}"


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
    dialect, facts = dialect_of(question.facts), question.facts
    columns = {column: f"s{number}" for number, column in enumerate(dict.fromkeys(_stored(values)), 1)}
    direct = {
        value.name: merged(value.chosen, columns, dialect, facts.types)
        for value in values
        if value.chosen.how in {"added", "stored"}
    }
    relation = question.aggregate.name if question.public else facts.live[0]
    read = [f"{dialect.column(column)} as {short}" for column, short in columns.items()]
    return Part(direct, _rows(question, period, relation, read, previous=previous))


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
    dialect = dialect_of(question.facts)
    member = dialect.column(parts.member or "")
    source = _rows(question, period, relation, [f"{member} as member"], previous=value.previous)
    return Part({value.name: dialect.distinct("member")}, source)


def member_rows(question: Question) -> Iterator[str]:
    """Yield the SELECTs of the members that are read to count values that a sketch could estimate."""
    for value in values_of(question):
        offer, measure = question.aggregate.offer.sketch, value.chosen.measure
        held = offer is not None and any(measure.name in shared for shared in offer.shared)
        if value.chosen.how == "members" and held and offer is not None and offer.view in question.facts.readable:
            period = question.compared if value.previous else question.period
            if period is not None:
                yield _members(question, period, value).source


def _estimated(question: Question, period: Period, value: Value) -> Part:
    """Return the part that estimates a distinct count from its sketch, for each group."""
    offer = question.aggregate.offer.sketch
    if offer is None:
        raise AssertionError  # what has no sketch is not chosen
    dialect = dialect_of(question.facts)
    columns = {key: dialect.column(column) for key, column in offer.columns.items()}
    read = [f"{columns['register']} as register", f"{columns['rho']} as rho"]
    test = dialect.measures_hold(columns["measures"], value.chosen.measure.name)
    rows = _rows(question, period, offer.view, read, test, previous=value.previous)
    grouped = keys(question)
    registers = (
        f"select {_list(grouped, 'register', 'max(rho) as rho')}\n"
        f"from (\n{_indented(rows)}\n) as read\ngroup by {_list(grouped, 'register')}"
    )
    return Part({value.name: dialect.largest("estimate")}, dialect.estimates(_indented(registers), grouped))


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
    dialect = dialect_of(question.facts)
    columns = {key: dialect.column(column) for key, column in offer.columns.items()}
    read = [f"{columns['estimate']} as estimate", f"{columns['row_count']} as row_count"]
    test = dialect.measures_hold(columns["measures"], measure)
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
    dialect = dialect_of(question.facts)
    return Part({one.name: dialect.percentile(one.chosen.measure.quantile or 0.0) for one in values}, ranked)


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
    dialect = dialect_of(question.facts)
    bucket = dialect.column(bucket or question.aggregate.bucket.column)
    time = [f"{dialect.at(question, bucket, previous=previous)} as at"] if question.by_time else []
    dimensions = [f"{dialect.column(entry.name)} as d{index}" for index, entry in enumerate(question.dimensions, 1)]
    where = [f"{bucket} >= {dialect.moment(period.start)}", f"{bucket} < {dialect.moment(period.end)}"]
    where += [*map(dialect.test, question.filters.tests), *tests]
    return (
        f"select {_list([*time, *dimensions, *columns]) or '1 as row'}\n"
        f"from {dialect.relation(relation, question.facts.schema)}\nwhere {' and '.join(where)}"
    )


def _list(columns: Iterable[str], *more: str) -> str:
    return ", ".join([*columns, *more])


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.split("\n"))
