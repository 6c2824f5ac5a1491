"""What the aggregates must say, computed in plain Python from the rows.

It is written from the catalog's documentation and shares no code with the SQL backend; simple and slow on purpose.
"""

from __future__ import annotations

import json
import math
import operator
import re
import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Context, Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from adi_analytics_codegen.model.kinds import FieldType, MeasureKind, Operator
from adi_analytics_codegen.model.questions.aggregates import Choice

if TYPE_CHECKING:
    from collections.abc import Callable

    from adi_analytics_codegen.model.catalog import Catalog
    from adi_analytics_codegen.model.events import Event
    from adi_analytics_codegen.model.fields import Field
    from adi_analytics_codegen.model.questions.aggregates import Aggregate, Condition, Measure, Test
    from adi_analytics_codegen.model.questions.calendars import Bucketed

META = ("$environment", "$hostname")
MONDAY = datetime(2000, 1, 3, tzinfo=UTC)
EXACT = Context(prec=5000)
TESTS: dict[Operator, Callable[[Any, Any], Any]] = {
    Operator.EQ: operator.eq,
    Operator.NE: operator.ne,
    Operator.IN: lambda value, wanted: value in wanted,
    Operator.LT: operator.lt,
    Operator.LTE: operator.le,
    Operator.GT: operator.gt,
    Operator.GTE: operator.ge,
    Operator.PREFIX: lambda value, prefix: value[: len(prefix)] == prefix,
}


@dataclass(frozen=True)
class Row:
    """A row of the events table. ``data`` is JSON text, so that numbers may be what no Python type holds."""

    timestamp: datetime
    event_type: str
    data: str
    user_id: uuid.UUID | str | None = None
    service: str = "platform"
    event_id: uuid.UUID = field(default_factory=uuid.uuid4)
    meta: str = "{}"
    item: Any = None
    """The item of a list, where the items are the rows, and ``number`` its place."""
    number: int = 0

    def fields(self) -> Any:
        return json.loads(self.data, parse_float=EXACT.create_decimal)


def expected(catalog: Catalog, aggregate: Aggregate, rows: list[Row]) -> list[tuple[Any, ...]]:
    """Return the rows of the public view of *aggregate*, in no special order."""
    reader = _Reader(catalog, aggregate)
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in reader.read(rows):
        groups.setdefault(reader.key(row), []).append(row)
    return [(*key, *reader.values(key, groups).values()) for key in groups]


class _Reader:
    def __init__(self, catalog: Catalog, aggregate: Aggregate) -> None:
        self.aggregate = aggregate
        self.events = [event for event in catalog.events if event.name in aggregate.sources]
        self.types = {event.name: event.type for event in catalog.events}
        self.user_id = catalog.user_id

    def read(self, rows: list[Row]) -> list[Row]:
        """Return the rows that are aggregated: those of the table that count, or the items of a list in them."""
        aggregate, sources = self.aggregate, [event.type for event in self.events]
        rows = [row for row in rows if aggregate.all_events or row.event_type in sources]
        if aggregate.each:
            keys = self.keys(aggregate.each)
            rows = [
                replace(row, item=item, number=number)
                for row in rows
                for number, item in enumerate(_inside(row.fields(), keys, FieldType.LIST) or ())
            ]
        return [row for row in rows if self.passes(row, aggregate.where)]

    def key(self, row: Row) -> tuple[Any, ...]:
        at = start_of(self.aggregate, row.timestamp)
        return at, *(_public(self.value(row, d.of, d.type)) for d in self.aggregate.dimensions)

    def values(self, key: tuple[Any, ...], groups: dict[tuple[Any, ...], list[Row]]) -> dict[str, Any]:
        found = {m.name: self.measure(m, self.window(m, key, groups)) for m in self.aggregate.measures}
        for derived in self.aggregate.derived:
            above, below = (
                sum(Fraction(found[name] or 0) for name in names) for names in (derived.numerator, derived.denominator)
            )
            found[derived.name] = _double(above / below) if below else None
        return found

    def window(self, measure: Measure, key: tuple[Any, ...], groups: dict[tuple[Any, ...], list[Row]]) -> list[Row]:
        if measure.trailing is None:
            return groups[key]
        bucket, *dimensions = key
        return [
            row
            for (other, *others), members in groups.items()
            if others == dimensions and self.reaches(other, bucket, measure.trailing)
            for row in members
        ]

    def reaches(self, bucket: datetime, last: datetime, span: timedelta) -> bool:
        """Whether *bucket* is in the span that ends with the bucket that starts at *last*."""
        calendar = self.aggregate.calendar
        if calendar is None:
            return last - span < bucket <= last
        day, end = (at.astimezone(ZoneInfo(calendar.zone)).date() for at in (bucket, last))
        if calendar.unit == "month":
            return 0 <= 12 * (end.year - day.year) + end.month - day.month < span.days / 31
        return 0 <= (end - day).days < span.days

    def measure(self, measure: Measure, rows: list[Row]) -> Any:
        rows = [row for row in rows if self.passes(row, measure.where)]
        if measure.kind is MeasureKind.COUNT:
            return len(rows)
        pairs = [(row, self.reduced(row, measure)) for row in rows]
        pairs = [(row, value) for row, value in pairs if value is not None]
        return _reduce(measure, pairs)

    def reduced(self, row: Row, measure: Measure) -> Any:
        assert measure.of is not None
        assert measure.type is not None
        if not measure.terms:
            value = self.value(row, measure.of, measure.type)
            for of, kind in measure.times:
                value = _times(value, self.value(row, of, kind))
            return value
        total = Fraction(0)
        for term in measure.terms:
            value = Fraction(term.factor)
            for of, kind in term.fields:
                value = _times(value, self.value(row, of, kind))
            if value is None:
                return None
            total += value
        return total

    def passes(self, row: Row, where: tuple[Test, ...], given: tuple[Test, ...] = ()) -> bool:
        tests = (*given, *where)
        return all(
            any(self.passes(row, branch, tests) for branch in test.branches) != test.negated
            if isinstance(test, Choice)
            else self.holds(row, test, tests)
            for test in where
        )

    def holds(self, row: Row, condition: Condition, conditions: tuple[Test, ...]) -> bool:
        if condition.field == "event":
            several = isinstance(condition.value, tuple)
            named = tuple(map(self.types.__getitem__, condition.value)) if several else self.types[condition.value]
            return _compare(row.event_type, condition.op, named)
        kind = self.kind(condition.field, conditions)
        value = self.value(row, condition.field, kind)
        wanted = condition.value
        if kind is FieldType.DATETIME and condition.op is not Operator.EXISTS:
            several = isinstance(wanted, tuple)
            wanted = tuple(map(_moment, wanted)) if several else _moment(wanted)
        if kind in {FieldType.DATE, FieldType.DECIMAL} and condition.op is not Operator.EXISTS:
            wanted = tuple(_fit(one, kind) for one in wanted) if isinstance(wanted, tuple) else _fit(wanted, kind)
        if kind is FieldType.UUID and condition.op is not Operator.EXISTS:
            wanted = tuple(map(uuid.UUID, wanted)) if isinstance(wanted, tuple) else uuid.UUID(wanted)
        return _compare(value, condition.op, wanted)

    def value(self, row: Row, of: str, kind: FieldType) -> Any:
        """Return the value of the field *of* in *row*. Every event here has it under one key."""
        each = self.aggregate.each
        if each and (of == each or of.startswith(f"{each}.")):
            return _inside(row.item, self.keys(of)[len(each.split(".")) :], kind)
        if of.startswith("$"):
            return _column(row, of)
        return _inside(row.fields(), self.keys(of), kind)

    def keys(self, of: str) -> list[str]:
        first = of.partition(".")[0]
        fields, keys = next(event.fields for event in self.events if event.field(first)), list[str]()
        for name in of.split("."):
            found = next(one for one in fields if one.name == name)
            fields = found.fields if found.items is None else found.items.fields
            keys.append(found.wire or found.name)
        return keys

    def kind(self, name: str, conditions: tuple[Test, ...]) -> FieldType:
        if name.startswith("$"):
            return self.user_id if name == "$user_id" else FieldType.STRING
        named = [c for c in conditions if not isinstance(c, Choice) and c.field == "event"]
        events = [e for e in self.events if all(_compare(e.name, c.op, c.value) for c in named)] or self.events
        found = next(found for event in events if (found := _field(event, name)) is not None)
        return found.items.type if name == self.aggregate.each and found.items is not None else found.type


def start_of(thing: Bucketed, at: datetime) -> datetime:
    """Return the start of the bucket of *thing* that *at* is in."""
    width, calendar = thing.bucket_width, thing.calendar
    if calendar is None:
        return MONDAY + (at - MONDAY) // width * width
    zone = ZoneInfo(calendar.zone)
    day = at.astimezone(zone).date()
    if calendar.unit == "week":
        day -= timedelta(days=day.weekday())
    if calendar.unit == "month":
        day = day.replace(day=1)
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _field(event: Event, path: str) -> Field | None:
    first, _, rest = path.partition(".")
    found = event.field(first)
    while found is not None and rest:
        first, _, rest = rest.partition(".")
        inside = found.fields if found.items is None else found.items.fields
        found = next((inner for inner in inside if inner.name == first), None)
    return found


def _column(row: Row, of: str) -> Any:
    if of not in META:
        return row.user_id if of == "$user_id" else row.service
    return _inside(json.loads(row.meta), [of[1:]], FieldType.STRING)


def _inside(value: Any, keys: list[str], kind: FieldType) -> Any:
    for name in keys:
        value = value.get(name) if isinstance(value, dict) else None
    return _fit(value, kind)


def _fit(value: Any, kind: FieldType) -> Any:  # noqa: C901, PLR0911 - one line per type reads best
    match kind:
        case FieldType.STRING | FieldType.ENUM:
            return value if isinstance(value, str) else None
        case FieldType.BOOL:
            return value if isinstance(value, bool) else None
        case FieldType.LIST:
            return value if isinstance(value, list) else None
        case FieldType.OBJECT | FieldType.MAP:
            return value if isinstance(value, dict) else None
        case FieldType.JSON:
            return value
        case FieldType.INT | FieldType.FLOAT:
            number = isinstance(value, int | Decimal) and not isinstance(value, bool)
            return (_int if kind is FieldType.INT else _float)(Decimal(value)) if number else None
        case FieldType.UUID:
            hexes = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
            return uuid.UUID(value) if isinstance(value, str) and re.fullmatch(hexes, value) else None
        case FieldType.DATETIME:
            return _datetime(value) if isinstance(value, str) else None
        case FieldType.DATE:
            return _date(value) if isinstance(value, str) else None
        case FieldType.DECIMAL:
            is_decimal = isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,38}(\.[0-9]{1,38})?", value)
            return Fraction(value) if is_decimal else None


def _int(value: Decimal) -> int | None:
    fits = abs(value) < 2**63 and value == value.to_integral_value(context=EXACT)
    return int(value) if fits else None


def _float(value: Decimal) -> Decimal | None:
    size = abs(value)
    return value if size == 0 or Decimal("1e-307") <= size <= Decimal("1e307") else None


def _datetime(text: str) -> datetime | None:
    shape = re.fullmatch(
        r"([1-8]\d{3}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:([Zz])|([+-])(\d\d):(\d\d))", text, re.ASCII
    )
    if shape is None:
        return None
    day, time, fraction, _, sign, hours, minutes = shape.groups()
    if sign and (int(hours) > 23 or int(minutes) > 59):
        return None
    try:
        moment = datetime.fromisoformat(f"{day}T{time}+00:00")
    except ValueError:
        return None
    offset = timedelta(hours=int(hours), minutes=int(minutes)) if sign else timedelta()
    moment += timedelta(microseconds=int((fraction or "0")[:6].ljust(6, "0")))
    return moment + offset if sign == "-" else moment - offset


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text) else None
    except ValueError:
        return None


def _moment(value: Any) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(value.upper())


def _compare(value: Any, op: Operator, wanted: Any) -> bool:
    if op is Operator.EXISTS:
        return bool((value is not None) == wanted)
    if value is None:
        return False
    if isinstance(value, Decimal):  # a double of the database against the catalog's double
        value = float(value)
    if isinstance(value, str) and op in (Operator.LT, Operator.LTE, Operator.GT, Operator.GTE):
        value, wanted = value.encode(), wanted.encode()
    return bool(TESTS[op](value, wanted))


def _reduce(measure: Measure, pairs: list[tuple[Row, Any]]) -> Any:  # noqa: PLR0911 - one return per kind of measure
    values = [value for _, value in pairs]
    if measure.kind is MeasureKind.DISTINCT:
        return len({float(value) if isinstance(value, Decimal) else value for value in values})
    if not values:
        return None
    match measure.kind:
        case MeasureKind.SUM:
            return _sum(values)
        case MeasureKind.AVG:
            return _double(Fraction(_sum(values)) / len(values))
        case MeasureKind.MIN | MeasureKind.MAX:
            choose = min if measure.kind is MeasureKind.MIN else max
            return _public(choose(values, key=_sortable))
        case MeasureKind.PERCENTILE:
            assert measure.quantile is not None
            return _percentile(sorted(map(float, values)), measure.quantile)
        case MeasureKind.FIRST | MeasureKind.LAST:
            choose = min if measure.kind is MeasureKind.FIRST else max
            return _public(choose(pairs, key=_in_order)[1])
    raise AssertionError(measure.kind)


def _in_order(pair: tuple[Row, Any]) -> Any:
    return pair[0].timestamp, str(pair[0].event_id), pair[0].number


def _times(value: Any, factor: Any) -> Fraction | None:
    return None if value is None or factor is None else Fraction(value) * Fraction(factor)


def _sum(values: list[Any]) -> Decimal:
    total = Decimal(0)
    for value in values:
        total = EXACT.add(total, _exact(value))
    return total


def _exact(value: Any) -> Decimal:
    """Return *value* as a decimal. A fraction here is a decimal of the catalog, so nothing is lost."""
    if isinstance(value, Fraction):
        return EXACT.divide(Decimal(value.numerator), Decimal(value.denominator))
    return Decimal(value)


def _percentile(values: list[float], quantile: float) -> float:
    at = quantile * (len(values) - 1)
    low, high = values[math.floor(at)], values[math.ceil(at)]
    return low + (at - math.floor(at)) * (high - low)


def _sortable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode()
    return str(value) if isinstance(value, uuid.UUID) else value


def _public(value: Any) -> Any:
    if isinstance(value, Fraction):
        return _exact(value)
    return float(value) if isinstance(value, Decimal) else value


def _double(value: Fraction) -> float | None:
    if abs(value) < Fraction(1, 10**307):
        return 0.0
    return float(value) if abs(value) <= 10**307 else None
