"""``/dashboard``: how the catalog is shown. ``/definitions``: what it says of each part, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, get_args

import msgspec

from adi_analytics.server.read import parameters as p
from adi_analytics.server.read import schemas
from adi_analytics.server.read.answers import Answer
from adi_analytics.server.read.dashboard.layout import layout_of
from adi_analytics.server.read.dashboard.panels import Kind
from adi_analytics.server.read.dashboard.shown import Definitions, Shown, definitions_beside, shown_beside
from adi_analytics.server.read.endpoint import Endpoint

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence
    from pathlib import Path

    from adi_analytics.query.model.describe import Described
    from adi_analytics.server.read.dashboard.shown import Definition

_TEXT: Final = {"type": "string"}
_MAYBE: Final = {"type": ["string", "null"]}
_MEASURE: Final = schemas.record(
    {
        "name": _TEXT,
        "title": _TEXT,
        "unit": _MAYBE,
        "format": {**_TEXT, "description": "`number`, `percent`, `currency`, `bytes`, or `duration_` and a unit."},
        "exactness": {
            "type": "string",
            "enum": ["exact", "approximate"],
            "description": "Over several buckets. An answer says it of its own numbers.",
        },
    }
)
_PANEL: Final = schemas.record(
    {
        "id": {**_TEXT, "description": "Its name within the section."},
        "kind": {
            "type": "string",
            "enum": list(get_args(Kind)),
        },
        "title": _TEXT,
        "path": {**_TEXT, "description": "Where its numbers are asked."},
        "measures": schemas.array(_MEASURE),
        "dimensions": schemas.array(
            schemas.record({"name": _TEXT, "title": _TEXT}), description="What it can be broken down by."
        ),
        "by": {
            **_MAYBE,
            "description": "The dimension that it is broken down by at first; null for none, of a table for all.",
        },
        "bucket": {**_MAYBE, "description": "The column of time, if it shows the course of time."},
        "granularity": {
            "enum": ["bucket", None],
            "description": "`bucket` if its measures only have values for single buckets, by all dimensions.",
        },
        "buckets": {
            "anyOf": [schemas.BUCKET, {"type": "null"}],
            "description": "The buckets of a question about people.",
        },
        "show": {**_MAYBE, "description": "Of a question about people: what of it."},
    }
)
_SECTION: Final = schemas.record(
    {
        "id": _TEXT,
        "title": _TEXT,
        "kind": {"type": "string", "enum": ["overview", "aggregate", "entity", "funnel", "retention"]},
        "name": {**_TEXT, "description": "The name in the catalog; empty for the overview."},
        "description": _TEXT,
        "owner": _TEXT,
        "panels": schemas.array(_PANEL),
    }
)
_SCHEMA: Final = schemas.record({"title": _TEXT, "time_zone": _TEXT, "sections": schemas.array(_SECTION)})


_REFERENCE: Final = schemas.record({"kind": _TEXT, "name": _TEXT})
_DEFINITION: Final = schemas.record(
    {
        "kind": {"type": "string", "enum": ["event", "aggregate", "entity", "retention", "funnel"]},
        "name": _TEXT,
        "description": _TEXT,
        "owner": _TEXT,
        "file": {**_TEXT, "description": "The file of the catalog, relative to the main one."},
        "line": {"type": "integer", "description": "The first line, counted from 1."},
        "text": {**_TEXT, "description": "The lines."},
        "reads": schemas.array(_TEXT, description="The events that it reads."),
        "example": {"type": ["object", "null"], "description": "A valid one, of an event."},
        "read_by": schemas.array(_REFERENCE, description="What reads it, of an event."),
    }
)


def endpoints(described: Described, manifest: Path | None) -> Iterator[Endpoint]:
    """Yield the paths of the layout and of the definitions, which lie beside *manifest* if there is one.

    Raises:
        CatalogInvalidError: If what lies beside it can't be read.
    """
    yield _layout(described, Shown() if manifest is None else shown_beside(manifest))
    yield Endpoint(
        path="/definitions",
        name="definitions",
        summary="What the catalog says: its own lines, and what reads what.",
        description="It is empty if the package came without its definitions, as those of older generators did.",
        parameters={
            "name": p.text("name", "Only what has this name. Default: all.", "a name of the catalog", "task_created")
        },
        schema=schemas.record(
            {
                "package": {**_TEXT, "description": "The generated Python package; empty if there is none."},
                "definitions": schemas.array(_DEFINITION),
            }
        ),
        answer=_defining(manifest),
        tabular=False,
        tag="events",
    )


def _layout(described: Described, shown: Shown) -> Endpoint:
    value: dict[str, Any] = msgspec.to_builtins(layout_of(described, shown))

    async def answer(_values: dict[str, Any]) -> Answer:
        return Answer(value=value, settled=True)

    return Endpoint(
        path="/dashboard",
        name="dashboard",
        summary="How the catalog is shown: sections with panels, each with the path that its numbers come from.",
        schema=_SCHEMA,
        answer=answer,
        tabular=False,
        tag="overview",
    )


def _defining(manifest: Path | None) -> Callable[[dict[str, Any]], Awaitable[Answer]]:
    async def answer(values: dict[str, Any]) -> Answer:
        found = Definitions() if manifest is None else definitions_beside(manifest)
        known = found.definitions
        wanted = [_defined(one, known) for one in known if values.get("name", one.name) == one.name]
        return Answer(value={"package": found.package, "definitions": wanted}, settled=True)

    return answer


def _defined(one: Definition, known: Sequence[Definition]) -> dict[str, Any]:
    readers = (other for other in known if one.kind == "event" and one.name in other.reads)
    return {**msgspec.to_builtins(one), "read_by": [{"kind": other.kind, "name": other.name} for other in readers]}
