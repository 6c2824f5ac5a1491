"""``/overview``: the predecessor's ten numbers, from members and stored counts; events only above the watermarks."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from adi_analytics._shared.sql import quote
from adi_analytics.server.problems import ProblemError
from adi_analytics.server.read import schemas
from adi_analytics.server.read.answers import Answer
from adi_analytics.server.read.endpoint import Endpoint
from adi_analytics.server.read.original import TASKS, has
from adi_analytics.server.read.shared import Shared

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adi_analytics.query.model.describe import Described
    from adi_analytics.server.read.reader import Reader

COCOONS: Final = "analytics_cocoon_activity_daily"
INTEGRATIONS: Final = "analytics_integration_health_daily"
_NEEDED: Final = {
    TASKS: ("created", "completed", "failed"),
    COCOONS: ("registrations", "unique_cocoons"),
    INTEGRATIONS: ("connections",),
}
_INSTALLED: Final = "select events_schema, catalog from analytics_meta.installation"
_NUMBERS: Final = """
with today as (select date_trunc('day', now(), 'UTC') as at)
select
    u.total_users, u.active_users_today, u.active_users_week, u.active_users_month,
    coalesce(t.total, 0)::bigint as total_tasks, coalesce(t.today, 0)::bigint as tasks_today,
    (t.done / nullif(t.done + t.failed, 0))::float8 as task_success_rate,
    coalesce(c.total, 0)::bigint as total_cocoons, coalesce(c.today, 0)::bigint as active_cocoons,
    coalesce(i.total, 0)::bigint as total_integrations
from (
    select count(*) as total_users, count(*) filter (where last >= at) as active_users_today,
        count(*) filter (where last >= at - interval '144 hours') as active_users_week,
        count(*) filter (where last >= at - interval '696 hours') as active_users_month
    from {members}, today
) u, (
    select sum(created) as total, sum(created) filter (where {tasks_bucket} = at) as today,
        sum(completed) as done, sum(failed) as failed
    from {tasks}, today
) t, (
    select sum(registrations) as total, sum(unique_cocoons) filter (where {cocoons_bucket} = at) as today
    from {cocoons}, today
) c, (select sum(connections) as total from {integrations}) i
"""
"""A week is today and the six days before, a month today and 29. The public views read events above watermarks only."""

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


def endpoints(described: Described, reader: Reader, age: float) -> Iterator[Endpoint]:
    """Yield the path, if the catalog has what it shows; its numbers may be *age* seconds old."""
    view = members_view(described)
    if view is None or not all(has(described, name, columns) for name, columns in _NEEDED.items()):
        return

    numbers = Shared(partial(_numbers, reader, view), keep=age)

    async def answer(_values: dict[str, Any]) -> Answer:
        return Answer(value=_hidden(await numbers.answer(), reader.suppress_below))

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
    described = reader.described
    async with reader.snapshot() as connection:
        found = await (await connection.execute(_INSTALLED)).fetchone()
        if found is None or found[1] not in {None, described.catalog}:
            detail = f"The database is not that of the catalog {described.catalog}: run `analytics-migrate doctor`."
            raise ProblemError(503, "database-not-ready", detail)
        cursor = await connection.execute(statement(described, found[0], view).encode(), prepare=False)
        numbers = await cursor.fetchone() or ()
    return dict(zip(_TEXTS, numbers, strict=True))


def statement(described: Described, schema: str, view: str) -> str:
    """Return the statement that asks for all numbers: the relations are in *schema*, the members in *view*."""
    relations = {"members": view, "tasks": TASKS, "cocoons": COCOONS, "integrations": INTEGRATIONS}
    names = {key: f"{quote(schema)}.{quote(name)}" for key, name in relations.items()}
    for key in ("tasks", "cocoons"):
        names[f"{key}_bucket"] = quote(described.aggregate(relations[key]).bucket.column)
    return _NUMBERS.format(**names)


def _hidden(numbers: dict[str, Any], below: int | None) -> dict[str, Any]:
    """Return *numbers* without counts of few people or things."""
    if below is None:
        return numbers
    return {
        name: None if name in _DISTINCT and number and number < below else number for name, number in numbers.items()
    }
