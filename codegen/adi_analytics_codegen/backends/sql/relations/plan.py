"""The relations of an aggregate: which are stored, from which SELECT, and which public views read them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.backends.sql.expressions.conditions import FieldTypes, predicates
from adi_analytics_codegen.backends.sql.expressions.values import COLUMNS, SQL_TYPES, typed
from adi_analytics_codegen.backends.sql.relations.measures import Column, PublicColumn, Stored, ratio, read, store
from adi_analytics_codegen.backends.sql.relations.sketch import register, rho
from adi_analytics_codegen.backends.sql.text.names import days_later, exact_interval, identifier, literal, unused
from adi_analytics_codegen.model.fingerprint import canonical
from adi_analytics_codegen.model.kinds import FieldType, MeasureKind
from adi_analytics_codegen.model.shown import Shown
from adi_analytics_codegen.model.tables import shorten
from adi_analytics_codegen.model.text.zones import first_start

if TYPE_CHECKING:
    from adi_analytics_codegen.model.catalog import Catalog
    from adi_analytics_codegen.model.questions.aggregates import Aggregate, Measure
    from adi_analytics_codegen.model.questions.calendars import Calendar

TIMESTAMP_TYPE: Final = SQL_TYPES[FieldType.DATETIME]

BUCKET_RATIO: Final = 1.02
"""Upper over lower bound of a bucket of a distribution: estimates are wrong by less than 1 %."""

FIRST_TIME: Final = "1970-01-01 00:00:00+00"
END_OF_TIME: Final = "9999-01-01 00:00:00+00"
"""Rows outside these times are no events but mistakes, and their buckets may be no valid times: none reads them."""


def first_time(calendar: Calendar | None) -> str:
    """Return the time from which on rows are read, as a literal's text: in a zone whose days began twice, later."""
    start = first_start(calendar)
    return FIRST_TIME if start is None else f"{start:%Y-%m-%d %H:%M:%S}+00"


@dataclass(frozen=True, slots=True, repr=False)
class Relation(Shown):
    """A stored relation: a continuous aggregate, or a rollup table with its function.

    Attributes:
        keys: How many of the first columns the rows are grouped by; the first of all is the bucket.
        where: Predicates over rows of the events table, or over items of a list in them.
        measures: The measures that it holds, or the one that a companion is made for.
        items: The expression for the list whose items are the rows, if they are.
    """

    name: str
    kind: str
    columns: tuple[Column, ...]
    keys: int
    where: tuple[str, ...]
    measures: tuple[Measure, ...]
    items: str | None = None

    @property
    def live(self) -> str:
        """The view of the stored rows and, in real time, of those not yet stored."""
        return shorten(f"{self.name}_live")

    @property
    def rows_function(self) -> str:
        """The function that computes the rows of a range of time, where tables are used."""
        return shorten(f"{self.name}_rows")

    @property
    def index(self) -> str:
        """The index on the bucket's start, where tables are used."""
        return shorten(f"{self.name}_{self.bucket}_idx")

    @property
    def bucket(self) -> str:
        """The column of the bucket's start."""
        return self.columns[0].name

    def kept(self, part: str) -> str:
        """Return the name of a *part* of what is kept beside it: a key of ``KEPT``."""
        return shorten(f"{self.name}{KEPT[part]}")


KEPT: Final = {
    "counts": "_counts",
    "counts_index": "_counts_idx",
    "counted": "_counted",
    "recent": "_recent",
    "recent_index": "_recent_idx",
    "recent_rows": "_recent_rows",
    "recency": "_recency",
    "known": "_known",
    "known_index": "_known_idx",
    "known_index_1": "_known_1_idx",
    "known_index_2": "_known_2_idx",
    "known_rows": "_known_rows",
    "answers": "_answers",
    "answers_index": "_answers_idx",
    "answered": "_answered",
    "life": "_life",
    "life_index": "_life_idx",
    "lived": "_lived",
}
"""What is kept of trailing counts and of answers about people: part -> suffix of the name of the relation."""


@dataclass(frozen=True, slots=True, repr=False)
class Trailing(Shown):
    """A distinct count over a span of buckets, computed from a relation of members."""

    column: str
    members: Relation
    length: timedelta
    calendar: Calendar | None = None

    @property
    def reach(self) -> str:
        """At least the span, as an interval to add to a time."""
        return exact_interval(reach(self.length, self.calendar))

    def after(self, bucket: str) -> str:
        """Return the end of the span that begins with the start of *bucket*."""
        if self.calendar is None:
            return f"{bucket} + {exact_interval(self.length)}"
        return days_later(bucket, self.length, self.calendar.zone)


def reach(length: timedelta, calendar: Calendar | None) -> timedelta:
    """Return at least how long a span of *length* can be, by the clock: clocks may be set back within."""
    return length if calendar is None else length + 2 * timedelta(days=1)


@dataclass(frozen=True, slots=True, repr=False)
class Counts(Shown):
    """The trailing counts that one relation of members gives, kept for the buckets that are over."""

    members: Relation
    trailing: tuple[Trailing, ...]
    member_count: str

    @property
    def span(self) -> timedelta:
        """At least the longest span."""
        return max(reach(trailing.length, trailing.calendar) for trailing in self.trailing)

    @property
    def member(self) -> str:
        """The column of the member."""
        return self.members.columns[self.members.keys - 1].name


@dataclass(frozen=True, slots=True, repr=False)
class Distribution(Shown):
    """A part of the public distribution view: the values that some percentiles share."""

    relation: Relation
    measures: tuple[str, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Sketch(Shown):
    """A part of the public view of sketches: the values that some distinct counts share."""

    relation: Relation
    measures: tuple[str, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Plan(Shown):
    """Everything that an aggregate consists of.

    Attributes:
        stored: The columns of the main relation that hold each measure.
    """

    aggregate: Aggregate
    main: Relation
    columns: tuple[PublicColumn, ...]
    trailing: tuple[Trailing, ...]
    distributions: tuple[Distribution, ...]
    sketches: tuple[Sketch, ...]
    stored: dict[str, tuple[str, ...]]

    @property
    def relations(self) -> tuple[Relation, ...]:
        """All stored relations, the main one first."""
        members = dict.fromkeys(trailing.members for trailing in self.trailing)
        distributions = (distribution.relation for distribution in self.distributions)
        return (self.main, *members, *distributions, *(sketch.relation for sketch in self.sketches))

    @property
    def counts(self) -> tuple[Counts, ...]:
        """The trailing counts by the relation of members that gives them."""
        members = dict.fromkeys(trailing.members for trailing in self.trailing)
        return tuple(
            Counts(
                each,
                tuple(trailing for trailing in self.trailing if trailing.members == each),
                unused("member_count", {column.name for column in each.columns}),
            )
            for each in members
        )

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The names of the dimensions."""
        return tuple(dimension.name for dimension in self.aggregate.dimensions)

    @property
    def distribution_view(self) -> str:
        """The name of the public view of the distributions."""
        return shorten(f"{self.aggregate.name}_distribution")

    @property
    def sketch_view(self) -> str:
        """The name of the public view of the sketches."""
        return shorten(f"{self.aggregate.name}_sketch")


def plan(catalog: Catalog, aggregate: Aggregate) -> Plan:
    """Return what *aggregate* consists of."""
    return _Planner(catalog, aggregate).plan()


class _Planner:
    """Works out the plan of one aggregate."""

    def __init__(self, catalog: Catalog, aggregate: Aggregate) -> None:
        self.aggregate = aggregate
        self.types = FieldTypes.of(catalog, aggregate)
        self.keys = (
            Column(aggregate.bucket_name, TIMESTAMP_TYPE, "", "bucket"),
            *(Column(d.name, SQL_TYPES[d.type], typed(d.of, d.type), "dimension") for d in aggregate.dimensions),
        )
        self.taken = {
            *(key.name for key in self.keys),
            *(measure.name for measure in aggregate.measures),
            *(derived.name for derived in aggregate.derived),
        }

    def plan(self) -> Plan:
        stored = {m.name: store(m, self.types, self.taken) for m in self.aggregate.measures if m.trailing is None}
        main, columns = self._main(stored)
        names = {name: tuple(column.name for column in entry.columns) for name, entry in stored.items()}
        return Plan(self.aggregate, main, columns, self._trailing(), self._distributions(), self._sketches(), names)

    def _main(self, stored: dict[str, Stored]) -> tuple[Relation, tuple[PublicColumn, ...]]:
        rows = Column(unused("row_count", self.taken), "bigint", "count(*)", "count", "sum")
        columns = (*self.keys, rows, *(column for entry in stored.values() for column in entry.columns))
        keys = [PublicColumn(k.name, k.type, identifier(k.name), k.role) for k in self.keys]
        public: dict[str, PublicColumn] = {}
        for measure in self.aggregate.measures:
            entry = stored.get(measure.name)
            sql_type, value = (entry.type, entry.expression) if entry else ("bigint", identifier(measure.name))
            public[measure.name] = PublicColumn(measure.name, sql_type, value, "measure", measure.kind)
        derived = [ratio(entry, public) for entry in self.aggregate.derived]
        held = tuple(measure for measure in self.aggregate.measures if measure.name in stored)
        return self._relation("", "rollup", columns, held), (*keys, *public.values(), *derived)

    def _trailing(self) -> tuple[Trailing, ...]:
        found: dict[tuple[object, ...], Relation] = {}
        trailing = []
        for measure in self.aggregate.measures:
            if measure.trailing is None:
                continue
            of = subject(measure)
            if of not in found:
                found[of] = self._members(measure, _numbered("_users", len(found)))
            trailing.append(Trailing(measure.name, found[of], measure.trailing, self.aggregate.calendar))
        return tuple(trailing)

    def _members(self, measure: Measure, suffix: str) -> Relation:
        """Every member once per bucket, with the number of rows: what trailing counts are computed from."""
        sql_type = SQL_TYPES[measure.type or FieldType.STRING]
        member = Column(unused("member", self.taken), sql_type, read(measure), "member")
        rows = Column(unused("row_count", self.taken), "bigint", "count(*)", "count", "sum")
        return self._companion(suffix, "users", (*self.keys, member, rows), measure)

    def _distributions(self) -> tuple[Distribution, ...]:
        subjects: dict[tuple[object, ...], list[Measure]] = {}
        for measure in self.aggregate.measures:
            if measure.kind is MeasureKind.PERCENTILE:
                subjects.setdefault(subject(measure), []).append(measure)
        return tuple(
            Distribution(
                self._distribution(measures[0], _numbered("_distribution", index)),
                tuple(measure.name for measure in measures),
            )
            for index, measures in enumerate(subjects.values())
        )

    def _distribution(self, measure: Measure, suffix: str) -> Relation:
        """Counts by the logarithm of the value: they add up over buckets, and give percentiles of any range."""
        value = f"({read(measure)})"
        size = f"abs({value}::double precision)"
        magnitude = f"case when {value} <> 0 then ceil(ln({size}) / ln({BUCKET_RATIO}::double precision))::integer end"
        columns = (
            Column(unused("sign", self.taken), "integer", f"sign({value})::integer", "sign"),
            Column(unused("magnitude", self.taken), "integer", magnitude, "magnitude"),
            Column(unused("row_count", self.taken), "bigint", "count(*)", "count", "sum"),
        )
        return self._companion(suffix, "distribution", (*self.keys, *columns), measure)

    def _sketches(self) -> tuple[Sketch, ...]:
        subjects: dict[tuple[object, ...], list[Measure]] = {}
        for measure in self.aggregate.measures:
            if measure.mergeable:
                subjects.setdefault(subject(measure), []).append(measure)
        return tuple(
            Sketch(self._sketch(measures[0], _numbered("_sketch", index)), tuple(measure.name for measure in measures))
            for index, measures in enumerate(subjects.values())
        )

    def _sketch(self, measure: Measure, suffix: str) -> Relation:
        """Return the registers of a HyperLogLog: the longest run of zeros in the hashes of each, merged by max."""
        columns = (
            Column(unused("register", self.taken), "smallint", register(measure), "register"),
            Column(unused("rho", self.taken), "smallint", f"max({rho(measure)})", "rho", "max"),
        )
        return self._companion(suffix, "sketch", (*self.keys, *columns), measure)

    def _companion(self, suffix: str, kind: str, columns: tuple[Column, ...], measure: Measure) -> Relation:
        """Return a relation of the rows that have a value for *measure*."""
        value = read(measure) if measure.of in COLUMNS else f"({read(measure)})"
        where = (*predicates(measure.where, self.types), f"{value} is not null")
        return self._relation(suffix, kind, columns, (measure,), where)

    def _relation(
        self,
        suffix: str,
        kind: str,
        columns: tuple[Column, ...],
        measures: tuple[Measure, ...],
        where: tuple[str, ...] = (),
    ) -> Relation:
        tests = [
            f'"timestamp" >= timestamptz {literal(first_time(self.aggregate.calendar))}',
            f'"timestamp" < timestamptz {literal(END_OF_TIME)}',
        ]
        if not self.aggregate.all_events:
            tests.append(f"event_type in ({', '.join(literal(name) for name in self.aggregate.sources)})")
        tests += [*predicates(self.aggregate.where, self.types), *where]
        keys = sum(column.role in _KEY_ROLES for column in columns)
        name = shorten(f"{self.aggregate.name}_v{self.aggregate.version}{suffix}")
        items = typed(self.aggregate.each, FieldType.LIST) if self.aggregate.each else None
        return Relation(name, kind, columns, keys, tuple(dict.fromkeys(tests)), measures, items)


_KEY_ROLES: Final = frozenset({"bucket", "dimension", "member", "sign", "magnitude", "register"})


def _numbered(suffix: str, index: int) -> str:
    return suffix if index == 0 else f"{suffix}_{index + 1}"


def subject(measure: Measure) -> tuple[object, ...]:
    """What two measures must share to be computed from one companion."""
    return measure.of, measure.type, str(canonical(measure.where))
