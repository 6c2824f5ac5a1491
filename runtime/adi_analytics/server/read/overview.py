"""``/overview``: the predecessor's ten numbers, from members and stored counts; events only above the watermarks."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final

from adi_analytics._shared.sql import quote
from adi_analytics.server.problems import ProblemError
from adi_analytics.server.read import schemas
from adi_analytics.server.read.answers import Answer
from adi_analytics.server.read.endpoint import Endpoint
from adi_analytics.server.read.original import TASKS, has

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import psycopg

    from adi_analytics.query.model.describe import Described
    from adi_analytics.server.read.reader import Reader

COCOONS: Final = "analytics_cocoon_activity_daily"
INTEGRATIONS: Final = "analytics_integration_health_daily"
_NEEDED: Final = {TASKS: ("created", "success_rate"), COCOONS: ("registrations", "unique_cocoons"),
                  INTEGRATIONS: ("connections",)}  # fmt: skip
_BEGINNING: Final = date(1970, 1, 1)
_INSTALLED: Final = "select now(), events_schema from analytics_meta.installation"
_MEMBERS: Final = """
select count(*), count(*) filter (where last >= %(today)s), count(*) filter (where last >= %(week)s),
    count(*) filter (where last >= %(month)s)
from {view}
"""
_TEXTS: Final = {
    "total_users": "Users ever seen.",
    "active_users_today": "Users seen today (UTC).",
    "active_users_week": "Users seen today or in the six days before.",
    "active_users_month": "Users seen today or in the 29 days before.",
    "total_tasks": "Tasks ever created.",
    "tasks_today": "Tasks created today (UTC).",
    "task_success_rate": "Of all tasks that completed or failed, the share that completed; null without any.",
    "total_cocoons": "Cocoons ever registered.",
    "active_cocoons": "Distinct cocoons that did something today (UTC).",
    "total_integrations": "Integrations ever connected.",
}
_PEOPLE: Final = frozenset({"total_users", "active_users_today", "active_users_week", "active_users_month"})
_DISTINCT: Final = _PEOPLE | {"active_cocoons"}


def endpoints(described: Described, reader: Reader) -> Iterator[Endpoint]:
    """Yield the path, if the catalog has the aggregates and the members that it shows."""
    view = members_view(described)
    if view is None or not all(has(described, name, columns) for name, columns in _NEEDED.items()):
        return

    async def answer(_values: dict[str, Any]) -> Answer:
        return Answer(value=_hidden(await _numbers(reader, view), reader.suppress_below))

    yield Endpoint(
        path="/overview",
        name="overview",
        summary="The numbers of a dashboard's first page, as of now.",
        schema=schemas.record({name: _schema(name, text) for name, text in _TEXTS.items()}),
        answer=answer,
        tabular=False,
        tag="overview",
    )


def _schema(name: str, text: str) -> dict[str, Any]:
    number = {"type": "number" if name == "task_success_rate" else "integer", "description": text}
    return schemas.nullable(number) if name in _DISTINCT or name == "task_success_rate" else number


def members_view(described: Described) -> str | None:
    """Return the public view that has a row for each user, if the catalog has the entity ``$user_id``."""
    for aggregate in described.aggregates:
        people = aggregate.people
        if people is not None and (people.kind, people.entity) == ("members", "$user_id"):
            return aggregate.view("members")[0]
    return None


async def _numbers(reader: Reader, view: str) -> dict[str, Any]:
    async with reader.snapshot() as connection:
        found = await (await connection.execute(_INSTALLED)).fetchone()
        if found is None:
            raise ProblemError(503, "database-not-ready", "The database has no catalog: run `analytics-migrate all`.")
        now, schema = found
        today = now.astimezone(UTC).date()
        people = await _people(connection, f"{quote(schema)}.{quote(view)}", today)

        async def one(aggregate: str, first: date, *measures: str) -> Mapping[str, Any]:
            result = await reader.ask(
                aggregate, measures=measures, between=(first, today), database=connection, totals=False,
                granularity="bucket" if first == today else "total",
            )  # fmt: skip
            return next(iter(result))

        tasks = await one(TASKS, _BEGINNING, "created", "success_rate")
        return {
            **people,
            "total_tasks": tasks["created"],
            "tasks_today": (await one(TASKS, today, "created"))["created"],
            "task_success_rate": tasks["success_rate"],
            "total_cocoons": (await one(COCOONS, _BEGINNING, "registrations"))["registrations"],
            "active_cocoons": (await one(COCOONS, today, "unique_cocoons"))["unique_cocoons"],
            "total_integrations": (await one(INTEGRATIONS, _BEGINNING, "connections"))["connections"],
        }


async def _people(connection: psycopg.AsyncConnection[Any], view: str, today: date) -> dict[str, int]:
    start = datetime.combine(today, time(), UTC)
    since = {"today": start, "week": start - timedelta(days=6), "month": start - timedelta(days=29)}
    rows = await connection.execute(_MEMBERS.format(view=view.replace("%", "%%")).encode(), since, prepare=False)
    counts = await rows.fetchone() or (0, 0, 0, 0)
    return dict(
        zip(("total_users", "active_users_today", "active_users_week", "active_users_month"), counts, strict=True)
    )


def _hidden(numbers: dict[str, Any], below: int | None) -> dict[str, Any]:
    """Return *numbers* without counts of few people or things."""
    if below is None:
        return numbers
    return {
        name: None if name in _DISTINCT and number and number < below else number for name, number in numbers.items()
    }
