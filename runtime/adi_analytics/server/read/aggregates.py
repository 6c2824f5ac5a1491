"""A path for each aggregate of the catalog, with a parameter for everything that can be asked of it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final

import msgspec

from adi_analytics.query.resolve.compare import COMPARISONS
from adi_analytics.query.resolve.measures import ASK_PERSONAL, PERSONAL, WAYS
from adi_analytics.query.resolve.times import GRANULARITIES
from adi_analytics.server.read import parameters as p
from adi_analytics.server.read import schemas
from adi_analytics.server.read.answers import Answer
from adi_analytics.server.read.endpoint import Endpoint
from adi_analytics.server.read.reader import MOST_ROWS, NEVER

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    from adi_analytics.query import Result
    from adi_analytics.query.model.describe import Aggregate, Described, Dimension, Measure
    from adi_analytics.server.read.parameters import Parameter
    from adi_analytics.server.read.reader import Reader

_DISTINCT: Final = "Where distinct counts over several buckets come from, if there is a choice. Default: auto."
_ORDERED: Final = ("lt", "lte", "gt", "gte")
_UNORDERED: Final = frozenset({"bool", "uuid"})
_WORDS: Final = {
    "eq": "is one of the values given", "ne": "is not", "lt": "is below", "lte": "is at most", "gt": "is above",
    "gte": "is at least",
}  # fmt: skip
_EXAMPLES: Final = {
    "string": "api", "int": "400", "float": "1.5", "decimal": "9.90", "bool": "true", "date": "2026-01-31",
    "uuid": "0190a6e0-1111-7222-8333-444455556667", "datetime": "2026-01-31T12:00:00Z",
}  # fmt: skip
_EXPECTED: Final = {
    "string": "a text", "int": "a whole number", "float": "a number", "decimal": "a number", "bool": "true or false",
    "date": "a date", "uuid": "a UUID", "datetime": "a time with its offset",
}  # fmt: skip


def public(aggregate: Aggregate) -> tuple[tuple[Dimension, ...], tuple[Measure, ...]]:
    """Return the dimensions and measures that answers may show: none with values of personal or secret fields."""
    dimensions = tuple(one for one in aggregate.dimensions if one.sensitivity not in PERSONAL)
    return dimensions, tuple(one for one in aggregate.measures if one.sensitivity not in PERSONAL)


def asked(described: Described) -> Iterator[Aggregate]:
    """Yield the aggregates that can be asked: all but the questions about people."""
    return (aggregate for aggregate in described.aggregates if aggregate.query is not None)


def endpoints(described: Described, reader: Reader) -> Iterator[Endpoint]:
    """Yield the list of the aggregates, and the path of each one."""
    found = list(asked(described))
    yield _listing(described, found)
    for aggregate in found:
        dimensions, measures = public(aggregate)
        yield Endpoint(
            path=f"/aggregates/{aggregate.name}",
            name=aggregate.name,
            summary=aggregate.description,
            parameters=parameters_of(aggregate),
            schema=schemas.answer(aggregate, dimensions, measures),
            answer=_answering(aggregate, reader),
            about=aggregate,
        )


def _listing(described: Described, found: list[Aggregate]) -> Endpoint:
    text = {"type": "string"}
    column = schemas.record(
        {"name": text, "type": text, "unit": {"type": ["string", "null"]}, "description": text, "kind": text}, ["kind"]
    )
    entry = schemas.record(
        {
            "name": text, "version": {"type": "integer"}, "description": text, "owner": text,
            "bucket": schemas.BUCKET, "dimensions": schemas.array(column), "measures": schemas.array(column),
        }
    )  # fmt: skip
    value = {"catalog": described.catalog, "aggregates": [entry_of(aggregate) for aggregate in found]}

    async def answer(_values: dict[str, Any]) -> Answer:
        return Answer(value=value, settled=True)

    return Endpoint(
        path="/aggregates",
        name="aggregates",
        summary="The aggregates that can be asked, with their dimensions and measures.",
        schema=schemas.record({"catalog": text, "aggregates": schemas.array(entry)}),
        answer=answer,
        tabular=False,
    )


def entry_of(aggregate: Aggregate) -> dict[str, Any]:
    """Return what a list says of *aggregate*: its measures and dimensions, but none that is personal."""
    dimensions, measures = public(aggregate)
    return {
        "name": aggregate.name,
        "version": aggregate.version,
        "description": aggregate.description,
        "owner": aggregate.owner,
        "bucket": msgspec.to_builtins(aggregate.bucket),
        "dimensions": [_column(one, aggregate) for one in dimensions],
        "measures": [{**_column(one, aggregate), "kind": one.kind} for one in measures],
    }


def _column(one: Dimension | Measure, aggregate: Aggregate) -> dict[str, Any]:
    return {"name": one.name, "type": one.type, "unit": one.unit, "description": aggregate.text(one.name)}


def parameters_of(aggregate: Aggregate) -> dict[str, Parameter]:
    """Return the parameters that questions about *aggregate* have."""
    dimensions, measures = public(aggregate)
    made = [
        p.names("measures", "Default: all that have a right value.", [one.name for one in measures]),
        *([p.names("dimensions", "What to group by. Default: nothing.", [d.name for d in dimensions])]
          if dimensions else []),
        p.BETWEEN,
        p.choice("granularity", "The length of a bucket. Default: the aggregate's own.", GRANULARITIES),
        p.text("time_zone", "Where days and longer begin. Default: as the buckets do.", "a time zone", "Europe/Berlin"),
        p.choice("compare", "Adds each measure of the period before, as `previous_...`.", COMPARISONS),
        _order(aggregate, dimensions, measures),
        p.whole("limit", "The most rows. Default: all of them.", 1, MOST_ROWS, 1000),
        p.text("after", "The `next` of the answer before: the rows that follow.", "the `next` of an answer", "WyJ..."),
        p.flag("fill", "Whether buckets without events have rows. Default: true."),
        p.flag("totals", "Whether the measures are also answered over the whole range. Default: true."),
        *([p.choice("distinct", _DISTINCT, WAYS)] if any(one.kind == "distinct" for one in measures) else []),
        p.choice("explain", "`sql`: the statements instead of the answer, for psql or clickhouse-client.", ["sql"]),
        *(made for one in dimensions for made in filters_of(one)),
    ]  # fmt: skip
    return {one.name: one for one in made}


def _order(aggregate: Aggregate, dimensions: tuple[Dimension, ...], measures: tuple[Measure, ...]) -> Parameter:
    columns = [aggregate.bucket.column, *(d.name for d in dimensions), *(m.name for m in measures)]
    columns += [name for name in schemas.previous(m.name for m in measures) if name not in columns]
    known = [sign + column for column in columns for sign in ("", "-")]
    made = p.names("order_by", "Columns; `-` for large to small. Empty values come last. Default: time.", known)
    expected = "columns of the answer with commas between them, a `-` before those from large to small"
    example = f"-{measures[0].name}" if measures else aggregate.bucket.column
    return replace(made, expected=expected, example=example)


def filters_of(dimension: Dimension) -> Iterator[Parameter]:
    """Yield the filters of a dimension: ``filter.NAME`` for values, ``filter.NAME.OPERATOR`` for the others."""
    name = dimension.name
    operators = ("eq", "ne") if dimension.type in _UNORDERED else ("eq", "ne", *_ORDERED)
    for operator in operators:
        yield p.Parameter(
            name=f"filter.{name}" if operator == "eq" else f"filter.{name}.{operator}",
            description=f"{name} {_WORDS[operator]}.",
            schema=schemas.TYPES[dimension.type],
            expected=_EXPECTED[dimension.type],
            example=_EXAMPLES[dimension.type],
            read=_READERS.get(dimension.type, _text),
            many="repeated" if operator == "eq" else "no",
        )
    yield p.flag(f"filter.{name}.exists", f"Whether {name} has a value.")


def _text(given: str) -> str:
    if "\0" in given:
        raise ValueError(given)
    given.encode()
    return given


def _number(given: str) -> Decimal:
    try:
        found = Decimal(given)
    except InvalidOperation:
        raise ValueError(given) from None
    if not found.is_finite() or abs(found.adjusted()) > 300:  # noqa: PLR2004 - what a double holds
        raise ValueError(given)
    return found


_READERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "int": p.integer, "float": _number, "decimal": _number, "bool": p.truth, "datetime": p.moment,
}  # fmt: skip


def arguments_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of the query layer for a request's values."""
    made: dict[str, Any] = {}
    filters: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        if name.startswith("filter."):
            _, dimension, *operator = name.split(".")
            key = operator[0] if operator else "in"
            filters.setdefault(dimension, {})[key] = value
        elif name != "explain":
            made[name] = value
    return {**made, "filters": filters} if filters else made


def _answering(aggregate: Aggregate, reader: Reader) -> Callable[[dict[str, Any]], Awaitable[Answer]]:
    async def answer(values: dict[str, Any]) -> Answer:
        result = await reader.ask(aggregate.name, **arguments_of(values))
        return answer_of(result, explain="explain" in values)

    return answer


def answer_of(result: Result, *, explain: bool = False) -> Answer:
    """Return the answer that *result* is; its statements if they are to be explained."""
    sql = None
    if explain:
        parts = ("-- rows", result.sql(), *(("", "-- totals", result.sql(totals=True)) if result.totals else ()))
        sql = "\n".join((*parts, ""))
    warnings = [{"code": one.code, "message": one.message.replace(ASK_PERSONAL, NEVER)} for one in result.warnings]
    return Answer(
        value={
            "columns": result.columns,
            "rows": list(result),
            "states": result.states,
            "totals": result.totals,
            "totals_columns": result.totals_columns,
            "state": result.state,
            "query": result.query,
            "watermark": result.watermark,
            "next": result.next,
            "warnings": warnings,
        },
        passing={"at": result.at},
        columns=[column.name for column in result.columns],
        rows=result.rows,
        settled=settled(result),
        next=result.next,
        frame=result.to_arrow,
        sql=sql,
    )


def settled(result: Result) -> bool:
    """Return whether only stored rows were read."""
    return result.watermark is not None and result.query.end <= result.watermark
