"""Putting a catalog's SQL on ClickHouse, bringing its stored rows up to date, and comparing with the oracle."""

from __future__ import annotations

import functools
import json
import math
import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from adi_analytics_codegen.backends import render
from adi_analytics_codegen.backends.clickhouse.expressions.names import identifier, literal
from adi_analytics_codegen.backends.sql.manifest.document import manifest
from adi_analytics_codegen.backends.sql.people import plans as people
from adi_analytics_codegen.backends.sql.relations.plan import plan
from adi_analytics_codegen.model.kinds import FieldType, MeasureKind
from adi_analytics_codegen.model.questions.aggregates import Aggregate, Measure
from adi_analytics_codegen.model.readers import questions
from adi_analytics_codegen.model.rows.items import in_rows
from adi_analytics_codegen.model.tables import CLICKHOUSE_BUCKETS as BUCKETS

from support.aggregates.installed import assert_same
from support.aggregates.oracle import Row, expected, start_of
from support.clickhouse.databases import ask

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adi_analytics_codegen.backends.sql.relations.plan import Plan
    from adi_analytics_codegen.model.catalog import Catalog
    from adi_analytics_codegen.model.questions.people import Question

_READABLE: dict[str, Any] = {"output_format_json_quote_64bit_integers": "1", "output_format_json_quote_decimals": "1"}
_FIRST = "1900-01-01 00:00:00"

LARGEST = Decimal("1.79e308")
"""What is larger is no double."""


@dataclass
class Installed:
    """A catalog on ClickHouse."""

    dsn: str
    catalog: Catalog
    versions: list[int] = field(default_factory=list)

    @classmethod
    def create(cls, dsn: str, catalog: Catalog) -> Installed:
        for statement in statements(catalog):
            ask(dsn, statement)
        return cls(dsn, catalog)

    @property
    def database(self) -> str:
        """What questions are asked with: the URL."""
        return self.dsn.replace("http", "clickhouse", 1)

    @functools.cached_property
    def manifest(self) -> dict[str, Any]:
        """The manifest of the catalog."""
        return manifest(self.catalog)

    def insert(self, rows: Iterable[Row]) -> None:
        lines = [
            json.dumps(
                {
                    "timestamp": f"{row.timestamp.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}",
                    "event_type": row.event_type,
                    "service": row.service,
                    "user_id": None if row.user_id is None else str(row.user_id),
                    "data": _written_by_a_worker(row.data),
                    "event_id": str(row.event_id),
                    "meta": row.meta,
                }
            )
            for row in rows
        ]
        if lines:
            query = f"insert into {identifier(self.catalog.storage.table)} format JSONEachRow"
            ask(self.dsn, query, "\n".join(lines).encode())

    def refresh(self, before: datetime) -> None:
        """Store every bucket that ends by *before*: rows of a new version first, then that they are read."""
        for thing in (*self.catalog.aggregates, *questions(self.catalog)):
            self.versions.append(len(self.versions) + 1)
            self.store(thing, start_of(thing, before), self.versions[-1])
            self.publish(thing, start_of(thing, before), self.versions[-1])

    def store(self, thing: Aggregate | Question, end: datetime, version: int) -> None:
        to = f"{end.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
        for relation in self.planned(thing).relations:
            rows = f"{identifier(relation.rows_function)}(from_time = '{_FIRST}', to_time = '{to}')"
            ask(self.dsn, f"insert into {identifier(relation.name)} select *, {version} from {rows}")

    def publish(self, thing: Aggregate | Question, end: datetime, version: int) -> None:
        main = self.planned(thing).main
        to = f"toDateTime64('{end.astimezone(UTC):%Y-%m-%d %H:%M:%S}', 6, 'UTC')"
        ask(
            self.dsn,
            f"""insert into {BUCKETS} select {literal(main.name)}, bucket, {to}, {version} from (
                select {identifier(main.bucket)} as bucket from {identifier(main.name)} where _version = {version}
                union distinct select bucket from {BUCKETS} where rollup = {literal(main.name)} and bucket < {to}
                union distinct select toDateTime64('{_FIRST}', 6, 'UTC')
            )""",
        )

    def planned(self, thing: Aggregate | Question) -> Plan:
        on_wire = in_rows(self.catalog)
        if isinstance(thing, Aggregate):
            return plan(on_wire, next(one for one in on_wire.aggregates if one.name == thing.name))
        return people.plan(on_wire, next(one for one in questions(on_wire) if one.name == thing.name))

    def read(self, name: str) -> list[tuple[Any, ...]]:
        return self.answer(f"select * from {identifier(name)}")

    def answer(self, statement: str) -> list[tuple[Any, ...]]:
        """Return the rows of *statement*, with the values that Python has for them."""
        settings = {**_READABLE, "default_format": "JSONCompactEachRowWithNamesAndTypes"}
        _, types, *rows = map(json.loads, ask(self.dsn, statement, **settings).decode().splitlines())
        return [tuple(_value(kind, value) for kind, value in zip(types, row, strict=True)) for row in rows]

    def check(self, rows: list[Row]) -> None:
        """Compare every aggregate with the oracle."""
        for aggregate in self.catalog.aggregates:
            wanted = [with_doubles(aggregate, row) for row in expected(self.catalog, aggregate, rows)]
            assert_same(aggregate, self.read(aggregate.name), wanted)


def statements(catalog: Catalog, folder: str = "clickhouse/one") -> list[str]:
    """Return the statements of *folder*: those of the events table first."""
    files = {path: text for path, text in render(catalog, ["clickhouse"]).items() if path.startswith(f"{folder}/")}
    first = f"{folder}/events.sql"
    texts = [files.pop(first), *files.values()]
    return [one for text in texts for one in text.split(";\n") if one.strip()]


def is_double_sum(measure: Measure) -> bool:
    """Whether *measure* is a sum of floats, which is a double on ClickHouse."""
    return measure.kind is MeasureKind.SUM and any(
        kind is FieldType.FLOAT for part in measure.parts for _, kind in part.fields
    )


def with_doubles(aggregate: Aggregate, row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return *row* with sums of floats as doubles, which they are here; one too large for a double is NULL."""
    first = 1 + len(aggregate.dimensions)
    values = list(row)
    for at, measure in enumerate(aggregate.measures, first):
        if is_double_sum(measure) and values[at] is not None:
            values[at] = float(values[at]) if abs(values[at]) < LARGEST else None
    return tuple(values)


def _value(kind: str, value: Any) -> Any:
    kind = kind.removeprefix("Nullable(").removesuffix(")") if kind.startswith("Nullable(") else kind
    if value is None or kind in ("String", "Bool"):
        return value
    if kind.startswith("DateTime64"):
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
    if kind.startswith(("Decimal", "Int256")):
        return Decimal(value)
    if kind.startswith("Array"):
        return tuple(value)
    readers: dict[str, Any] = {"UUID": uuid.UUID, "Date32": date.fromisoformat, "Float64": float}
    return readers.get(kind, int)(value)


class _Digits(str):
    """A number as it is written."""

    __slots__ = ()


def _written_by_a_worker(text: str) -> str:
    """Return the document *text* as a worker could have written it, with the same meaning to the oracle.

    ClickHouse takes the first of the members with one key, not the last; it reads no document in which a number is too
    large for a double, and a whole number of more than 64 bits as a text.
    """
    return _written(json.loads(text, parse_float=_Digits, parse_int=_Digits))


def _written(value: Any) -> str:
    if isinstance(value, _Digits):
        double = float(value)
        if math.isinf(double) or (double == 0 and Decimal(value) != 0):
            return "null"
        fits = not value.lstrip("-").isdigit() or -(2**63) <= int(value) < 2**64
        return str(value) if fits else repr(double)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)}: {_written(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_written, value)) + "]"
    return json.dumps(value)
