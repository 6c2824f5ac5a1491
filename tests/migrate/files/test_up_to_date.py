"""What the migrator asks the code generator: whether an edit of the catalog needs a migration."""

from __future__ import annotations

import pytest
from adi_analytics.migrate import ForgottenMigrationError
from adi_analytics.migrate.files.up_to_date import check_generated
from adi_analytics_codegen.backends import render
from adi_analytics_codegen.backends.writer import write
from adi_analytics_codegen.check.catalog import load_catalog

CATALOG = """\
catalog: {format: 2, name: small, outputs: [sql]}
domains: {web: The site}
events:
  page_view: {domain: web, description: A page was shown.}
aggregates:
  views_daily:
    description: Views by day.
    from: [page_view]
    bucket: {as: day, width: 1 day}
    measures: {views: {count: true}}
    refresh: {every: 1 hour, window: 3 days, lag: 1 hour}
"""
SHOWN = "dashboard: {sections: {views_daily: {title: Views}}}\n"


def test_comments_and_the_dashboard_ask_for_no_migration_and_measures_do(tmp_path):
    catalog, generated = tmp_path / "events.yaml", tmp_path / "generated"
    catalog.write_text(CATALOG, encoding="utf-8")
    write(generated, render(load_catalog(catalog)), ["sql"])
    catalog.write_text(f"# The site.\n\n{CATALOG}{SHOWN}", encoding="utf-8")
    check_generated(generated / "sql" / "manifest.json", None)
    catalog.write_text(CATALOG.replace("{views:", "{pages:"), encoding="utf-8")
    with pytest.raises(ForgottenMigrationError, match="edited and not generated again"):
        check_generated(generated / "sql" / "manifest.json", None)
    catalog.write_text(CATALOG.replace("[sql]", "[sql, clickhouse]"), encoding="utf-8")
    with pytest.raises(ForgottenMigrationError, match=r"clickhouse/cluster/events.sql, .* and 1 more"):
        check_generated(generated / "sql" / "manifest.json", None)
