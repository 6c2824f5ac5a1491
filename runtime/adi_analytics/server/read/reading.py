"""The paths of a catalog, put together, and the database that they read."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Final, TypeVar

from adi_analytics._shared.catalog import resolve_catalog
from adi_analytics.query import QueryDatabaseError
from adi_analytics.query.model.describe import Described, describe, manifest_of
from adi_analytics.server.read import aggregates, events, original, overview, people
from adi_analytics.server.read.answers import Answer
from adi_analytics.server.read.dashboard import endpoints as dashboard
from adi_analytics.server.read.document.openapi import document
from adi_analytics.server.read.endpoint import Endpoint
from adi_analytics.server.read.reader import Reader
from adi_analytics.server.read.samples import marked

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from adi_analytics._shared.catalog import Catalog, CatalogLike
    from adi_analytics.server.read.sources.source import Source

_Found = TypeVar("_Found")

PREFIX: Final = "/api/analytics"


class Reading:
    """What a service answers from a catalog's aggregates and events.

    Args:
        catalog: The catalog, the generated package, its import name; or ``None`` for that of the project, or the one
            installed.
        source: The database that is asked; without one the paths are only described.
        timeout: Seconds for each statement.
        suppress_below: Distinct counts from 1 up to this, exclusive, are not shown.
        most_rows: Most rows of an answer without a limit. Defaults to 100 000.
        overview_age: Most seconds that the numbers of ``/overview`` may be old.
        samples: Whether the events are made up, which each answer then says.

    Raises:
        CatalogError: If its manifest can't be read.
    """

    def __init__(  # noqa: PLR0913 - each is an option of the service
        self,
        catalog: CatalogLike | Described | None,
        source: Source | None,
        *,
        timeout: float = 30.0,
        suppress_below: int | None = None,
        most_rows: int | None = None,
        overview_age: float = 0.0,
        samples: bool = False,
    ) -> None:
        described = describe(catalog)
        self._source = source
        reader = Reader(described, source, timeout=timeout, suppress_below=suppress_below, most_rows=most_rows)
        self._reader = reader
        found = [
            *overview.endpoints(described, reader, overview_age),
            *original.endpoints(described, reader),
            *aggregates.endpoints(described, reader),
            *people.endpoints(described, reader),
            *dashboard.endpoints(described, None if isinstance(catalog, Described) else manifest_of(catalog)),
            events.endpoint(lambda: _catalog(catalog), reader),
        ]
        if samples:
            found = [marked(one) for one in found]
        self.catalog = described.catalog
        self.events = _event_schema(catalog)
        """The JSON Schema of any event, if the catalog generates JSON Schemas."""
        self.document = document(described.catalog, found, PREFIX, self.events)
        self.endpoints = [*found, _openapi(self.document)]
        self.names = {
            group: [one.path.rpartition("/")[2] for one in found if one.path.startswith(f"/{group}/")]
            for group in ("aggregates", *people.GROUPS.values())
        }
        """The names below the paths of each group."""

    async def ages(self, longest: float) -> dict[str, float]:
        """Return the seconds since the watermark of each aggregate that has one, within *longest* seconds.

        Raises:
            ProblemError: If the database can't answer.
        """
        if self._source is None:
            return {}
        return await self._reader.answered(_within(longest, self._source.ages(self.catalog)), "ages")

    async def open(self) -> None:
        """Make the connections possible; each is made when it is needed."""
        if self._source is not None:
            await self._source.open()

    async def close(self) -> None:
        """Close the connections."""
        if self._source is not None:
            await self._source.close()


def openapi_of(catalog: CatalogLike | None) -> dict[str, Any]:
    """Return the OpenAPI document of *catalog*; no database is asked.

    Raises:
        CatalogError: If the catalog can't be told, or its manifest can't be read.
    """
    return Reading(catalog, None).document


async def _within(longest: float, asked: Awaitable[_Found]) -> _Found:
    try:
        async with asyncio.timeout(longest):
            return await asked
    except TimeoutError:
        raise QueryDatabaseError(None, "the database does not answer in time", "Ask again.") from None


def _catalog(catalog: CatalogLike | Described | None) -> Catalog:
    return resolve_catalog(None if isinstance(catalog, Described) else catalog)


def _event_schema(catalog: CatalogLike | Described | None) -> dict[str, Any] | None:
    """Return the JSON Schema of any event of the catalog, if it generates JSON Schemas."""
    if isinstance(catalog, Described):
        return None
    file = manifest_of(catalog).parent.parent / "json_schema" / "events.schema.json"
    try:
        found: dict[str, Any] = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return None
    return found


def _openapi(value: dict[str, Any]) -> Endpoint:
    async def answer(_values: dict[str, Any]) -> Answer:
        return Answer(value=value, settled=True)

    return Endpoint(
        path="/openapi", name="openapi", summary="This document.", schema={}, answer=answer, tabular=False
    )  # fmt: skip
