"""SQL for PostgreSQL and both editions of TimescaleDB, and the manifest that the migrator reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.backends.sql.ddl import DIALECTS, Statement, aggregate_statements, storage_statements
from adi_analytics_codegen.backends.sql.manifest import manifest, to_json
from adi_analytics_codegen.backends.sql.objects import object_names
from adi_analytics_codegen.backends.sql.relations import plan

if TYPE_CHECKING:
    from adi_analytics_codegen.model.model import Catalog

__all__ = ["BACKENDS", "manifest", "object_names", "render", "sql_of"]

BACKENDS: Final = tuple(DIALECTS)
"""The names of the backends."""

_HEADER: Final = """\
-- Made from events.yaml by `analytics-codegen generate`: do not edit.
-- For reading: what applies it are the files in migrations/.
"""


def render(catalog: Catalog) -> dict[str, str]:
    """Return the files of *catalog*, by path relative to the output folder."""
    files = {"sql/manifest.json": to_json(manifest(catalog))}
    for backend in BACKENDS:
        files[f"sql/{backend}/events.sql"] = _file(storage_statements(catalog, backend))
        for aggregate in catalog.aggregates:
            files[f"sql/{backend}/{aggregate.name}.sql"] = sql_of(catalog, aggregate.name, backend)
    return files


def sql_of(catalog: Catalog, aggregate: str, backend: str) -> str:
    """Return the SQL of the aggregate called *aggregate* on *backend*, for people to read."""
    found = next(entry for entry in catalog.aggregates if entry.name == aggregate)
    parts = aggregate_statements(catalog, plan(catalog, found), backend)
    del parts["drop"]
    return _file(parts, found.description)


def _file(parts: dict[str, list[Statement]], description: str = "") -> str:
    about = f"-- {' '.join(description.split())}\n" if description else ""
    blocks = [f"-- {statement.step}\n{statement.sql};\n" for part in parts.values() for statement in part]
    return _HEADER + about + "\n" + "\n".join(blocks)
