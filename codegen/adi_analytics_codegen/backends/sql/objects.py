"""The names that a catalog takes in its schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adi_analytics_codegen.backends.sql.ddl import dead_letters
from adi_analytics_codegen.backends.sql.names import shorten
from adi_analytics_codegen.backends.sql.relations import plan

if TYPE_CHECKING:
    from adi_analytics_codegen.model.model import Aggregate, Catalog


def object_names(catalog: Catalog) -> list[tuple[str, str]]:
    """Return every table and view of *catalog*, and the part of it that it belongs to.

    PostgreSQL wants them to be different. They may not be: an aggregate ``a`` with a percentile and an aggregate
    ``a_distribution`` both make a view of that name.

    Returns:
        Pairs such as ``("analytics_errors_hourly_v1", "aggregates.analytics_errors_hourly")``.
    """
    table = catalog.storage.table
    names = [(name, "storage") for name in (table, shorten(f"{table}_default"), dead_letters(catalog))]
    for aggregate in catalog.aggregates:
        names += [(name, f"aggregates.{aggregate.name}") for name in _of_aggregate(catalog, aggregate)]
    return names


def _of_aggregate(catalog: Catalog, aggregate: Aggregate) -> list[str]:
    made = plan(catalog, aggregate)
    views = [aggregate.name, *([made.distribution_view] if made.distributions else ())]
    return [*views, *(name for relation in made.relations for name in (relation.name, relation.live))]
