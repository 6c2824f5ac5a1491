"""Between `pre` and `post`, drift says what is applied, what will change, and what nobody will change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from adi_analytics import migrate
from support.migrating import Document, Project, Target, execute

if TYPE_CHECKING:
    from collections.abc import Sequence

TASKS = "analytics_task_stats_daily"


def next_release(document: Document) -> None:
    """Change one aggregate, and remove another."""
    aggregate = document["aggregates"][TASKS]
    aggregate["version"] = 2
    aggregate["measures"]["longest_ms"] = {"max": "duration_ms", "where": {"event": "task_completed"}}
    del document["aggregates"]["analytics_errors_hourly"]


def about(findings: Sequence[migrate.Finding], text: str) -> migrate.Finding:
    (found,) = [finding for finding in findings if finding.object == text]
    return found


@pytest.mark.one_backend
def test_what_is_applied_and_what_is_next(made: Project, target: Target) -> None:
    target.apply(made)
    made.edit(next_release)
    written = made.new("next release").written
    options = made.options(target.dsn)
    posts = {f"migration {name}" for name in written if "_post_" in name}

    first = about(migrate.drift(options).findings, "migrations")
    made.apply(target.dsn, "pre")
    findings = migrate.drift(options).findings

    assert "Run `analytics-migrate pre`" in first.advice
    second = about(findings, "migrations")
    assert second.expected != first.expected or second.actual != first.actual
    assert "_pre_next_release; not applied: " in second.actual
    assert "Run `analytics-migrate post`" in second.advice
    told = {finding.object: finding.expected for finding in findings if finding.object.startswith("migration ")}
    assert set(told) == posts
    lost = [text for text in told.values() if "destroys data" in text]
    assert len(lost) == 1
    assert "analytics_errors_hourly" in lost[0]
    view = about(findings, f"view {TASKS}")
    assert (view.severity, view.fix) == ("info", "")
    assert "longest_ms" in view.expected
    assert "pending migration" in view.advice
    assert {f.severity for f in findings if f.object.startswith("view")} == {"info"}
    assert not [finding for finding in findings if finding.severity == "error" and finding.object != "migrations"]
    made.apply(target.dsn, "post", allow_destructive=True)
    assert migrate.drift(options).findings == ()


@pytest.mark.one_backend
def test_what_no_migration_speaks_of_is_drift(made: Project, target: Target) -> None:
    target.apply(made)
    made.edit(next_release)
    made.new("next release")
    made.apply(target.dsn, "pre")
    execute(target.dsn, "drop index analytics_events_service_timestamp_idx")

    found = about(
        migrate.drift(made.options(target.dsn)).findings,
        "index analytics_events.analytics_events_service_timestamp_idx",
    )

    assert found.severity == "warning"
    assert found.fix.startswith("create index")


@pytest.mark.one_backend
def test_before_the_first_release_nothing_else_is_told(made: Project, target: Target) -> None:
    (only,) = migrate.drift(made.options(target.dsn, backend=target.options.backend)).findings

    assert only.object == "migrations"
    assert "Run `analytics-migrate all`" in only.advice
