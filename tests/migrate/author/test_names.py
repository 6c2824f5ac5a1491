"""Aggregates whose relations have shortened names go through every kind of edit, and names are replaced exactly."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest
from adi_analytics import migrate
from adi_analytics.migrate import ForgottenMigrationError
from adi_analytics.migrate.files.manifest import load_snapshot
from support.migrating import Document, Project, Target, counted, execute, insert_events, project, rows, truth, value

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LONG = "analytics_daily_with_a_very_long_name_indeed_for_this_test"
TASKS = "analytics_task_stats_daily"


def add_long(document: Document) -> None:
    document["aggregates"][LONG] = {
        "description": "All events by day.",
        "from": ["task_created", "task_completed"],
        "bucket": {"as": "day", "width": "1 day"},
        "dimensions": {"svc": "$service"},
        "measures": {
            "n": {"count": True},
            "dau": {"distinct": "$user_id"},
            "wau": {"distinct": "$user_id", "trailing": "7 days"},
            "p95": {"percentile": 0.95, "of": "duration_ms", "where": {"event": "task_completed"}},
        },
        "refresh": {"every": "1 hour", "window": "3 days", "lag": "1 hour"},
    }


@pytest.fixture
def long(tmp_path: Path) -> Project:
    return project(tmp_path / "project", add_long)


def trail_longer(document: Document) -> None:
    document["aggregates"][LONG]["version"] = 2
    document["aggregates"][LONG]["measures"]["wau"]["trailing"] = "14 days"


def add_column(document: Document) -> None:
    document["aggregates"][LONG]["measures"]["tasks"] = {"distinct": "task_id"}


def reschedule(document: Document) -> None:
    document["aggregates"][LONG]["refresh"]["every"] = "30 minutes"


def only_some(document: Document) -> None:
    version = document["aggregates"][LONG].get("version", 1)
    document["aggregates"][LONG].update(version=version + 1, where={"$user_id": {"exists": True}})


@pytest.mark.one_backend
@pytest.mark.parametrize(
    "edits",
    [(add_column, trail_longer, reschedule), (trail_longer, only_some)],
    ids=lambda edits: "_then_".join(edit.__name__ for edit in edits),
)
def test_a_long_name_is_edited_like_any_other(
    long: Project, target: Target, edits: tuple[Callable[[Document], None], ...]
) -> None:
    target.apply(long)
    insert_events(target.dsn, 300)
    for edit in edits:
        long.edit(edit)
        assert long.new(edit.__name__).written
        long.apply(target.dsn)

    assert migrate.drift(long.options(target.dsn)).findings == ()
    assert long.new("again").written == ()
    assert sum(row[0] for row in rows(target.dsn, f"select n from {LONG}")) == sum(
        created + completed for created, completed in truth(target.dsn).values()
    )
    long.new("tidy", drop_retired=True)
    long.apply(target.dsn, allow_destructive=True)
    assert migrate.drift(long.options(target.dsn)).findings == ()


TEXT = f"""it's {{0.live}} {{}} "{LONG}_v1" """


def test_a_text_of_the_catalog_is_never_taken_for_a_name(tmp_path: Path) -> None:
    def named_like_a_relation(document: Document) -> None:
        add_long(document)
        document["aggregates"][LONG]["where"] = {"$service": {"ne": TEXT}}

    made = project(tmp_path / "project", named_like_a_relation)
    made.edit(add_column)
    made.new("other rows, same version: the relations get the names of a revision")

    snapshot = load_snapshot(made.migrations)
    assert snapshot is not None
    aggregate = snapshot.aggregate(LONG)
    assert aggregate is not None
    written = "'" + TEXT.replace("'", "''") + "'"
    for backend in ("postgres", "timescaledb"):
        (file,) = made.migrations.glob(f"0003_pre_*/{backend}.sql")
        text = file.read_text(encoding="utf-8")
        assert text.count(written) >= len(aggregate.relations)
        assert f'"{LONG}_v1"' not in text.replace(written, "")
        assert "{0." not in text.replace(written, "")
        assert "{{" not in text


MEANING: dict[str, Callable[[dict[str, Any]], object]] = {
    "where of the aggregate": lambda tasks: tasks.update(where={"$user_id": {"exists": True}}),
    "fewer sources": lambda tasks: (tasks.update({"from": ["task_created"]}), tasks.update(measures={
        "created": {"count": True, "where": {"event": "task_created"}}}), tasks.pop("derived", None)),
    "a dimension": lambda tasks: tasks.update(dimensions={"svc": "$service"}),
    "another condition of a measure": lambda tasks: tasks["measures"]["created"]["where"].update(
        {"$user_id": {"exists": True}}
    ),
    "a column and a condition": lambda tasks: (
        tasks["measures"].update(users={"distinct": "$user_id"}), tasks.update(where={"$user_id": {"exists": True}})
    ),
}  # fmt: skip


@pytest.mark.parametrize("edit", MEANING.values(), ids=MEANING)
def test_rows_do_not_change_their_meaning_under_one_version(made: Project, edit: Callable[[Any], object]) -> None:
    def change(document: Document) -> None:
        edit(document["aggregates"][TASKS])

    made.edit(change)

    with pytest.raises(ForgottenMigrationError, match="Set `version: 2`"):
        made.new("x")


def test_a_span_or_a_version_that_only_views_know_counts_too(long: Project) -> None:
    def longer(document: Document) -> None:
        trail_longer(document)
        del document["aggregates"][LONG]["version"]

    long.edit(longer)
    with pytest.raises(ForgottenMigrationError, match="Set `version: 2`"):
        long.new("x")
    long.edit(trail_longer)
    long.new("views of version 2")

    long.edit(lambda document: document["aggregates"][LONG].update(where={"$user_id": {"exists": True}}))
    with pytest.raises(ForgottenMigrationError, match="Set `version: 3`"):
        long.new("x")


@pytest.mark.one_backend
def test_columns_are_added_in_any_place(made: Project, target: Target) -> None:
    def edit(document: Document) -> None:
        tasks = document["aggregates"][TASKS]
        tasks["measures"] = {"users": {"distinct": "$user_id"}, **tasks["measures"]}

    target.apply(made)
    insert_events(target.dsn, 300)
    made.edit(edit)
    made.new("users first")
    made.apply(target.dsn)

    assert counted(target.dsn) == truth(target.dsn)
    assert migrate.drift(made.options(target.dsn)).findings == ()


@pytest.mark.parametrize("schema", ["Own Schema", "order"])
def test_a_schema_may_have_any_name(made: Project, postgres_dsn: str, schema: str) -> None:
    """One that needs quotes, and a reserved word: through a swap that drops and grants again, too."""
    role = f"user_{uuid.uuid4().hex}"
    execute(postgres_dsn, f'create schema "{schema}"', f"create role {role}")
    name = value(postgres_dsn, "select current_database()")
    execute(postgres_dsn, f'alter database "{name}" set search_path = "{schema}"')
    made.apply(postgres_dsn, grant_reader=role)

    def edit(document: Document) -> None:
        document["aggregates"][TASKS]["version"] = 2
        del document["aggregates"][TASKS]["measures"]["cancelled"]

    made.edit(edit)
    made.new("fewer columns")
    made.apply(postgres_dsn)

    assert migrate.drift(made.options(postgres_dsn)).findings == ()
    execute(postgres_dsn, f'alter database "{name}" reset search_path', f'drop view "{schema}".{TASKS}')
    (finding, *_) = migrate.drift(made.options(postgres_dsn)).findings
    execute(postgres_dsn, finding.fix)
    made.apply(postgres_dsn)
    assert migrate.drift(made.options(postgres_dsn)).findings == ()
    execute(postgres_dsn, f"drop owned by {role}", f"drop role {role}")
