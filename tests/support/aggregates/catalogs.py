"""Random catalogs and rows: every measure, operator and field type, under names that SQL itself uses."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from adi_analytics_codegen.model.catalog import Catalog, Storage
from adi_analytics_codegen.model.events import Event
from adi_analytics_codegen.model.fields import Field, Location
from adi_analytics_codegen.model.kinds import FieldType, MeasureKind, Operator
from adi_analytics_codegen.model.questions.aggregates import (
    Aggregate,
    Choice,
    Condition,
    Dimension,
    Measure,
    Ratio,
    Refresh,
    Term,
    Test,
    in_order,
)
from adi_analytics_codegen.model.questions.calendars import Calendar, Unit
from adi_analytics_codegen.model.text.durations import Months
from hypothesis import strategies as st
from support.aggregates.oracle import Row
from support.aggregates.streams import ODD_DOCUMENTS, ODD_VALUES, START

if TYPE_CHECKING:
    from collections.abc import Callable

SPRING = START + timedelta(days=75)
AT = Location("events.yaml", 1, 1)
SCALARS = tuple(FieldType)[:9]
OF_ITEMS = (FieldType.STRING, FieldType.INT)
"""The types of fields that items of lists have where the others would be the same again."""
NAMES = (
    "order", "user", "timestamp", "day", "select", "data", "event_type", "member", "row_count", "sign", "magnitude",
    "lower_bound", "estimate", "measures", "from_time", "watermark", "rollup", "x__sum", "it's", 'quo"te', "percent%s",
    "n" * 63,
)  # fmt: skip
WIRES = (None, None, ".of it", "Key", "~1", ' "it\'s" \\ %s')
"""What some of the names have behind them in JSON."""
REFERENCES = {"order": "$user_id", "user": "event", "day": "$environment"}
"""What some have there instead: keys that are references in a catalog."""
ORDERED = (Operator.LT, Operator.LTE, Operator.GT, Operator.GTE)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
WIDTHS = (timedelta(minutes=15), HOUR, 6 * HOUR, timedelta(days=1), timedelta(days=7), Months(1))

VALUES: dict[FieldType, st.SearchStrategy[Any]] = {
    FieldType.UUID: st.integers(0, 3).map(lambda n: str(uuid.UUID(int=n))),
    FieldType.STRING: st.sampled_from(["", "a", "B", "é", "it's", "\\", "%s", "a" * 64, "two\n-- step: x\n\nlines\\'"]),
    FieldType.ENUM: st.sampled_from(["GET", "POST"]),
    FieldType.INT: st.one_of(st.integers(-3, 3), st.integers(-(2**63), 2**63 - 1)),
    FieldType.FLOAT: st.one_of(st.sampled_from([0.0, -0.0, 0.1, 0.25, -1.5]), st.floats(-1e307, 1e307)),
    FieldType.BOOL: st.booleans(),
    FieldType.DATETIME: st.sampled_from(
        [
            "2026-01-01T00:00:00Z",
            "2026-01-01T02:00:00+02:00",
            "2024-02-29t23:59:59.9z",
            "1000-01-01T00:00:00.000001-00:30",
        ]
    ),
    FieldType.DATE: st.sampled_from(["2026-01-31", "0001-01-01", "9999-12-31", "2024-02-29"]),
    FieldType.DECIMAL: st.sampled_from(["0", "-0.5", "9.50", "9.5", "9" * 38, "-0." + "0" * 37 + "1"]),
    FieldType.LIST: st.just([1]),
    FieldType.OBJECT: st.just({"a": 1}),
    FieldType.MAP: st.just({"a": 1}),
    FieldType.JSON: st.sampled_from([1, "x", [], {}]),
}

SMALL_VALUES = VALUES | {
    FieldType.INT: st.integers(-(10**6), 10**6),
    FieldType.FLOAT: st.sampled_from([0.0, -0.0, 0.1, 0.25, -1.5, 700.0]),
    FieldType.DECIMAL: st.sampled_from(["0", "-0.5", "9.50", "9.5", "1234567.89", "-0.000001"]),
}
"""Values that add up and multiply exactly in the 76 digits that ClickHouse has."""
SMALL_ODD_VALUES = tuple(value for value in ODD_VALUES if not value.strip("-")[:1].isdigit() or len(value) < 5)
FACTORS = ("1", "-1", "0.5", "-2", "1" + "0" * 37)

NUMBERS = (FieldType.INT, FieldType.FLOAT, FieldType.DECIMAL)
USABLE: dict[MeasureKind, tuple[FieldType, ...]] = {
    MeasureKind.SUM: NUMBERS,
    MeasureKind.AVG: NUMBERS,
    MeasureKind.PERCENTILE: NUMBERS,
    MeasureKind.MIN: SCALARS,
    MeasureKind.MAX: SCALARS,
    MeasureKind.DISTINCT: SCALARS,
    MeasureKind.FIRST: SCALARS,
    MeasureKind.LAST: SCALARS,
}


def every_measure(constant: str = "9" * 38) -> Catalog:
    """Return a catalog with a field of each type, and for each an aggregate with every measure that can read it."""
    scalars = tuple(Field(kind, kind, AT, optional=True) for kind in SCALARS)
    inner = Field("inner", FieldType.OBJECT, AT, fields=scalars, wire="in.ner")
    item = Field("", FieldType.OBJECT, AT, fields=tuple(field for field in scalars if field.type in OF_ITEMS))
    listed = Field("list", FieldType.LIST, AT, items=item, wire="li.st")
    nested = Field("outer", FieldType.OBJECT, AT, fields=(inner, listed), wire="The outer")
    event = Event("e", "E", "d", "", "", (*scalars, nested), AT)
    paths = {field.name: field.type for field in scalars} | {"outer.inner.int": FieldType.INT}
    aggregates = []
    for path, kind in paths.items():
        measures = [_reader(name, path, kind) for name, types in USABLE.items() if kind in types]
        if kind in USABLE[MeasureKind.SUM]:
            fourth = ((path, kind),) * 3
            measures += [_reader(name, path, kind, fourth) for name in (MeasureKind.SUM, MeasureKind.AVG)]
            terms = (Term("-0.5", ((path, kind),)), Term(constant, ()))
            measures.append(replace(_reader(MeasureKind.AVG, path, kind), name="computed", terms=terms))
        present = Condition(path, Operator.EXISTS, value=True, at=AT)
        measures.append(Measure("present", MeasureKind.COUNT, AT, where=(present,)))
        measures.append(Measure("trailing", MeasureKind.DISTINCT, AT, of=path, type=kind, trailing=3 * DAY))
        measures.append(Measure("mergeable", MeasureKind.DISTINCT, AT, of=path, type=kind, mergeable=True))
        for name, dimensions in (("of", ()), ("by", (Dimension("value", path, kind, AT),))):
            named = f"{name}_{path.replace('.', '_')}"
            refresh = Refresh(DAY, 5 * DAY, DAY)
            aggregates.append(
                Aggregate(named, "", ("e",), "day", DAY, refresh, tuple(measures), AT, dimensions=dimensions)
            )
    return Catalog("odd", (event,), aggregates=(*aggregates, _every_measure_of_items()))


def _every_measure_of_items() -> Aggregate:
    measures = [
        replace(_reader(name, f"outer.list.{kind}", kind), name=f"{name}_{kind}")
        for name, types in USABLE.items()
        for kind in OF_ITEMS
        if kind in types
    ]
    of = "outer.list.int"
    measures += [
        Measure("present", MeasureKind.COUNT, AT, where=(Condition("outer.list", Operator.EXISTS, value=True, at=AT),)),
        Measure("small", MeasureKind.COUNT, AT, where=(Condition(of, Operator.LT, value=13, at=AT),)),
        Measure("trailing", MeasureKind.DISTINCT, AT, of=of, type=FieldType.INT, trailing=3 * DAY),
        Measure("mergeable", MeasureKind.DISTINCT, AT, of=of, type=FieldType.INT, mergeable=True),
    ]
    dimensions = tuple(
        Dimension(name, of, kind, AT)
        for name, of, kind in (("value", "outer.list.string", FieldType.STRING), ("fair", "bool", FieldType.BOOL))
    )
    refresh = Refresh(DAY, 5 * DAY, DAY)
    return Aggregate(
        "items", "", ("e",), "day", DAY, refresh, tuple(measures), AT, dimensions=dimensions, each="outer.list"
    )


def _reader(kind: MeasureKind, path: str, type_: FieldType, times: tuple[tuple[str, FieldType], ...] = ()) -> Measure:
    quantile = 0.5 if kind is MeasureKind.PERCENTILE else None
    name = f"m_{kind}_{len(times)}" if times else f"m_{kind}"
    return Measure(name, kind, AT, of=path, type=type_, quantile=quantile, times=times)


@st.composite
def catalogs(draw: Callable[..., Any], numbers: tuple[str, ...] = FACTORS) -> Catalog:
    """Draw a catalog with two events of the same fields, one of them unused by some aggregates.

    Args:
        draw: Draws from a strategy.
        numbers: The constants of computed values.
    """
    types = draw(st.lists(st.sampled_from(FieldType), min_size=len(NAMES), max_size=len(NAMES)))
    wires = draw(st.lists(st.sampled_from(WIRES), min_size=len(NAMES), max_size=len(NAMES)))
    fields = tuple(
        _field(name, kind, REFERENCES.get(name, f"{name[:40]}{wire}") if wire else None)
        for name, kind, wire in zip(NAMES, types, wires, strict=True)
    )
    types_of = {"one": draw(st.sampled_from((None, "One $Done"))), "it's two": None}
    events = tuple(Event(name, name, "d", "", "", fields, AT, wire=wire) for name, wire in types_of.items())
    named = st.sampled_from(("agg", "select", "a" * 63, 'odd "name"'))
    names = draw(st.lists(named, min_size=1, max_size=2, unique=True))
    storage = Storage(table=draw(st.sampled_from(("events", "table", "e" * 63))), chunk_interval=timedelta(days=30))
    user_id = draw(st.sampled_from((FieldType.UUID, FieldType.STRING)))
    aggregates = tuple(draw(_aggregate(name, fields, user_id, numbers)) for name in names)
    return Catalog("random", events, storage=storage, aggregates=aggregates, user_id=user_id)


_ITEMS = (
    Field("", FieldType.INT, AT),
    Field("", FieldType.OBJECT, AT, fields=tuple(Field(f"its_{kind}", kind, AT, optional=True) for kind in SCALARS)),
)


def _field(name: str, kind: FieldType, wire: str | None) -> Field:
    items = _ITEMS[len(name) % 2 if kind is FieldType.LIST else 0] if kind in {FieldType.LIST, FieldType.MAP} else None
    return Field(name, kind, AT, optional=True, items=items, wire=wire)


def _readable(fields: tuple[Field, ...], each: str) -> tuple[Field, ...]:
    """Return what an aggregate can read: *fields*, but items and their fields in place of the list *each*."""
    listed = next((field for field in fields if field.name == each), None)
    if listed is None or listed.items is None:
        return fields
    inside = tuple(replace(field, name=f"{each}.{field.name}") for field in listed.items.fields)
    return (*(field for field in fields if field.name != each), replace(listed.items, name=each), *(inside * 5))


def _scalars(fields: tuple[Field, ...], user_id: FieldType) -> list[tuple[str, FieldType]]:
    """Return what a measure or a dimension can read, and its type."""
    found = [(field.name, field.type) for field in fields if field.type in SCALARS]
    references = ("$service", "$environment", "$hostname")
    return [*found, ("$user_id", user_id), *((name, FieldType.STRING) for name in references)]


@st.composite
def _aggregate(
    draw: Callable[..., Any], name: str, fields: tuple[Field, ...], user_id: FieldType, numbers: tuple[str, ...]
) -> Aggregate:
    lists = [field.name for field in fields if field.type is FieldType.LIST]
    each = draw(st.sampled_from(lists)) if lists and draw(st.booleans()) else ""
    fields = _readable(fields, each)
    columns = draw(st.permutations(NAMES))
    width = draw(st.sampled_from(WIDTHS))
    kinds = draw(st.lists(st.sampled_from(MeasureKind), min_size=1, max_size=6))
    dimensions = draw(st.lists(st.sampled_from(_scalars(fields, user_id)), max_size=3))
    used = iter(columns)
    bucket = next(used)
    measures = tuple(
        draw(_measure(next(used), kind, _scalars(fields, user_id), fields, width, numbers)) for kind in kinds
    )
    additive = [m.name for m in measures if m.kind in (MeasureKind.COUNT, MeasureKind.SUM, MeasureKind.DISTINCT)]
    sides = st.lists(st.sampled_from(additive), min_size=1, max_size=2).map(tuple) if additive else None
    return Aggregate(
        name=name,
        description="It's\n; drop --",
        sources=draw(st.sampled_from((("one",), ("one", "it's two")))),
        bucket_name=bucket,
        bucket_width=width,
        refresh=Refresh(HOUR, 4 * width, timedelta()),
        measures=measures,
        at=AT,
        dimensions=tuple(Dimension(next(used), of, kind, AT) for of, kind in dimensions),
        derived=(Ratio(next(used), draw(sides), draw(sides), AT),) if sides is not None else (),
        where=draw(_tests(fields)),
        all_events=draw(st.booleans()),
        version=draw(st.integers(1, 12)),
        each=each,
        calendar=draw(_calendars(width)),
    )


UNITS = {timedelta(days=1): Unit.DAY, timedelta(weeks=1): Unit.WEEK, Months(1): Unit.MONTH}
ZONES = ("UTC", "Europe/Berlin", "Asia/Beirut", "America/Santiago", "Asia/Kolkata", "Australia/Lord_Howe")
"""In the spring of 2026 clocks change in most of them: by half an hour in the last, in two at midnight."""


def _calendars(width: timedelta) -> st.SearchStrategy[Calendar | None]:
    """Draw whose days, weeks or months buckets of *width* are."""
    if width not in UNITS:
        return st.none()
    made = st.sampled_from(ZONES).map(lambda zone: Calendar(UNITS[width], zone))
    return made if isinstance(width, Months) else st.one_of(st.none(), made)


@st.composite
def _measure(  # noqa: PLR0913, PLR0917 - what a measure is drawn from
    draw: Callable[..., Any],
    name: str,
    kind: MeasureKind,
    scalars: list[tuple[str, FieldType]],
    fields: tuple[Field, ...],
    width: timedelta,
    numbers: tuple[str, ...],
) -> Measure:
    usable = [pair for pair in scalars if pair[1] in USABLE.get(kind, ())]
    where = draw(_tests(fields))
    if not usable:
        return Measure(name, MeasureKind.COUNT, AT, where=where)
    of, type_ = draw(st.sampled_from(usable))
    computes = kind in (MeasureKind.SUM, MeasureKind.AVG)
    terms = draw(_terms(fields, numbers)) if computes and draw(st.booleans()) else ()
    if terms:
        of, type_ = terms[0].fields[0]
    many = draw(st.integers(1, 5)) if kind is MeasureKind.DISTINCT and draw(st.booleans()) else 0
    trailing = (Months(many) if isinstance(width, Months) else many * width) if many else None
    return Measure(
        name,
        kind,
        AT,
        of=of,
        type=type_,
        terms=terms,
        quantile=draw(st.sampled_from((0.001, 0.5, 0.95, 0.999))) if kind is MeasureKind.PERCENTILE else None,
        trailing=trailing,
        mergeable=kind is MeasureKind.DISTINCT and trailing is None and draw(st.booleans()),
        where=where,
        times=draw(_factors(fields)) if computes and not terms else (),
    )


@st.composite
def _factors(draw: Callable[..., Any], fields: tuple[Field, ...]) -> tuple[tuple[str, FieldType], ...]:
    numbers = [pair for pair in _scalars(fields, FieldType.UUID) if pair[1] in USABLE[MeasureKind.SUM]]
    factors: list[tuple[str, FieldType]] = draw(st.lists(st.sampled_from(numbers), max_size=3))
    return tuple(factors)


@st.composite
def _terms(draw: Callable[..., Any], fields: tuple[Field, ...], numbers: tuple[str, ...]) -> tuple[Term, ...]:
    parts = st.builds(Term, st.sampled_from(numbers), _factors(fields))
    terms: list[Term] = draw(st.lists(parts, max_size=3))
    return in_order(terms) if any(term.fields for term in terms) else ()


@st.composite
def _tests(draw: Callable[..., Any], fields: tuple[Field, ...], depth: int = 0) -> tuple[Test, ...]:
    found: tuple[Test, ...] = draw(_conditions(fields))
    if depth < 3 and draw(st.integers(0, 2)) == 0:
        branches = draw(st.lists(_tests(fields, depth + 1).filter(bool), min_size=1, max_size=3).map(tuple))
        found = (*found, Choice(branches, AT, negated=draw(st.booleans())))
    return found


@st.composite
def _conditions(draw: Callable[..., Any], fields: tuple[Field, ...]) -> tuple[Condition, ...]:
    found = []
    for field in draw(st.lists(st.sampled_from(fields), max_size=2)) if draw(st.booleans()) else ():
        value = VALUES[field.type]
        operators = [Operator.EXISTS]
        if field.type in SCALARS:
            operators += [Operator.EQ, Operator.NE, Operator.IN]
            operators += [Operator.PREFIX] if field.type in (FieldType.STRING, FieldType.ENUM) else ()
            operators += ORDERED if field.type not in (FieldType.BOOL, FieldType.UUID) else ()
        op = draw(st.sampled_from(operators))
        several = st.lists(value, min_size=1, max_size=3).map(tuple)
        operand = draw({Operator.EXISTS: st.booleans(), Operator.IN: several}.get(op, value))
        found.append(Condition(field.name, op, operand, AT))
    if draw(st.integers(0, 4)) == 0:
        found.append(draw(st.sampled_from(_FIXED_CONDITIONS)))
    return tuple(found)


_FIXED_CONDITIONS = (
    Condition("event", Operator.EQ, "it's two", AT),
    Condition("event", Operator.NE, "one", AT),
    Condition("event", Operator.IN, ("one", "it's two"), AT),
    Condition("$user_id", Operator.EXISTS, value=True, at=AT),
    Condition("$user_id", Operator.EXISTS, value=False, at=AT),
    Condition("$service", Operator.GTE, "b", AT),
    Condition("$environment", Operator.NE, "production", AT),
    Condition("$hostname", Operator.PREFIX, "a.", AT),
    Condition("$hostname", Operator.EXISTS, value=False, at=AT),
)


METAS = (
    "{}",
    '{"environment": "production", "hostname": "a.example"}',
    '{"environment": "test", "hostname": "b.example"}',
    '{"environment": null, "hostname": 5}',
    '{"environment": ["production"]}',
    "[]",
    '"environment"',
)


@st.composite
def rows(draw: Callable[..., Any], catalog: Catalog, *, small: bool = False) -> list[Row]:
    """Draw rows for *catalog*: some fit it, some do not, times tie. The numbers in them are *small* or any."""
    fields = catalog.events[0].fields
    moment = st.integers(0, 30 * 96).map(lambda quarters: SPRING + timedelta(minutes=15 * quarters))
    row = st.builds(
        Row,
        timestamp=st.one_of(st.sampled_from((SPRING, SPRING + timedelta(days=3))), moment),
        event_type=st.sampled_from((*(event.type for event in catalog.events), "unknown")),
        data=st.one_of(_document(fields, small), _document(fields, small), st.sampled_from(ODD_DOCUMENTS)),
        user_id=st.one_of(st.none(), _user_ids(catalog.user_id)),
        service=st.sampled_from(("a", "b", "")),
        event_id=st.uuids(),
        meta=st.sampled_from(METAS),
    )
    drawn: list[Row] = draw(st.lists(row, max_size=25, unique_by=lambda r: r.event_id))
    return drawn


def _user_ids(kind: FieldType) -> st.SearchStrategy[Any]:
    strings = st.sampled_from(("", "user-1", "it's", "É", "0190a0b4-5c8e-7d10-8f3e-2b6f5d1c9a01", "x" * 2000))
    return st.integers(0, 3).map(lambda n: uuid.UUID(int=n)) if kind is FieldType.UUID else strings


def _document(fields: tuple[Field, ...], small: bool) -> st.SearchStrategy[str]:
    texts = {f.key: st.one_of(_texts(f, small), _odd(small)) for f in fields}
    members = st.fixed_dictionaries({}, optional=texts)
    return members.map(lambda found: "{" + ", ".join(f"{json.dumps(k)}: {v}" for k, v in found.items()) + "}")


def _odd(small: bool) -> st.SearchStrategy[str]:
    return st.sampled_from(SMALL_ODD_VALUES if small else ODD_VALUES)


def _texts(field: Field, small: bool) -> st.SearchStrategy[str]:
    """Return texts of values that fit *field*; one of the items of a list may be odd."""
    values = SMALL_VALUES if small else VALUES
    if field.type is not FieldType.LIST or field.items is None:
        return values[field.type].map(json.dumps)
    inside = field.items.fields
    item = _document(inside, small) if inside else values[field.items.type].map(json.dumps)
    listed = st.lists(st.one_of(item, item, _odd(small)), max_size=4)
    return listed.map(lambda texts: f"[{', '.join(texts)}]")
