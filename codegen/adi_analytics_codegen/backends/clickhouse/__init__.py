"""SQL for ClickHouse: a folder of statements, with the same public views and answers as on PostgreSQL.

Only a catalog whose ``outputs`` name ``clickhouse`` gets it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from adi_analytics_codegen.model.catalog import Catalog

FORMS: Final = {"clickhouse/one": False, "clickhouse/cluster": True}
"""The folders of files for one node and for a cluster, and whether they are for a cluster."""


def render(catalog: Catalog) -> dict[str, str]:
    """Return the files of *catalog*, by path relative to the output folder."""
    from adi_analytics_codegen.backends.clickhouse.files import aggregate_file, meta_file, people_file, storage_file
    from adi_analytics_codegen.model.readers import questions
    from adi_analytics_codegen.model.rows.items import in_rows

    on_wire = in_rows(catalog)
    files = {}
    for folder, cluster in FORMS.items():
        files[f"{folder}/events.sql"] = storage_file(catalog, cluster=cluster)
        files[f"{folder}/meta.sql"] = meta_file(on_wire, cluster=cluster)
        for aggregate in on_wire.aggregates:
            files[f"{folder}/{aggregate.name}.sql"] = aggregate_file(on_wire, aggregate, cluster=cluster)
        for question in questions(on_wire):
            files[f"{folder}/{question.name}.sql"] = people_file(on_wire, question, cluster=cluster)
    return files
