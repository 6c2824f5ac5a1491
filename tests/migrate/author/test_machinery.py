"""A procedure of analytics_meta that a release removes is dropped, once the release before no longer runs."""

from __future__ import annotations

import json

import pytest
from adi_analytics import migrate
from support.migrating import Project, Target, execute, value

BODIES = {"procedure": "() language sql as 'select 1'", "function": "() returns int language sql as 'select 1'"}


def of_before(made: Project, kind: str, name: str) -> None:
    """Let the snapshot say that the release before made the routine *name*."""
    path = made.migrations / "catalog.snapshot.json"
    snapshot = json.loads(path.read_text(encoding="utf-8"))
    for backend, objects in snapshot["machinery"].items():
        kept = [entry for entry in objects if entry["object"] != name]
        snapshot["machinery"][backend] = [*kept, {"kind": kind, "object": name, "definition": BODIES[kind]}]
    path.write_text(json.dumps(snapshot), encoding="utf-8")


@pytest.mark.parametrize("kind", BODIES)
def test_a_removed_routine_is_dropped_by_post(made: Project, postgres_dsn: str, kind: str) -> None:
    target = Target("postgres", postgres_dsn)
    target.apply(made)
    of_before(made, kind, "old_helper")
    execute(postgres_dsn, f"create {kind} analytics_meta.old_helper {BODIES[kind]}")

    result = made.new()

    assert [name.split("_")[1] for name in result.written] == ["post"]
    made.apply(postgres_dsn, "pre")
    assert value(postgres_dsn, "select to_regproc('analytics_meta.old_helper') is not null")
    made.apply(postgres_dsn)
    assert migrate.drift(made.options(postgres_dsn)).findings == ()


def test_a_function_that_becomes_a_procedure_is_replaced(made: Project, postgres_dsn: str) -> None:
    target = Target("postgres", postgres_dsn)
    target.apply(made)
    of_before(made, "function", "maintain")
    execute(
        postgres_dsn,
        "drop procedure analytics_meta.maintain",
        f"create function analytics_meta.maintain {BODIES['function']}",
    )

    made.new()
    made.apply(postgres_dsn)

    assert migrate.drift(made.options(postgres_dsn)).findings == ()


def test_a_view_that_another_release_wrote_in_another_way_is_replaced(made: Project, postgres_dsn: str) -> None:
    path = made.migrations / "catalog.snapshot.json"
    snapshot = json.loads(path.read_text(encoding="utf-8"))
    (entry,) = (one for one in snapshot["aggregates"] if one["name"] == "analytics_errors_hourly")
    now = entry["views"][0]["select"]
    entry["views"][0]["select"] = f"{now} limit 5"
    path.write_text(json.dumps(snapshot), encoding="utf-8")

    result = made.new("views")

    assert result.changes == ("change the views of analytics_errors_hourly",)
    made.apply(postgres_dsn)
    assert migrate.drift(made.options(postgres_dsn)).findings == ()
    assert made.new().written == ()


def test_words_name_the_first_migrations_too(made: Project) -> None:
    for path in (*made.migrations.rglob("*.sql"), *made.migrations.glob("*.*")):
        path.unlink()
    for path in made.migrations.iterdir():
        path.rmdir()

    assert made.new("our first release").written == ("0001_pre_our_first_release", "0002_post_our_first_release")
