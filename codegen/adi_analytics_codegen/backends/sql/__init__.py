"""SQL for PostgreSQL and both editions of TimescaleDB, and the manifest that the migrator reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.backends.sql.dialects import DIALECTS, planned
from adi_analytics_codegen.backends.sql.files import aggregate_file, sql_of, storage_file
from adi_analytics_codegen.backends.sql.manifest.document import describe, manifest, to_json
from adi_analytics_codegen.backends.sql.objects import object_names

if TYPE_CHECKING:
    from adi_analytics_codegen.model.catalog import Catalog

__all__ = ["BACKENDS", "manifest", "object_names", "render", "sql_of"]

BACKENDS: Final = tuple(DIALECTS)
"""The names of the backends."""


def render(catalog: Catalog) -> dict[str, str]:
    """Return the files of *catalog*, by path relative to the output folder."""
    made = planned(catalog)
    files = {"sql/manifest.json": to_json(describe(catalog, made))}
    for backend in BACKENDS:
        files[f"sql/{backend}/events.sql"] = storage_file(made, backend)
        for entry in made.aggregates:
            files[f"sql/{backend}/{entry.plan.aggregate.name}.sql"] = aggregate_file(entry, backend)
    return files
