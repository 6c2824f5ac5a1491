"""The paths of the predecessor's service, with its names. They are there where the catalog has what they show.

docs/howto/read-over-http.md says what is mended: null where nothing is defined, weeks of distinct users, no limit that
nobody is told of.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from adi_analytics.server.read import parameters as p
from adi_analytics.server.read import schemas
from adi_analytics.server.read.aggregates import public, settled
from adi_analytics.server.read.answers import Answer
from adi_analytics.server.read.endpoint import Endpoint

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

    from adi_analytics.query import Result
    from adi_analytics.query.model.describe import Aggregate, Described, Dimension, Measure
    from adi_analytics.server.read.parameters import Parameter
    from adi_analytics.server.read.reader import Reader

USERS: Final = "analytics_daily_active_users"
TASKS: Final = "analytics_task_stats_daily"
LATENCY: Final = "analytics_api_latency_hourly"
_BACK: Final = timedelta(days=30)
_DAY: Final = timedelta(days=1)
_TICK: Final = timedelta(microseconds=1)
_SLOWEST: Final = {"limit": 10, "min_requests": 10}


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A path whose answer is a list of rows.

    Attributes:
        aggregate: What it reads.
        columns: The name in the answer, and the column of the aggregate.
        granularity: The length of a bucket.
        order_by: What rows are sorted by.
        single: Whether the answer is the only row, instead of a list.
    """

    path: str
    name: str
    summary: str
    aggregate: str
    columns: Mapping[str, str]
    granularity: str = "bucket"
    order_by: Sequence[str] = ()
    single: bool = False
    dimensions: Sequence[str] = field(default=())


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


_LATENCY: Final = _same(
    "hour", "service", "endpoint", "method", "request_count", "avg_duration_ms", "p50_duration_ms", "p95_duration_ms",
    "p99_duration_ms", "error_4xx_count", "error_5xx_count",
)  # fmt: skip
_ENDPOINT: Final = ("service", "endpoint", "method")
TABLES: Final = (
    Table(
        path="/users/daily", name="users_daily", summary="Active users and events by day, newest first.",
        aggregate=USERS, columns=_same("day", "active_users", "total_events"), order_by=("-day",),
    ),
    Table(
        path="/users/weekly", name="users_weekly", granularity="week",
        summary="Distinct users and events by week from Monday, newest first. Weeks are always whole.",
        aggregate=USERS, columns=_same("day", "active_users", "total_events"), order_by=("-day",),
    ),
    Table(
        path="/tasks/daily", name="tasks_daily", summary="Tasks by day, newest first.", aggregate=TASKS,
        columns=_same(
            "day", "created", "started", "completed", "failed", "cancelled", "avg_duration_ms", "p95_duration_ms",
            "success_rate",
        ),
        order_by=("-day",),
    ),
    Table(
        path="/tasks/overview", name="tasks_overview", summary="Tasks of the whole range.", aggregate=TASKS,
        columns={
            "total_created": "created", "total_completed": "completed", "total_failed": "failed",
            "total_cancelled": "cancelled", **_same("success_rate", "avg_duration_ms"),
        },
        granularity="total", single=True,
    ),
    Table(
        path="/api/latency", name="api_latency", aggregate=LATENCY, columns=_LATENCY, dimensions=_ENDPOINT,
        summary="Requests and their latency by hour, service, endpoint and method: newest first, then slowest.",
        order_by=("-hour", "-p99_duration_ms"),
    ),
)  # fmt: skip
_SLOW: Final = Table(
    path="/api/slowest", name="api_slowest", aggregate=LATENCY, columns=_LATENCY, dimensions=_ENDPOINT,
    summary="The slowest endpoints of the last 24 hours, by the 99th percentile over all of them.",
    granularity="total", order_by=("-p99_duration_ms",),
)  # fmt: skip
_RANGE: Final = {
    one.name: one
    for one in (
        p.time("start_date", "From here on. Default: 30 days before the end.", "2026-01-01T00:00:00Z"),
        p.time("end_date", "Up to here, included; a date is the whole day. Default: now.", "2026-01-31"),
    )
}


def endpoints(described: Described, reader: Reader) -> Iterator[Endpoint]:
    """Yield the predecessor's paths that this catalog has the aggregates for."""
    for table in TABLES:
        if has(described, table.aggregate, table.columns.values()):
            yield _endpoint(described, table, _answering(table, reader), _RANGE)
    if has(described, _SLOW.aggregate, _SLOW.columns.values()):
        given = (
            p.whole("limit", "The most rows. Default: 10.", 1, 1000, _SLOWEST["limit"]),
            p.whole("min_requests", "Fewer requests count as noise. Default: 10.", 1, 10**9, _SLOWEST["min_requests"]),
        )
        yield _endpoint(described, _SLOW, _slowest(reader), {one.name: one for one in given})


def has(described: Described, aggregate: str, columns: Any) -> bool:
    """Return whether the catalog has an aggregate with these columns, which answers may show."""
    found = next((one for one in described.aggregates if one.name == aggregate and one.query is not None), None)
    if found is None:
        return False
    dimensions, measures = public(found)
    return set(columns) <= {found.bucket.column, *(d.name for d in dimensions), *(m.name for m in measures)}


def _endpoint(
    described: Described, table: Table, answer: Callable[[dict[str, Any]], Awaitable[Answer]],
    parameters: Mapping[str, Parameter],
) -> Endpoint:  # fmt: skip
    row = schemas.record(_columns(described.aggregate(table.aggregate), table))
    return Endpoint(
        path=table.path, name=table.name, summary=table.summary, parameters=parameters, answer=answer,
        schema=row if table.single else schemas.array(row), tag="overview",
    )  # fmt: skip


def _columns(aggregate: Aggregate, table: Table) -> dict[str, Any]:
    known: dict[str, Dimension | Measure] = {one.name: one for one in aggregate.dimensions}
    known |= {one.name: one for one in aggregate.measures}
    made = {}
    for name, of in table.columns.items():
        if of == aggregate.bucket.column:
            made[name] = {**schemas.TYPES["datetime"], "description": aggregate.text(of)}
        else:
            made[name] = schemas.column(known[of], aggregate.text(of))
    return made


def _answering(table: Table, reader: Reader) -> Callable[[dict[str, Any]], Awaitable[Answer]]:
    async def answer(values: dict[str, Any]) -> Answer:
        result = await _ask(table, reader, between=range_of(values, weeks=table.granularity == "week"))
        return _answer(table, result, list(result))

    return answer


async def _ask(table: Table, reader: Reader, between: Any, order_by: Sequence[str] = ()) -> Result:
    return await reader.ask(table.aggregate, **arguments_of(table, reader.described, between, order_by))


def arguments_of(table: Table, described: Described, between: Any, order_by: Sequence[str] = ()) -> dict[str, Any]:
    """Return the arguments of the question that *table* shows the answer of."""
    measures = {measure.name for measure in described.aggregate(table.aggregate).measures}
    return {
        "measures": [name for name in table.columns.values() if name in measures],
        "dimensions": table.dimensions,
        "between": between,
        "granularity": table.granularity,
        "order_by": order_by or table.order_by,
        "fill": False,
        "totals": False,
    }


def _answer(table: Table, result: Result, found: Sequence[Mapping[str, Any]]) -> Answer:
    rows = [{name: row[of] for name, of in table.columns.items()} for row in found]
    return Answer(
        value=rows[0] if table.single else rows,
        columns=list(table.columns),
        rows=[list(row.values()) for row in rows],
        settled=settled(result),
    )


def _slowest(reader: Reader) -> Callable[[dict[str, Any]], Awaitable[Answer]]:
    async def answer(values: dict[str, Any]) -> Answer:
        result = await _ask(_SLOW, reader, between=_DAY)
        given = {**_SLOWEST, **values}
        rows = [
            {"hour": result.query.start, **row} for row in result if row["request_count"] >= given["min_requests"]
        ]  # fmt: skip
        return _answer(_SLOW, result, rows[: given["limit"]])

    return answer


def range_of(values: Mapping[str, Any], *, weeks: bool = False) -> tuple[datetime, datetime]:
    """Return the range that ``start_date`` and ``end_date`` mean, both included. With *weeks* it is widened to weeks.

    Raises:
        ProblemError: If it is none.
    """
    end = _moment(values, "end_date", ends=True) if "end_date" in values else datetime.now(UTC)
    start = _moment(values, "start_date") if "start_date" in values else end - _BACK
    if start > end:
        raise _RANGE["start_date"].wrong("it is after end_date", "a time before end_date")
    end += _TICK
    if weeks:
        start -= timedelta(days=start.weekday())
        start = start.replace(hour=0, minute=0, second=0, microsecond=0)
        last = (end - _TICK).replace(hour=0, minute=0, second=0, microsecond=0)
        end = last + timedelta(days=7 - last.weekday())
    return start, end


def _moment(values: Mapping[str, Any], name: str, *, ends: bool = False) -> datetime:
    text = values[name]
    try:
        found = datetime.fromisoformat(text)
        found = found if found.tzinfo else found.replace(tzinfo=UTC)
        found = found + _DAY - _TICK if ends and len(text) == len("2026-01-31") else found
        found = found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise _RANGE[name].wrong("there is no such time") from None
    if not 1970 <= found.year <= 9000:  # noqa: PLR2004 - buckets begin in 1970
        raise _RANGE[name].wrong("it is too far away", "a year from 1970 to 9000")
    return found
