"""``/overview``: the predecessor's ten numbers, from members and stored counts; events only above the watermarks."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

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


def relations(described: Described, view: str) -> dict[str, str]:
    """Return what a source reads the numbers from: views, *view* with the members, and columns with their buckets."""
    names = {"members": view, "tasks": TASKS, "cocoons": COCOONS, "integrations": INTEGRATIONS}
    for key in ("tasks", "cocoons"):
        names[f"{key}_bucket"] = described.aggregate(names[key]).bucket.column
    return names


async def _numbers(reader: Reader, view: str) -> dict[str, Any]:
    described = reader.described
    asked = reader.source.numbers(described.catalog, relations(described, view))
    numbers = await reader.answered(asked, "overview")
    return dict(zip(_TEXTS, numbers, strict=True))


def _hidden(numbers: dict[str, Any], below: int | None) -> dict[str, Any]:
    """Return *numbers* without counts of few people or things."""
    if below is None:
        return numbers
    return {
        name: None if name in _DISTINCT and number and number < below else number for name, number in numbers.items()
    }
