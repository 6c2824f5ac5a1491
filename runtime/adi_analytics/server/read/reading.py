"""The paths of a catalog, put together, and the connections that they read over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from adi_analytics.query.model.describe import describe
from adi_analytics.server.read import aggregates, original, overview
from adi_analytics.server.read.answers import Answer
from adi_analytics.server.read.endpoint import Endpoint
from adi_analytics.server.read.openapi import document
from adi_analytics.server.read.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Callable

    from adi_analytics._shared.catalog import CatalogLike
    from adi_analytics.query.model.describe import Described

PREFIX: Final = "/api/analytics"


class Reading:
    """What a service answers from a catalog's aggregates.

    Args:
        catalog: The catalog.
        connect_with: Returns the arguments of psycopg's ``connect``, for each connection.
        connections: Most connections at a time.
        timeout: Seconds for each statement.
        suppress_below: Distinct counts from 1 up to this, exclusive, are not shown.

    Raises:
        CatalogError: If its manifest can't be read.
    """

    def __init__(
        self,
        catalog: CatalogLike,
        connect_with: Callable[[], dict[str, Any]],
        *,
        connections: int,
        timeout: float,
        suppress_below: int | None,
    ) -> None:
        described = describe(catalog)
        self._reader = Reader(
            described, connect_with, connections=connections, timeout=timeout, suppress_below=suppress_below
        )
        self.names = [aggregate.name for aggregate in aggregates.asked(described)]
        found = _endpoints(described, self._reader)
        self.endpoints = [*found, _openapi(document(described.catalog, found, PREFIX))]

    async def open(self) -> None:
        """Make the connections possible; each is made when it is needed."""
        await self._reader.open()

    async def close(self) -> None:
        """Close the connections."""
        await self._reader.close()


def openapi_of(catalog: CatalogLike | None) -> dict[str, Any]:
    """Return the OpenAPI document of *catalog*; no database is asked.

    Raises:
        CatalogError: If the catalog can't be told, or its manifest can't be read.
    """
    described = describe(catalog)
    nobody = Reader(described, dict, connections=1, timeout=1.0, suppress_below=None)
    return document(described.catalog, _endpoints(described, nobody), PREFIX)


def _endpoints(described: Described, reader: Reader) -> list[Endpoint]:
    return [
        *overview.endpoints(described, reader),
        *original.endpoints(described, reader),
        *aggregates.endpoints(described, reader),
    ]


def _openapi(value: dict[str, Any]) -> Endpoint:
    async def answer(_values: dict[str, Any]) -> Answer:
        return Answer(value=value, settled=True)

    return Endpoint(path="/openapi", name="openapi", summary="This document.", schema={}, answer=answer, tabular=False)
