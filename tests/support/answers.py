"""What an answer must say, computed in plain Python from the events; it shares no code with the query layer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from adi_analytics_codegen.model.kinds import MeasureKind

from support.aggregates.oracle import _public, _Reader, start_of
from support.clickhouse.installed import LARGEST, is_double_sum

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from adi_analytics.query import Result
    from adi_analytics_codegen.model.catalog import Catalog
    from adi_analytics_codegen.model.questions.aggregates import Aggregate

    from support.aggregates.oracle import Row

PERCENTILE = 0.00991


@dataclass(frozen=True)
class Asked:
    """A question of the tests."""

    aggregate: Aggregate
    start: datetime
    end: datetime
    granularity: str
    zone: ZoneInfo
    dimensions: tuple[str, ...]
    equal: dict[str, Any]
    distinct: str = "auto"


def groups(catalog: Catalog, asked: Asked, rows: list[Row]) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Return the measures of each group that has rows, but for trailing counts."""
    aggregate, reader = asked.aggregate, _Reader(catalog, asked.aggregate)
    found: dict[tuple[Any, ...], list[Row]] = {}
    for row in reader.read(rows):
        stored = start_of(aggregate, row.timestamp)
        values = {d.name: _public(reader.value(row, d.of, d.type)) for d in aggregate.dimensions}
        if not asked.start <= stored < asked.end or any(values[name] != one for name, one in asked.equal.items()):
            continue
        time = () if asked.granularity == "total" else (bucket(stored, asked),)
        found.setdefault((*time, *(values[name] for name in asked.dimensions)), []).append(row)
    return {key: _measures(asked.aggregate, reader, members) for key, members in found.items()}


def bucket(at: datetime, asked: Asked) -> datetime:
    """Return the start of the bucket that *at* is in. The zones of the tests change their clocks at no midnight."""
    if asked.granularity == "bucket":
        return at
    there = at.astimezone(asked.zone)
    if asked.granularity == "hour":
        return at - timedelta(minutes=there.minute)
    day = there.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None, fold=0)
    if asked.granularity == "week":
        day -= timedelta(days=day.weekday())
    if asked.granularity == "month":
        day = day.replace(day=1)
    return day.replace(tzinfo=asked.zone).astimezone(UTC)


def _measures(aggregate: Aggregate, reader: Any, rows: list[Row]) -> dict[str, Any]:
    found = {m.name: reader.measure(m, rows) for m in aggregate.measures if m.trailing is None}
    for ratio in aggregate.derived:
        if all(name in found for name in (*ratio.numerator, *ratio.denominator)):
            above, below = (
                sum((Fraction(found[name] or 0) for name in side), Fraction())
                for side in (ratio.numerator, ratio.denominator)
            )
            size = abs(above / below) if below else None
            found[ratio.name] = None if size is None or size > 10**307 else float(above / below)
    return found


def assert_answers(
    result: Result,
    asked: Asked,
    expected: dict[tuple[Any, ...], dict[str, Any]],
    aggregate: Any,
    *,
    doubles: bool = False,
) -> None:
    """Compare an answer with what it must say; rows that only fill a gap say that nothing happened.

    With *doubles*, sums of floats are such ones, instead of exact.
    """
    rounded = {measure.name for measure in aggregate.measures if doubles and is_double_sum(measure)}
    keys = [c.name for c in result.columns if c.role in {"bucket", "dimension"}]
    rows = {tuple(row[key] for key in keys): row for row in result}
    assert len(rows) == len(result), "a group comes twice"
    assert expected.keys() <= rows.keys() or asked.granularity == "total"
    kinds = {measure.name: measure.kind for measure in aggregate.measures if measure.trailing is None}
    for key, row in rows.items():
        for column in result.columns:
            if column.role == "measure" and column.name in (expected.get(key) or kinds):
                zero = 0 if kinds.get(column.name) in {MeasureKind.COUNT, MeasureKind.DISTINCT} else None
                wanted = expected[key][column.name] if key in expected else zero
                if column.standard_error is not None:
                    assert abs(row[column.name] - wanted) <= max(0.6, 5 * column.standard_error * float(wanted or 0))
                    continue
                if column.name in rounded and wanted is not None:
                    wanted = float(wanted) if abs(wanted) < LARGEST else None
                bound = PERCENTILE if column.exactness == "approximate" else 1e-12
                assert close(row[column.name], wanted, bound), (asked, key, column.name, row[column.name], wanted)


def close(actual: Any, wanted: Any, bound: float) -> bool:
    """Whether two values are the same, but for the error that *bound* allows."""
    if actual is None or wanted is None:
        return actual is wanted
    if isinstance(wanted, float | Decimal | int) and not isinstance(wanted, bool):
        if isinstance(wanted, float) or bound == PERCENTILE:
            return math.isclose(actual, wanted, rel_tol=bound, abs_tol=1e-300)
        return bool(Decimal(actual) == Decimal(wanted))
    return bool(actual == wanted)
