"""SQL for PostgreSQL and both editions of TimescaleDB, the migrator's manifest, and what the dashboard shows.

Every command checks the names of tables, which needs one module of this package. The others are imported when SQL is
written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from adi_analytics_codegen.model.catalog import Catalog

BACKENDS: Final = ("timescaledb", "timescaledb_apache", "postgres")
"""The names of the backends, as the dialects have them."""


def render(catalog: Catalog) -> dict[str, str]:
    """Return the files of *catalog*, by path relative to the output folder."""
    from adi_analytics_codegen.backends.sql.dialects import planned
    from adi_analytics_codegen.backends.sql.files import aggregate_file, storage_file
    from adi_analytics_codegen.backends.sql.manifest.dashboard import dashboard_file
    from adi_analytics_codegen.backends.sql.manifest.document import describe, to_json

    made = planned(catalog)
    files = {"sql/manifest.json": to_json(describe(catalog, made)), "sql/dashboard.json": dashboard_file(catalog)}
    for backend in BACKENDS:
        files[f"sql/{backend}/events.sql"] = storage_file(made, backend)
        for entry in made.aggregates:
            files[f"sql/{backend}/{entry.plan.aggregate.name}.sql"] = aggregate_file(entry, backend)
    return files
