"""Comments of the database are the catalog's descriptions, and follow them without a rebuild."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
from adi_analytics import migrate
from support.migrating import Document, Project, Target, execute, run, value

if TYPE_CHECKING:
    from collections.abc import Callable

ERRORS = "analytics_errors_hourly"
HARD = "It's {0.live} and {x}, 100 %, %s, $1, \"q\" 'l'  \n\n  next \\n line\\\n-- step: none; \r end \N{SNOWMAN}."


def other_words(document: Document) -> None:
    document["aggregates"][ERRORS]["description"] = HARD
    document["events"]["application_error"]["fields"]["error_type"]["description"] = HARD


def on_relation(dsn: str, name: str) -> str | None:
    found: str | None = value(dsn, "select obj_description(%s::regclass, 'pg_class')", name)
    return found


def on_column(dsn: str, name: str, column: str) -> str | None:
    found: str | None = value(
        dsn,
        "select col_description(attrelid, attnum) from pg_attribute where attrelid = %s::regclass and attname = %s",
        name,
        column,
    )
    return found


def texts(made: Project, name: str) -> str:
    return "".join(path.read_text(encoding="utf-8") for path in sorted((made.migrations / name).iterdir()))


def test_tables_and_views_have_the_catalogs_words(migrated: Target) -> None:
    dsn = migrated.dsn
    assert on_relation(dsn, "analytics_events") == "Events of the catalog adi, a row each."
    assert on_relation(dsn, "analytics_dead_letters") == "Events that could not be stored, and why."
    assert on_relation(dsn, "analytics_task_stats_daily") == "Tasks by day."
    api = "analytics_api_latency_hourly"
    assert on_column(dsn, api, "hour") == "Start of the bucket of 1 hour, in UTC."
    assert on_column(dsn, api, "method") == "The HTTP method."
    assert on_column(dsn, api, "p95_duration_ms") == "Percentile 0.95 of duration_ms. Unit: ms."
    assert on_column(dsn, f"{api}_distribution", "row_count") == "Number of values in the size class."
    users = "analytics_daily_active_users"
    assert on_relation(dsn, users) == (
        "Users who did something, by day. Weekly and monthly are distinct users of the trailing 7 and 30 days."
        " Only rows where user_id is present."
    )
    assert on_column(dsn, users, "weekly_active_users") == "Number of different user_id over the last 1 week."
    assert (
        value(
            dsn,
            """select string_agg(c.relname || '.' || a.attname, ', ')
        from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where c.relname = any(%s) and col_description(c.oid, a.attnum) is null""",
            [api, f"{api}_distribution", users, ERRORS, "analytics_events", "analytics_dead_letters"],
        )
        is None
    )


@pytest.mark.one_backend
def test_other_words_change_only_comments(made: Project, target: Target) -> None:
    target.apply(made)
    oid = value(target.dsn, f"select '{ERRORS}'::regclass::oid")
    before = {entry.name for entry in made.migrations.iterdir()}
    made.edit(other_words)
    assert run("check", "--migrations", made.migrations, "--manifest", made.manifest).code == 7

    result = made.new()

    (name,) = result.written
    assert result.changes == (f"change the comments on {ERRORS}",)
    assert {entry.name for entry in made.migrations.iterdir()} - before == {name}
    statements = [line for line in texts(made, name).splitlines() if line and not line.startswith("--")]
    assert [line.partition(" is ")[0] for line in statements] == 3 * [
        f'comment on view "{ERRORS}"',
        f'comment on column "{ERRORS}"."error_type"',
    ]
    made.apply(target.dsn)
    assert on_relation(target.dsn, ERRORS) == HARD
    assert on_column(target.dsn, ERRORS, "error_type") == HARD
    assert value(target.dsn, f"select '{ERRORS}'::regclass::oid") == oid
    assert migrate.drift(made.options(target.dsn)).findings == ()
    assert made.new("again").written == ()


def drop_column(document: Document) -> None:
    other_words(document)
    document["aggregates"][ERRORS]["version"] = 2
    del document["aggregates"][ERRORS]["measures"]["affected_users"]


def rename_derived(document: Document) -> None:
    document["aggregates"]["analytics_task_stats_daily"]["derived"] = {
        "failure_rate": {"ratio": ["failed", ["completed", "failed"]], "description": HARD}
    }


@pytest.mark.one_backend
@pytest.mark.parametrize("edit", [drop_column, rename_derived])
def test_views_that_are_made_again_have_their_comments(
    made: Project, target: Target, edit: Callable[[Document], None]
) -> None:
    target.apply(made)
    made.edit(edit)
    made.new("an edit")

    made.apply(target.dsn)

    assert migrate.drift(made.options(target.dsn)).findings == ()
    if edit is drop_column:
        assert on_relation(target.dsn, ERRORS) == HARD
    else:
        told = f"{HARD} (failed) / (completed + failed); null when the divisor is 0."
        assert on_column(target.dsn, "analytics_task_stats_daily", "failure_rate") == told


@pytest.mark.one_backend
def test_a_snapshot_without_comments_gets_them_once(made: Project, target: Target) -> None:
    """A database that was migrated before there were comments."""
    shutil.rmtree(made.migrations)
    document = json.loads(made.manifest.read_text(encoding="utf-8"))
    for entry in (document, *document["aggregates"]):
        del entry["comments"]
    made.manifest.write_text(json.dumps(document), encoding="utf-8")
    made.new()
    made.edit()
    target.apply(made)
    assert on_relation(target.dsn, ERRORS) is None
    assert migrate.drift(made.options(target.dsn)).findings == ()

    (name,) = made.new("comments").written
    made.apply(target.dsn)

    assert name == "0003_post_comments"
    assert on_relation(target.dsn, ERRORS) == "Application errors by hour, service and type."
    assert migrate.drift(made.options(target.dsn)).findings == ()
    assert made.new("again").written == ()


LOST = [
    (f"comment on view {ERRORS} is 'x'", f"view {ERRORS}"),
    (f"comment on view {ERRORS} is null", f"view {ERRORS}"),
    (f"comment on column {ERRORS}.hour is null", f"column {ERRORS}.hour"),
    ("comment on table analytics_events is 'x'", "table analytics_events"),
    ("comment on column analytics_events.data is 'x'", "column analytics_events.data"),
    ("comment on column analytics_dead_letters.reason is null", "column analytics_dead_letters.reason"),
]


@pytest.mark.one_backend
def test_drift_finds_and_mends_comments(migrated: Target) -> None:
    execute(migrated.dsn, *(statement for statement, _ in LOST[1:]))
    # What the catalog does not describe may have a comment of somebody else.
    execute(migrated.dsn, "comment on table analytics_meta.audit is 'ours'", f"comment on view {ERRORS}_v1_live is 'x'")

    findings = migrate.drift(migrated.options).findings

    assert {finding.object for finding in findings} == {name for _, name in LOST}
    assert {finding.severity for finding in findings} == {"warning"}
    execute(migrated.dsn, *(finding.fix for finding in findings))
    assert migrate.drift(migrated.options).findings == ()
