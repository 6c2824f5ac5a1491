"""The stored relations of an aggregate on ClickHouse: named as on PostgreSQL, from rows of its own words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.backends.clickhouse.expressions import buckets
from adi_analytics_codegen.backends.clickhouse.expressions.conditions import predicates
from adi_analytics_codegen.backends.clickhouse.expressions.names import literal
from adi_analytics_codegen.backends.clickhouse.expressions.sums import reduced
from adi_analytics_codegen.backends.clickhouse.expressions.values import (
    TIME,
    TYPES,
    fields,
    list_items,
    once,
    to_double,
    typed,
)
from adi_analytics_codegen.backends.clickhouse.measures import (
    COUNT,
    Column,
    Read,
    Stored,
    condition_of,
    kind_of,
    ratio,
    read,
    store,
)
from adi_analytics_codegen.backends.clickhouse.sketch import register, rho
from adi_analytics_codegen.backends.sql.expressions.conditions import FieldTypes
from adi_analytics_codegen.backends.sql.relations.plan import BUCKET_RATIO, END_OF_TIME, first_time, plan
from adi_analytics_codegen.model.shown import Shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adi_analytics_codegen.backends.sql.relations.plan import Plan
    from adi_analytics_codegen.backends.sql.relations.plan import Relation as Planned
    from adi_analytics_codegen.model.catalog import Catalog
    from adi_analytics_codegen.model.questions.aggregates import Aggregate, Measure
    from adi_analytics_codegen.model.questions.calendars import Calendar


@dataclass(frozen=True, slots=True, repr=False)
class Relation(Shown):
    """A stored relation: a table, the view with a range of time that computes its rows, and the live view.

    Attributes:
        planned: The relation of the same aggregate on PostgreSQL, whose names it has.
        columns: Its columns; as many of them as ``planned.keys`` says are what rows are grouped by.
        values: What it reads from rows of the events table, or from items of a list in them: name -> expression.
        computed: What it computes from these values of one row: name -> expression, each of the names before it too.
        where: Predicates over columns of the events table.
        tests: Predicates over the values.
        items: The expression for the numbers of the items that are the rows, if they are.
    """

    planned: Planned
    columns: tuple[Column, ...]
    values: dict[str, str]
    computed: dict[str, str]
    where: tuple[str, ...]
    tests: tuple[str, ...]
    items: str | None

    @property
    def keys(self) -> tuple[Column, ...]:
        """The columns by which rows are grouped; the first is the bucket."""
        return self.columns[: self.planned.keys]


@dataclass(frozen=True, slots=True)
class Made:
    """An aggregate on ClickHouse: its plan, its relations by name, and the expressions of the public view."""

    plan: Plan
    relations: dict[str, Relation]
    public: tuple[tuple[str, str], ...]


def made(catalog: Catalog, aggregate: Aggregate) -> Made:
    """Return what *aggregate*, as it is on the wire, consists of."""
    return _Maker(catalog, aggregate).made()


def related(
    planned: Planned, columns: Sequence[Column], where: Sequence[str], tests: Sequence[str], items: str | None = None
) -> Relation:
    """Return the relation of *columns* over the rows that pass *where* and, by their values, *tests*."""
    found, texts = fields([*(column.expression for column in columns), *tests])
    more, texts = once(texts)
    named = tuple(replace(one, expression=text) for one, text in zip(columns, texts, strict=False))
    return Relation(planned, named, found, more, tuple(where), tuple(texts[len(columns) :]), items)


def of_events(calendar: Calendar | None, names: Sequence[str] | None) -> list[str]:
    """Return predicates for rows of events called *names*, or of all, at times that have a bucket of *calendar*."""
    times = first_time(calendar), END_OF_TIME
    first, last = (f"toDateTime64({literal(time.removesuffix('+00'))}, 6, 'UTC')" for time in times)
    tests = [f"timestamp >= {first}", f"timestamp < {last}"]
    return tests if names is None else [*tests, f"event_type in ({', '.join(map(literal, names))})"]


class _Maker:
    def __init__(self, catalog: Catalog, aggregate: Aggregate) -> None:
        self.aggregate = aggregate
        self.plan = plan(catalog, aggregate)
        self.types = FieldTypes.of(catalog, aggregate)
        self.stored: dict[str, Stored] = {
            measure.name: store(measure, self.types, self.plan.stored[measure.name])
            for measure in aggregate.measures
            if measure.trailing is None
        }
        self.keys = (
            Column(aggregate.bucket_name, TIME, buckets.start(aggregate)),
            *(Column(d.name, TYPES[d.type], typed(d.of, d.type)) for d in aggregate.dimensions),
        )

    def made(self) -> Made:
        relations = {one.name: self.relation(one) for one in self.plan.relations}
        return Made(self.plan, relations, tuple(self.public()))

    def public(self) -> list[tuple[str, str]]:
        """Return the public view's columns that are no keys, and their expressions."""
        counted = {
            trailing.column: f"_t{group}._count_{number}"
            for group, counts in enumerate(self.plan.counts, 1)
            for number, trailing in enumerate(counts.trailing, 1)
        }
        trailing = {name: Read(count, f"toFloat64({count})") for name, count in counted.items()}
        reads = {
            measure.name: trailing.get(measure.name) or self.stored[measure.name].read
            for measure in self.aggregate.measures
        }
        derived = [(one.name, ratio(one, reads)) for one in self.aggregate.derived]
        return [*((name, one.expression) for name, one in reads.items()), *derived]

    def relation(self, planned: Planned) -> Relation:
        own, tests = _BUILDERS[planned.kind](self, planned)
        columns = (*self.keys, *own)
        tests = [*predicates(self.aggregate.where, self.types), *tests]
        return related(planned, columns, self.where(), tests, self.items())

    def where(self) -> list[str]:
        return of_events(self.aggregate.calendar, None if self.aggregate.all_events else self.aggregate.sources)

    def items(self) -> str | None:
        return list_items(self.aggregate.each) if self.aggregate.each else None

    def main(self, planned: Planned) -> tuple[list[Column], list[str]]:
        rows = Column(planned.columns[planned.keys].name, COUNT, "count()")
        return [rows, *(column for one in self.stored.values() for column in one.columns)], []

    def members(self, planned: Planned) -> tuple[list[Column], list[str]]:
        measure, (member, rows) = planned.measures[0], planned.columns[-2:]
        kind = TYPES[kind_of(measure)]
        return [Column(member.name, kind, read(measure)), Column(rows.name, COUNT, "count()")], self.present(measure)

    def distribution(self, planned: Planned) -> tuple[list[Column], list[str]]:
        measure, (sign, magnitude, rows) = planned.measures[0], planned.columns[-3:]
        value = to_double(read(measure), kind_of(measure))
        size = f"if({value} != 0, toInt32(ceil(log(abs({value})) / log({BUCKET_RATIO}))), null)"
        columns = [
            Column(sign.name, "Nullable(Int32)", f"toInt32(sign({value}))"),
            Column(magnitude.name, "Nullable(Int32)", size),
            Column(rows.name, COUNT, "count()"),
        ]
        return columns, self.present(measure)

    def sketch(self, planned: Planned) -> tuple[list[Column], list[str]]:
        measure, (place, run) = planned.measures[0], planned.columns[-2:]
        columns = [
            Column(place.name, "Nullable(UInt16)", register(measure)),
            Column(run.name, "Nullable(UInt8)", f"toUInt8({reduced('max', rho(measure), None)})"),
        ]
        return columns, self.present(measure)

    def present(self, measure: Measure) -> list[str]:
        condition = condition_of(measure, self.types)
        return [*([condition] if condition else []), f"isNotNull({read(measure)})"]


_BUILDERS: Final = {
    "rollup": _Maker.main,
    "users": _Maker.members,
    "distribution": _Maker.distribution,
    "sketch": _Maker.sketch,
}
"""What makes the own columns and predicates of a relation, by its kind."""
