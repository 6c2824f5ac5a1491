"""ClickHouse's SQL.

An alias hides a column of the same SELECT there, so columns of the catalog are read with the name of their relation
before them. Starts of the answer's buckets are those that :mod:`adi_analytics.query.resolve` computed: the server's
own functions for days end in 2106, and take another of two equal midnights than PostgreSQL.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from adi_analytics._shared.clickhouse.text import literal, quoted
from adi_analytics._shared.moments import micros_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from adi_analytics.query.model.describe import Measure
    from adi_analytics.query.resolve.filters import Test
    from adi_analytics.query.resolve.question import Question

_SECOND: Final = timedelta(seconds=1)
_HOUR: Final = 3600
_MOST_RUNS: Final = 100
"""More are written as numbers: a server limits the elements of a statement, and a list of numbers is one."""
_COMPARISONS: Final = {"eq": "=", "ne": "!=", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
_DIGITS: Final = 38
"""What a decimal has on either side of its point."""


class Clickhouse:
    """Implements `adi_analytics.query.sql.dialect.Dialect`."""

    def name(self, of: str) -> str:
        return quoted(of)

    def relation(self, of: str, schema: str) -> str:
        return f"{quoted(of)} as _r"

    def column(self, of: str) -> str:
        return f"_r.{quoted(of)}"

    def moment(self, at: datetime) -> str:
        return _time(at)

    def test(self, test: Test) -> str:
        column = self.column(test.column)
        if test.operator in {"exists", "missing"}:
            return f"is{'Not' if test.operator == 'exists' else ''}Null({column})"
        sign = _COMPARISONS.get(test.operator, "=")
        found = [_compared(column, sign, one, test.type) for one in test.values]
        return found[0] if len(found) == 1 else f"({' or '.join(found)})"

    def measures_hold(self, column: str, measure: str) -> str:
        return f"has({column}, {literal(measure)})"

    def at(self, question: Question, bucket: str, *, previous: bool) -> str:
        shift = question.shift if previous else None
        wall = shift is not None and shift.wall
        ahead = 0 if shift is None or wall else shift.span // _SECOND
        if question.granularity == "bucket" and not ahead:
            return bucket
        seconds = f"intDiv(toUnixTimestamp64Micro({bucket}), 1000000){f' + {ahead}' if ahead else ''}"
        if question.granularity == "hour":
            first = _seconds(question.edges[0])
            seconds = f"{first} + intDiv({seconds} - {first}, {_HOUR}) * {_HOUR}"
        elif question.granularity != "bucket":
            starts = question.edges[:-1]
            met = [shift.back(at, question.zone) for at in starts] if shift is not None and wall else starts
            seconds = f"roundDown({seconds}, {_array(met)})"
            if met is not starts:
                seconds = f"transform({seconds}, {_array(met)}, {_array(starts)}, toInt64(0))"
        return _from_seconds(seconds)

    def series(self, question: Question) -> str:
        return f"select {_from_seconds(f'arrayJoin({_array(question.edges[:-1])})')} as at"

    def null(self, measure: Measure) -> str:
        return "null"

    def group(self, keys: Sequence[str]) -> str:
        return f"\ngroup by {', '.join(keys)}" if keys else ""

    def any(self, column: str) -> str:
        return f"anyOrNull({column})"

    def known(self, column: str) -> str:
        return f"anyOrNull({column})"

    def counted(self, column: str) -> str:
        return f"sumOrNull({column})"

    def summed(self, column: str, kind: str) -> str:
        if "Decimal" in kind:
            return _decimal_sum(column)
        return _float_sum(column) if "Float" in kind else f"sumOrNull({column})"

    def average(self, total: str, count: str, kind: str) -> str:
        return _quotient(_double(self.summed(total, kind), kind), f"sumOrNull({count})")

    def extreme(self, measure: Measure, column: str) -> str:
        if measure.type == "uuid":  # they compare by their second half
            return f"toUUID({measure.kind}OrNull(toString({column})))"
        return f"{measure.kind}OrNull({column})"

    def largest(self, column: str) -> str:
        return f"maxOrNull({column})"

    def distinct(self, column: str) -> str:
        return f"uniqExact({column})"

    def percentile(self, quantile: float) -> str:
        position = f"(toFloat64('{quantile!r}') * toFloat64(total - 1))"
        low, high = (f"minIfOrNull(estimate, up_to > {side}({position}))" for side in ("floor", "ceil"))
        weight = f"max({position} - floor({position}))"
        return f"{low} + ({high} - {low}) * {weight}"

    def estimates(self, registers: str, keys: Sequence[str]) -> str:
        listed = "".join(f"{key}, " for key in keys)
        summary = (
            f"select {listed}toFloat64(count()) as filled, ifNull(sum(pow(2., -toInt16(rho))), 0) as inverse\n"
            f"from (\n{registers}\n) as merged{self.group(keys)}"
        )
        empty = "((4096 - filled) / 4096)"
        # Ertl's correction for small counts: the query of docs/reference/aggregates.md.
        each = f"pow(2., k - 1) * exp(greatest(-700., pow(2., k) * log({empty})))"
        sigma = f"if(filled = 4096, 0., {empty} + arraySum(k -> {each}, range(1, 21)))"
        count = f"toInt64(round(0.7213475204444817 * 4096 * 4096 / (4096 * {sigma} + inverse)))"
        return f"select {listed}if(filled = 0, 0, {count}) as estimate\nfrom (\n{summary}\n) as summary"

    def ratio(self, above: Sequence[str], under: Sequence[str], kinds: Sequence[str], *, whole: bool) -> str:
        if whole:
            return f"({' + '.join(above)}) / nullIf({' + '.join(under)}, 0)"
        by_side = (kinds[: len(above)], kinds[len(above) :])
        return _quotient(*(_side(side, own) for side, own in zip((above, under), by_side, strict=True)))

    def share(self, above: str, under: str) -> str:
        return f"sum({above}) / nullIf(sum({under}), 0)"

    def sorted(self, expression: str, kind: str) -> str:
        return f"toString({expression})" if kind == "uuid" else expression

    def place(self, text: str, kind: str, expression: str) -> str:
        if kind == "decimal":  # a sum of floats is one of them there
            return f"cast({literal(text)}, toTypeName({expression}))"
        if kind == "int":  # sums may need more than 64 bits
            return f"toInt256({literal(text)})"
        return _LITERALS[kind if kind != "uuid" else "string"](text)

    def shared(self, name: str) -> str:
        return f"{name} as materialized"

    def ending(self, *, sharing: bool) -> str:
        return "\nsettings enable_materialized_cte = 1;" if sharing else ";"


def _seconds(at: datetime) -> int:
    return micros_of(at) // 1_000_000


def _from_seconds(seconds: str) -> str:
    return f"fromUnixTimestamp64Micro(toInt64({seconds}) * 1000000, 'UTC')"


def _time(at: datetime) -> str:
    return f"toDateTime64('{at.astimezone(UTC).replace(tzinfo=None).isoformat(sep=' ')}', 6, 'UTC')"


def _array(times: Sequence[datetime]) -> str:
    """Return the seconds of *times* as an array: those that are equally far apart as a range of numbers."""
    numbers = [_seconds(at) for at in times]
    runs = list(_runs(numbers))
    if len(runs) * 4 > len(numbers) or len(runs) > _MOST_RUNS:
        return f"cast([{', '.join(map(str, numbers))}], 'Array(Int64)')"
    ranges = [f"range(toInt64({first}), toInt64({last + step}), toInt64({step}))" for first, last, step in runs]
    return ranges[0] if len(ranges) == 1 else f"arrayConcat({', '.join(ranges)})"


def _runs(numbers: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Yield first, last and distance of the numbers that are equally far apart."""
    begin = 0
    while begin < len(numbers):
        end = begin + 1
        step = numbers[end] - numbers[begin] if end < len(numbers) else 1
        while end < len(numbers) and numbers[end] - numbers[end - 1] == step:
            end += 1
        yield numbers[begin], numbers[end - 1], step
        begin = end


def _compared(column: str, sign: str, text: str, kind: str) -> str:
    if kind == "decimal" and not _fits(Decimal(text)):
        return f"{_double(column, 'Decimal')} {sign} {_LITERALS['float'](text)}"
    return f"{column} {sign} {_LITERALS[kind](text)}"


def _fits(number: Decimal) -> bool:
    exponent = number.as_tuple().exponent
    return abs(number) < 10**_DIGITS and isinstance(exponent, int) and exponent >= -_DIGITS


_LITERALS: Final[Mapping[str, Callable[[str], str]]] = {
    "string": literal,
    "int": lambda text: f"toInt64('{text}')",
    "float": lambda text: f"toFloat64('{text}')",
    "decimal": lambda text: f"toDecimal256('{Decimal(text):f}', {_DIGITS})",
    "bool": str,
    "uuid": lambda text: f"toUUID('{text}')",
    "date": lambda text: f"toDate32('{text}')",
    "datetime": lambda text: _time(datetime.fromisoformat(text)),
}

# As the generated views add up (docs/decisions/0033): sums that depend on no order, and doubles from texts.
_INSIDE: Final = "(abs({0}) between 1e-20 and 1e37 or {0} = 0)"
_TOO_LARGE: Final = f"toInt256('1{'0' * _DIGITS}')"


def _double(value: str, kind: str) -> str:
    return f"toFloat64OrNull(toString({value}))" if "Decimal" in kind else f"toFloat64({value})"


def _decimal_sum(value: str) -> str:
    whole = f"sumOrNull(toInt256({value}))"
    fraction = f"sumOrNull({value} - toDecimal256(toInt256({value}), {_DIGITS}))"
    fits = f"abs({whole}) < {_TOO_LARGE}"
    return f"if({fits}, toDecimal256(if({fits}, {whole}, 0), {_DIGITS}) + {fraction}, null)"


def _float_sum(value: str) -> str:
    inside = _INSIDE.format(value)
    near = _decimal_sum(f"if({inside}, toDecimal256OrNull(toString({value}), {_DIGITS}), null)")
    far = f"sumKahanOrNull(if({inside}, null, {value}))"
    total = f"ifNull({_double(near, 'Decimal')}, 0) + ifNull({far}, 0)"
    return f"if(countIf(isNotNull({value})) > 0 and isFinite({total}), {total}, null)"


def _side(values: Sequence[str], kinds: Sequence[str]) -> str:
    """Return the sum of one side of a ratio as a double."""
    if any("Float" in kind for kind in kinds):
        return " + ".join(_double(value, kind) for value, kind in zip(values, kinds, strict=True))
    return _double(f"({' + '.join(values)})", next((kind for kind in kinds if "Decimal" in kind), ""))


def _quotient(above: str, under: str) -> str:
    found = f"({above}) / nullIf({under}, 0)"
    return f"multiIf(abs({found}) < 1e-307, 0., abs({found}) <= 1e307, {found}, null)"
