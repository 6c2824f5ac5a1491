"""The SQL files: the manifest's statements for people to read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.backends.sql.dialects import planned_aggregate
from adi_analytics_codegen.backends.sql.relations.places import filled
from adi_analytics_codegen.backends.sql.text.statements import Statement

if TYPE_CHECKING:
    from adi_analytics_codegen.backends.sql.dialects import Planned, PlannedAggregate
    from adi_analytics_codegen.model.catalog import Catalog

_HEADER: Final = """\
-- Made from events.yaml by `analytics-codegen generate`: do not edit.
-- For reading: what applies it are the files in migrations/.
"""


def storage_file(made: Planned, backend: str) -> str:
    """Return the SQL of the events table on *backend*."""
    statements = [statement for part in made.storage[backend].values() for statement in part]
    return _file([*statements, *made.comments])


def aggregate_file(made: PlannedAggregate, backend: str) -> str:
    """Return the SQL of an aggregate on *backend*."""
    parts = made.parts[backend]
    kept = [statement for _, statements in made.counts for statement in statements]
    statements = [*parts["create"], *kept, *made.answers, *made.views, *made.comments, *parts["policies"]]
    own = [Statement(**filled(statement.fields(), made.plan)) for statement in statements]
    return _file(own, made.plan.aggregate.description)


def sql_of(catalog: Catalog, aggregate: str, backend: str) -> str:
    """Return the SQL of the aggregate or question called *aggregate* on *backend*, for people to read."""
    return aggregate_file(planned_aggregate(catalog, aggregate), backend)


def _file(statements: list[Statement], description: str = "") -> str:
    about = f"-- {' '.join(description.split())}\n" if description else ""
    blocks = [f"-- {statement.step}\n{statement.sql};\n" for statement in statements]
    return _HEADER + about + "\n" + "\n".join(blocks)
