"""PostgreSQL's SQL."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Final

from adi_analytics._shared.sql import line_literal, quote

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from adi_analytics.query.model.describe import Measure
    from adi_analytics.query.resolve.filters import Test
    from adi_analytics.query.resolve.question import Question

_TYPES: Final = {
    "string": "text",
    "int": "bigint",
    "float": "double precision",
    "decimal": "numeric",
    "bool": "boolean",
    "uuid": "uuid",
    "date": "date",
    "datetime": "timestamp with time zone",
}
_DOUBLE: Final = _TYPES["float"]
_SMALLEST: Final = "1e-307"
_LARGEST: Final = "1e307"
"""The doubles that aggregates hold (docs/reference/aggregates.md): smaller is zero, larger is null."""

_COMPARISONS: Final = {"eq": "=", "ne": "<>", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
_STEPS: Final = {"day": "1 day", "week": "7 days", "month": "1 month"}
_HOUR: Final = timedelta(hours=1)

_SIGMA: Final = """\
select empty + sum(
    power(2::double precision, k - 1) * exp(greatest(-700, power(2::double precision, k) * ln(empty)))
) as sigma
from (select nullif(4096 - filled, 0) / 4096 as empty) as registers, generate_series(1, 20) as k
group by empty"""
"""Ertl's correction for small counts: the query of docs/reference/aggregates.md."""


class Postgres:
    """Implements `adi_analytics.query.sql.dialect.Dialect`."""

    def name(self, of: str) -> str:
        return quote(of)

    def relation(self, of: str, schema: str) -> str:
        return f"{quote(schema)}.{quote(of)}"

    def column(self, of: str) -> str:
        return quote(of)

    def moment(self, at: datetime) -> str:
        return f"timestamptz '{at.astimezone(UTC).isoformat(sep=' ')}'"

    def test(self, test: Test) -> str:
        column = quote(test.column)
        values = [_literal(one, test.type) for one in test.values]
        if test.operator in {"exists", "missing"}:
            return f"{column} is {'not ' if test.operator == 'exists' else ''}null"
        if test.operator == "in":
            return f"{column} in ({', '.join(values)})"
        if test.operator not in {"eq", "ne"} and test.type == "string":
            column += ' collate "C"'
        return f"{column} {_COMPARISONS[test.operator]} {values[0]}"

    def measures_hold(self, column: str, measure: str) -> str:
        return f"{line_literal(measure)} = any({column})"

    def at(self, question: Question, bucket: str, *, previous: bool) -> str:
        zone = line_literal(question.zone_name)
        shift = question.shift
        if previous and shift is not None:
            if not shift.wall:
                bucket = f"{bucket} + {_span(shift.span)}"
            else:
                step = f"interval '{shift.months} months'" if shift.months else f"interval '{shift.span.days} days'"
                bucket = f"({bucket} at time zone {zone} + {step}) at time zone {zone}"
        if question.granularity == "bucket":
            return bucket
        if (
            question.granularity == "hour"
        ):  # as `series` has them: a clock that is put by half an hour has no whole ones
            return f"date_bin({_span(_HOUR)}, {bucket}, {self.moment(question.edges[0])})"
        return f"date_trunc('{question.granularity}', {bucket}, {zone})"

    def series(self, question: Question) -> str:
        first, last = question.edges[0], question.edges[-2]
        if question.granularity in {"bucket", "hour"}:
            width = timedelta(seconds=question.aggregate.bucket.width) if question.granularity == "bucket" else _HOUR
            return f"select generate_series({self.moment(first)}, {self.moment(last)}, {_span(width)}) as at"
        days = (at.astimezone(question.zone).date() for at in (first, last))
        bounds = ", ".join(f"timestamp '{day} 00:00:00'" for day in days)
        zone, step = line_literal(question.zone_name), _STEPS[question.granularity]
        return f"select day at time zone {zone} as at from generate_series({bounds}, interval '{step}') as day"

    def null(self, measure: Measure) -> str:
        # A sum of whole numbers may need more than they do.
        return f"null::{'numeric' if measure.kind == 'sum' else _TYPES[measure.type]}"

    def group(self, keys: Sequence[str]) -> str:
        return f"\ngroup by {', '.join(keys) or '()'}"

    def any(self, column: str) -> str:
        return f"(array_agg({column}))[1]"

    def known(self, column: str) -> str:
        return f"(array_agg({column}) filter (where {column} is not null))[1]"

    def counted(self, column: str) -> str:
        return f"sum({column})::bigint"

    def summed(self, column: str, kind: str) -> str:
        return f"sum({column})"

    def average(self, total: str, count: str, kind: str) -> str:
        return _to_double(f"(sum({total}) / nullif(sum({count}), 0))")

    def extreme(self, measure: Measure, column: str) -> str:
        if measure.type == "bool":
            return f"{'bool_and' if measure.kind == 'min' else 'bool_or'}({column})"
        if measure.type == "uuid":  # servers before PostgreSQL 18 have no smallest UUID
            return f'({measure.kind}({column}::text collate "C"))::uuid'
        collated = f'{column} collate "C"' if measure.type == "string" else column
        return f"{measure.kind}({collated})"

    def largest(self, column: str) -> str:
        return f"max({column})"

    def distinct(self, column: str) -> str:
        return f"count(distinct {column})"

    def percentile(self, quantile: float) -> str:
        position = f"({quantile!r}::{_DOUBLE} * (total - 1)::{_DOUBLE})"
        low, high = (f"min(estimate) filter (where up_to > {side}({position}))" for side in ("floor", "ceil"))
        weight = f"max({position} - floor({position}))"
        return f"{low} + ({high} - {low}) * {weight}"

    def estimates(self, registers: str, keys: Sequence[str]) -> str:
        listed = "".join(f"{key}, " for key in keys)
        summary = (
            f"select {listed}count(*)::double precision as filled,"
            f" coalesce(sum(power(2::double precision, -rho)), 0) as inverse\n"
            f"from (\n{registers}\n) as merged{self.group(keys)}"
        )
        count = "round(0.7213475204444817 * 4096 * 4096 / (4096 * coalesce(sigma, 0) + inverse))::bigint"
        return (
            f"select {listed}case when filled = 0 then 0 else {count} end as estimate\n"
            f"from (\n{summary}\n) as summary\ncross join lateral (\n{_SIGMA}\n) as correction"
        )

    def ratio(self, above: Sequence[str], under: Sequence[str], kinds: Sequence[str], *, whole: bool) -> str:
        over, below = " + ".join(above), " + ".join(under)
        if whole:
            return f"({over})::{_DOUBLE} / nullif({below}, 0)"
        return _to_double(f"(({over})::numeric / nullif({below}, 0))")

    def share(self, above: str, under: str) -> str:
        return f"sum({above})::{_DOUBLE} / nullif(sum({under}), 0)::{_DOUBLE}"

    def sorted(self, expression: str, kind: str) -> str:
        return f'{expression} collate "C"' if kind == "string" else expression

    def place(self, text: str, kind: str, expression: str) -> str:
        return _literal(text, "decimal" if kind == "int" else kind)

    def shared(self, name: str) -> str:
        return f"{name} as"

    def ending(self, *, sharing: bool) -> str:
        return ";"


def _literal(text: str, kind: str) -> str:
    return f"{line_literal(text)}::{_TYPES[kind]}"


def _span(length: timedelta) -> str:
    """Return *length* as an interval of exact seconds: a day of an interval may have 23 or 25 hours."""
    return f"interval '{length // timedelta(seconds=1)} seconds'"


def _to_double(numeric: str) -> str:
    size = f"abs({numeric})"
    return f"case when {size} < {_SMALLEST} then 0 when {size} <= {_LARGEST} then {numeric}::{_DOUBLE} end"
