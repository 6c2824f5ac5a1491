"""``/events``: the events of the catalog, and what is observed of them; `analytics-migrate audit` shows the same."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from adi_analytics._audit.findings import DAYS, SAMPLE, as_data
from adi_analytics.server.read import parameters as p
from adi_analytics.server.read import schemas
from adi_analytics.server.read.answers import Answer
from adi_analytics.server.read.endpoint import Endpoint

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from adi_analytics._shared.catalog import Catalog
    from adi_analytics.server.read.reader import Reader

_TEXT: Final = {"type": "string"}
_COUNT: Final = {"type": "integer", "minimum": 0}
_TIME: Final = schemas.TYPES["datetime"]
_EVENT: Final = schemas.record(
    {
        "name": _TEXT,
        "description": _TEXT,
        "owner": {**_TEXT, "description": "Who answers for it; empty if the catalog names nobody."},
        "version": {"type": "integer"},
        "last_seen": {**schemas.nullable(_TIME), "description": "The time of the newest row."},
        "rows": {**_COUNT, "description": "Rows within the days."},
        "rows_a_day": {"type": "number"},
        "checked": {**_COUNT, "description": "How many of the newest rows were compared with the catalog."},
        "misfits": {**_COUNT, "description": "How many of those are not what the catalog says."},
        "problems": schemas.array(schemas.record({"problem": _TEXT, "rows": _COUNT})),
        "share": {"type": ["number", "null"], "description": "misfits over checked."},
    }
)
_SCHEMA: Final = schemas.record(
    {
        "catalog": _TEXT,
        "days": _COUNT,
        "events": schemas.array(_EVENT),
        "unknown": schemas.array(
            schemas.record({"name": _TEXT, "rows": _COUNT, "last_seen": _TIME}),
            description="Types of stored rows that the catalog does not have.",
        ),
        "dead_letters": schemas.array(
            schemas.record({"reason": _TEXT, "event_type": _TEXT, "letters": _COUNT, "oldest": _TIME, "newest": _TIME}),
            description="Events that could not be stored, and wait to be replayed.",
        ),
        "notes": schemas.array(_TEXT, description="What could not be looked at, and why."),
        "at": _TIME,
    }
)
_COLUMNS: Final = (
    "name",
    "version",
    "last_seen",
    "rows",
    "rows_a_day",
    "checked",
    "misfits",
    "share",
    "owner",
    "description",
)


def endpoint(catalog: Callable[[], Catalog], reader: Reader) -> Endpoint:
    """Return the path. The *catalog* is looked for when it is asked, so that the path can be described without it."""
    days = p.whole("days", "How far back rows are counted and compared. Default: 1.", 1, 90, 7)
    sample = p.whole("sample", "How many rows of each event are compared. Default: 200.", 0, 1000, 200)
    return Endpoint(
        path="/events",
        name="events",
        summary="The events of the catalog, and what is observed of them.",
        description=(
            "When each was last seen, how often, and how many of its newest rows are not what the catalog says; types "
            "that the catalog does not have; dead letters. It needs a role that may read the events; `notes` says so "
            "otherwise."
        ),
        parameters={one.name: one for one in (days, sample)},
        schema=_SCHEMA,
        answer=_answering(catalog, reader),
        tag="events",
    )


def _answering(catalog: Callable[[], Catalog], reader: Reader) -> Callable[[dict[str, Any]], Awaitable[Answer]]:
    turn = asyncio.Lock()  # it reads events, so one at a time

    async def answer(values: dict[str, Any]) -> Answer:
        given = {"days": values.get("days", DAYS), "sample": values.get("sample", SAMPLE)}
        async with turn:
            found = await reader.answered(reader.source.observed(catalog(), **given), "events")
        data = as_data(found)
        rows = [[event[name] for name in _COLUMNS] for event in data["events"]]
        return Answer(value=data, passing={"at": data.pop("at")}, columns=_COLUMNS, rows=rows)

    return answer
