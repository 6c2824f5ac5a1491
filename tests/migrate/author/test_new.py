"""Every kind of edit of the catalog becomes migrations for all backends, and a database that agrees with it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from adi_analytics import migrate
from adi_analytics.migrate import DestructiveError, ForgottenMigrationError, UsageError
from support.migrating import Document, Project, Target, counted, execute, insert_events, rows, run, truth, value
from support.paths import EVENTS, ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

TASKS = "analytics_task_stats_daily"


def texts(document: Document) -> None:
    document["events"]["task_created"]["description"] = "Other words."
    document["catalog"]["owner"] = "somebody@adi.example"
    document["events"]["task_created"]["owner"] = "others@adi.example"


def add_event(document: Document) -> None:
    document["events"]["task_paused"] = {
        "domain": "tasks", "description": "A task was paused.", "include": ["user"],
        "fields": {"task_id": {"type": "uuid", "description": "The task"}},
    }  # fmt: skip


def add_aggregate(document: Document) -> None:
    document["aggregates"]["analytics_projects_weekly"] = {
        "description": "Projects by week.",
        "from": ["project_created"],
        "bucket": {"as": "week", "width": "7 days"},
        "measures": {"created": {"count": True}, "makers": {"distinct": "$user_id"}},
        "refresh": {"every": "1 hour", "window": "21 days", "lag": "1 hour"},
    }


def add_column(document: Document) -> None:
    document["aggregates"][TASKS]["measures"]["max_duration_ms"] = {
        "max": "duration_ms", "where": {"event": "task_completed"},
    }  # fmt: skip


def new_version(document: Document) -> None:
    aggregate = document["aggregates"][TASKS]
    aggregate["version"] = aggregate.get("version", 1) + 1
    aggregate["measures"]["created"] = {"count": True, "where": {"event": "task_created", "$user_id": {"exists": True}}}


def drop_column(document: Document) -> None:
    document["aggregates"][TASKS]["version"] = 2
    del document["aggregates"][TASKS]["measures"]["cancelled"]


def remove_aggregate(document: Document) -> None:
    del document["aggregates"]["analytics_errors_hourly"]


def change_refresh(document: Document) -> None:
    document["aggregates"][TASKS]["refresh"] = {"every": "30 minutes", "window": "5 days", "lag": "2 hours"}


def rename_derived(document: Document) -> None:
    document["aggregates"][TASKS]["derived"]["failure_rate"] = {"ratio": ["failed", ["completed", "failed"]]}


def change_storage(**values: Any) -> Callable[[Document], None]:
    def change(document: Document) -> None:
        document["storage"].update(values)

    change.__name__ = "_".join(values)
    return change


def unable(target: Target, edit: Callable[[Document], None]) -> bool:
    """The WASM build fails `create index ... with (timescaledb.transaction_per_chunk)` with XX000."""
    return target.wasm and edit.__name__ == "index_data"


def check(made: Project, target: Target) -> None:
    """The database must be what a new one would be, by the tool's own comparison."""
    assert migrate.drift(made.options(target.dsn)).findings == ()
    assert run("check", "--migrations", made.migrations, "--manifest", made.manifest).code == 0


def test_texts_and_events_need_no_migration(made: Project) -> None:
    before = sorted(path.name for path in made.migrations.iterdir())

    made.edit(texts)
    made.edit(add_event)
    # `from: all` reads every row, whatever events there are.
    result = made.new("nothing")

    assert result.written == ()
    assert sorted(path.name for path in made.migrations.iterdir()) == before
    assert run("check", "--migrations", made.migrations, "--manifest", made.manifest).code == 0


EDITS = [
    (add_aggregate, ["pre"]),
    (add_column, ["pre", "post"]),
    (new_version, ["pre", "post"]),
    (drop_column, ["pre", "post"]),
]

SETTINGS = [
    (change_refresh, ["pre"]),
    (rename_derived, ["pre"]),
    (change_storage(chunk_interval="2 days"), ["pre"]),
    (change_storage(compress_after="3 days"), ["pre"]),
    (change_storage(retention="200 days"), ["pre"]),
    (change_storage(index_data=True), ["pre", "pre"]),
]
"""What touches no stored row: these follow each other in one database."""

OTHER_SETTINGS = [(change_storage(compress_after="never"), ["pre"]), (change_storage(retention="never"), ["pre"])]
"""What takes the place of some of them."""


@pytest.mark.parametrize(("edit", "phases"), EDITS, ids=[edit.__name__ for edit, _ in EDITS])
def test_an_edit_leads_to_a_database_that_agrees(
    made: Project, target: Target, edit: Callable[[Document], None], phases: list[str]
) -> None:
    fill(made, target)

    written = written_by(made, target, edit)

    assert written == phases
    check(made, target)
    assert made.new("again").written == ()
    if edit not in (new_version, drop_column):
        assert counted(target.dsn) == truth(target.dsn)


def test_settings_are_edited_one_after_the_other(made: Project, target: Target) -> None:
    fill(made, target)
    for edits in (SETTINGS, OTHER_SETTINGS):
        for edit, phases in edits:
            if not unable(target, edit):
                assert written_by(made, target, edit) == phases
                assert made.new("again").written == ()
        check(made, target)

    assert counted(target.dsn) == truth(target.dsn)


def fill(made: Project, target: Target) -> None:
    target.apply(made)
    insert_events(target.dsn)
    migrate.maintain(made.options(target.dsn), forced=True)


def written_by(made: Project, target: Target, edit: Callable[[Document], None]) -> list[str]:
    """Edit, write the migrations and apply them; return their phases."""
    made.edit(edit)
    assert run("check", "--migrations", made.migrations, "--manifest", made.manifest).code == 7
    written = made.new("an edit").written
    made.apply(target.dsn)
    return [name.split("_")[1] for name in written]


@pytest.mark.one_backend
@pytest.mark.parametrize("edit", [edit for edit, _ in EDITS], ids=[edit.__name__ for edit, _ in EDITS])
def test_old_code_goes_on_with_only_pre_applied(
    made: Project, target: Target, edit: Callable[[Document], None]
) -> None:
    target.apply(made)
    insert_events(target.dsn, 500)
    columns = columns_of_tasks(target)
    made.edit(edit)
    made.new("an edit")

    made.apply(target.dsn, "pre")

    old_code_works(made, target, columns)


@pytest.mark.one_backend
def test_old_code_goes_on_with_other_settings(made: Project, target: Target) -> None:
    target.apply(made)
    insert_events(target.dsn, 500)
    columns = columns_of_tasks(target)
    for edit, _ in (*SETTINGS, *OTHER_SETTINGS):
        if not unable(target, edit):
            made.edit(edit)
            made.new("an edit")

    made.apply(target.dsn, "pre")

    old_code_works(made, target, columns)


def columns_of_tasks(target: Target) -> str:
    found = rows(target.dsn, f"select attname from pg_attribute where attrelid = '{TASKS}'::regclass and attnum > 0")
    return ", ".join(f'"{row[0]}"' for row in found)


def old_code_works(made: Project, target: Target, columns: str) -> None:
    """The old writer writes, the old reader reads its columns, housekeeping runs."""
    insert_events(target.dsn, 600)
    migrate.maintain(made.options(target.dsn), forced=True)
    assert rows(target.dsn, f"select {columns} from {TASKS}")
    assert counted(target.dsn) == truth(target.dsn)


@pytest.mark.one_backend
def test_a_removed_aggregate_needs_permission(made: Project, target: Target) -> None:
    target.apply(made)
    made.edit(remove_aggregate)

    (name,) = made.new().written

    assert name == "0003_post_drop_analytics_errors_hourly_drop" or "post" in name
    with pytest.raises(DestructiveError):
        made.apply(target.dsn)
    made.apply(target.dsn, allow_destructive=True)
    check(made, target)
    assert value(target.dsn, "select count(*) from pg_class where relname like 'analytics_errors_hourly%'") == 0


@pytest.mark.one_backend
def test_a_shorter_retention_is_destructive(made: Project, target: Target) -> None:
    target.apply(made)
    made.edit(change_storage(retention="30 days"))
    made.new()

    with pytest.raises(DestructiveError):
        made.apply(target.dsn)

    made.apply(target.dsn, allow_destructive=True)
    check(made, target)


def test_rows_that_change_need_a_version(made: Project) -> None:
    def edit(document: Document) -> None:
        new_version(document)
        del document["aggregates"][TASKS]["version"]

    made.edit(edit)

    ended = run("new", "-m", "x", "--migrations", made.migrations, "--manifest", made.manifest)

    assert ended.code == 7
    assert "Set `version: 2`" in ended.err
    with pytest.raises(ForgottenMigrationError):
        made.new("x")


def test_the_table_cannot_be_renamed(made: Project) -> None:
    made.edit(change_storage(table="other_events"))

    with pytest.raises(UsageError, match=r"storage\.table changed"):
        made.new()


@pytest.mark.one_backend
def test_replaced_versions_are_dropped_when_asked(made: Project, target: Target) -> None:
    target.apply(made)
    insert_events(target.dsn)
    for edit in (new_version, add_column, rename_derived):
        made.edit(edit)
        made.new(edit.__name__)
    made.apply(target.dsn)
    check(made, target)
    assert value(target.dsn, f"select count(*) from pg_class where relname = '{TASKS}_v1'") == 1

    (name,) = made.new("tidy up", drop_retired=True).written
    assert name.endswith("post_tidy_up_drop")
    made.apply(target.dsn, allow_destructive=True)

    check(made, target)
    assert value(target.dsn, f"select count(*) from pg_class where relname like '{TASKS}_v1%'") == 0
    assert counted(target.dsn) == truth(target.dsn)


def test_a_released_schema_with_rows_reaches_the_head(made: Project, target: Target) -> None:
    """What users have: a database of an earlier release, in use, and several releases at once."""
    target.apply(made)
    insert_events(target.dsn)
    migrate.maintain(made.options(target.dsn), forced=True)
    for edit in (add_aggregate, change_refresh, new_version, change_storage(chunk_interval="2 days"), add_column):
        made.edit(edit)
        made.new(edit.__name__)

    made.apply(target.dsn)

    check(made, target)
    assert counted(target.dsn) == truth(target.dsn)
    fresh = made.folder / "fresh"
    shutil.copytree(made.migrations, fresh)
    assert len(list(fresh.glob("0*"))) == 9


def test_the_files_say_what_they_do(made: Project) -> None:
    made.edit(new_version)
    pre, post = made.new("count users' tasks only").written

    text = (made.migrations / pre / "timescaledb.sql").read_text()
    after = (made.migrations / post / "timescaledb.sql").read_text()

    assert pre == "0003_pre_count_users_tasks_only"
    assert "-- why: create version 2 of analytics_task_stats_daily beside version 1" in text
    assert "-- locks: SHARE ROW EXCLUSIVE on analytics_events" in text
    assert "with no data" in text
    assert "if_not_exists" not in text + after
    assert f"-- backfill: {TASKS}_v2" in after


@pytest.mark.one_backend
def test_grants_survive_a_swap(made: Project, target: Target) -> None:
    role = f"reader_{target.backend}"
    execute(target.dsn, f"drop role if exists {role}", f"create role {role}")
    try:
        target.apply(made)
        execute(target.dsn, f"grant select on {TASKS} to {role} with grant option")
        made.edit(drop_column)  # the view must be dropped for that
        made.new("drop")
        made.apply(target.dsn)

        assert value(target.dsn, f"select has_table_privilege('{role}', '{TASKS}', 'select with grant option')")
    finally:
        execute(target.dsn, f"drop owned by {role}", f"drop role {role}")


def test_new_refuses_to_write_into_an_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "installed_events"
    shutil.copytree(ROOT / "migrations", package / "_data" / "migrations")
    shutil.copytree(ROOT / "generated" / "sql", package / "_data" / "sql")
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(UsageError, match="belongs to an installed package"):
        migrate.new("x", catalog="installed_events")


def test_new_never_mixes_two_catalogs(made: Project) -> None:
    ended = run("new", "--migrations", made.migrations, "--manifest", _renamed(made.manifest))

    assert ended.code == 2
    assert "catalog 'adi'" in ended.err
    assert "catalog 'shop'" in ended.err
    assert len(list(made.migrations.glob("0*"))) == 2


def _renamed(manifest: Path) -> Path:
    document = json.loads(manifest.read_text())
    document["catalog"] = "shop"
    other = manifest.with_name("other.json")
    other.write_text(json.dumps(document))
    return other


def test_an_edit_that_was_not_generated_is_found(tmp_path: Path) -> None:
    source = tmp_path / "events.yaml"
    shutil.copy(EVENTS, source)
    shutil.copytree(ROOT / "generated", tmp_path / "generated")
    shutil.copytree(ROOT / "migrations", tmp_path / "migrations")
    where = ("--migrations", tmp_path / "migrations", "--manifest", tmp_path / "generated" / "sql" / "manifest.json")
    assert run("check", *where).code == 0

    source.write_text(source.read_text().replace("window: 3 days", "window: 4 days", 1))
    forgotten = run("check", *where)
    source.write_text("events: [")
    broken = run("check", *where)

    assert (forgotten.code, broken.code) == (7, 2)
    assert "Run `analytics-codegen generate`" in forgotten.err
    assert run("new", *where).code == 2
    assert "cannot be checked" in broken.err
