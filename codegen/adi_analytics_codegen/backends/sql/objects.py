"""The names that a catalog takes in its schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adi_analytics_codegen.backends.sql.relations.plan import plan
from adi_analytics_codegen.model.questions.people import section
from adi_analytics_codegen.model.readers import questions
from adi_analytics_codegen.model.tables import dead_letters_table, default_partition

if TYPE_CHECKING:
    from adi_analytics_codegen.backends.sql.relations.plan import Plan
    from adi_analytics_codegen.model.catalog import Catalog
    from adi_analytics_codegen.model.questions.aggregates import Aggregate


def object_names(catalog: Catalog) -> list[tuple[str, str]]:
    """Return every table and view of *catalog*, and the part of it that it belongs to.

    PostgreSQL wants them to be different. They may not be: an aggregate ``a`` with a percentile and an aggregate
    ``a_distribution`` both make a view of that name.

    Returns:
        Pairs such as ``("analytics_errors_hourly_v1", "aggregates.analytics_errors_hourly")``.
    """
    tables = (catalog.storage.table, default_partition(catalog), dead_letters_table(catalog))
    names = [(name, "storage") for name in tables]
    for aggregate in catalog.aggregates:
        names += [(name, f"aggregates.{aggregate.name}") for name in _of_aggregate(catalog, aggregate)]
    for question in questions(catalog):
        from adi_analytics_codegen.backends.sql.people import plans as people
        from adi_analytics_codegen.backends.sql.people.kept import known, parts

        made = people.plan(catalog, question)
        kept = [part.table for part in parts(question)] + (["known"] if known(question, made.main) else [])
        own = [*(view.name for view in made.views), *_stored(made), *(made.main.kept(part) for part in kept)]
        names += [(name, section(question)) for name in own]
    return names


def _of_aggregate(catalog: Catalog, aggregate: Aggregate) -> list[str]:
    made = plan(catalog, aggregate)
    views = [aggregate.name, *([made.distribution_view] if made.distributions else ())]
    views += [made.sketch_view] if made.sketches else []
    kept = [counts.members.kept(part) for counts in made.counts for part in ("counts", "recent", "recency")]
    return [*views, *_stored(made), *kept]


def _stored(made: Plan) -> list[str]:
    return [name for relation in made.relations for name in (relation.name, relation.live)]
