"""How the commands are called: wrong use, connections, help, colours."""

from __future__ import annotations

from pathlib import Path

import pytest
from adi_analytics import migrate
from adi_analytics_events import CATALOG
from support.migrating import Project, environment, project, run, value
from support.paths import ROOT


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 2, "COMMAND"),
        (("nonsense",), 2, "invalid choice: 'nonsense'"),
        (("status", "--format", "xml"), 2, "invalid choice: 'xml'"),
        (("status", "--database-url", "postgresql://127.0.0.1:1/none"), 1, "cannot connect to"),
        (("status", "--database-url", "no url"), 2, "the database URL cannot be read"),
        (("status", "--database-url", "mysql://somewhere/db"), 2, "the database URL cannot be read"),
        (
            ("all", "--migrations", "/nowhere", "--database-url", "postgresql://127.0.0.1:1/none"),
            1,
            "cannot connect to",
        ),
        (("dry-run", "--offline"), 2, "--offline needs a backend"),
        (("check", "--manifest", "/nowhere"), 2, "no manifest at"),
        (("refresh", "--since", "yesterday", "--database-url", "x"), 2, "is no time like"),
        (("status",), 2, "no database was given"),
        (("drift", "--since", "2026-11-01"), 2, "Add --recount"),
    ],
)
def test_wrong_use_is_explained(
    arguments: tuple[str, ...], code: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with environment(DATABASE_URL=None, PLATFORM_DATABASE_URL=None, ADI_ANALYTICS_PROJECT=str(ROOT)):
        ended = run(*arguments)

    assert ended.code == code
    assert words in ended.err


def test_passwords_are_not_shown() -> None:
    ended = run("status", "--database-url", "postgresql://me:hunter2@127.0.0.1:1/none")

    assert ended.code == 1
    assert "hunter2" not in ended.err


def test_a_database_that_is_not_there(postgres_dsn: str) -> None:
    ended = run(
        "status",
        "--database-url",
        postgres_dsn.replace("/x_", "/y_") + "_gone"
        if "?" not in postgres_dsn
        else postgres_dsn.replace("?", "_gone?"),
    )

    assert ended.code == 1
    assert "does not exist" in ended.err


def test_the_url_comes_from_where_it_should(migrated_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ADI_ANALYTICS_PROJECT", str(ROOT))
    (tmp_path / ".env").write_text(f"# comment\nexport DATABASE_URL='{migrated_dsn}'  \n")
    wrong = "postgresql://127.0.0.1:1/none"
    with environment(DATABASE_URL=None, PLATFORM_DATABASE_URL=None):
        assert run("status").code == 0
    with environment(DATABASE_URL=None, PLATFORM_DATABASE_URL=wrong):
        assert run("status").code == 1
    with environment(DATABASE_URL=migrated_dsn, PLATFORM_DATABASE_URL=wrong):
        assert run("status").code == 0
        assert run("status", "--database-url", wrong).code == 1
    with environment(DATABASE_URL=migrated_dsn.replace("postgresql://", "postgresql+asyncpg://")):
        assert run("status").code == 0


COMMANDS = (
    "all", "pre", "post", "status", "dry-run", "check", "drift", "new", "baseline", "backfill", "refresh", "maintain",
    "dead-letters", "doctor", "export-user", "erase-user",
)  # fmt: skip


def test_every_command_has_help_with_an_example() -> None:
    text = run("--help")
    assert text.code == 0
    assert "exit codes:" in text.out
    for command in COMMANDS:
        shown = run(command, "--help")
        assert shown.code == 0
        assert "example" in shown.out


def test_help_names_nothing_of_our_own_catalog() -> None:
    text = "".join(run(*command, "--help").out for command in [(), *((name,) for name in COMMANDS)])
    names = [*CATALOG.events, CATALOG.table, "analytics_task", "tasks"]
    assert [name for name in names if name in text] == []


def test_no_color_is_respected(migrated_dsn: str) -> None:
    with environment(NO_COLOR="1", FORCE_COLOR=None):
        assert "\x1b[" not in run("status", "--database-url", migrated_dsn).out


def test_another_project_uses_its_own_folder(postgres_dsn: str, tmp_path: Path) -> None:
    def other(document: dict[str, object]) -> None:
        document["storage"]["table"] = "product_events"  # type: ignore[index]  # JSON

    made: Project = project(tmp_path / "other", other)

    made.apply(postgres_dsn)

    assert migrate.drift(made.options(postgres_dsn)).findings == ()
    assert value(postgres_dsn, "select count(*) from product_events") == 0
    assert run("check", "--migrations", made.migrations, "--manifest", made.manifest).code == 0


@pytest.mark.parametrize(
    "command",
    ["all", "status", "dry-run", "drift", "refresh", "backfill", "maintain", "baseline", "baseline --adopt", "doctor",
     "dead-letters", "check", "new --lock"],
)  # fmt: skip
def test_a_folder_that_is_not_there_is_told_in_one_way(migrated_dsn: str, tmp_path: Path, command: str) -> None:
    folder = tmp_path / "nowhere"
    with environment(DATABASE_URL=migrated_dsn, ADI_ANALYTICS_PROJECT=str(ROOT)):
        ended = run(*command.split(), "--migrations", folder)

    assert ended.code == (1 if command == "doctor" else 2)
    assert f"the migrations folder {folder} does not exist" in ended.err + ended.out
    assert "analytics-migrate new" in ended.err + ended.out


@pytest.mark.parametrize("command", ["drift", "baseline --adopt", "dead-letters", "dead-letters import"])
def test_a_snapshot_that_is_not_there_is_told_in_one_way(made: Project, migrated_dsn: str, command: str) -> None:
    (made.migrations / "catalog.snapshot.json").unlink()

    ended = run(*command.split(), "--migrations", made.migrations, "--database-url", migrated_dsn)

    assert ended.code == 5
    assert f"{made.migrations} has no catalog.snapshot.json" in ended.err


@pytest.mark.parametrize("command", ["status", "drift", "doctor", "check", "baseline --adopt"])
def test_a_folder_without_a_catalog_is_told_with_what_to_do_next(
    postgres_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with environment(DATABASE_URL=postgres_dsn, ADI_ANALYTICS_PROJECT=None):
        ended = run(*command.split())
        (tmp_path / "events.yaml").write_text("catalog: {}\n")
        begun = run("doctor")

    assert ended.code == (1 if command == "doctor" else 2)
    assert "no catalog was found" in ended.out + ended.err
    assert "name it with --project" in ended.out + ended.err
    assert "analytics-codegen init" in ended.out + ended.err
    assert f"the migrations folder {tmp_path / 'migrations'} does not exist" in begun.out
    assert "analytics-migrate new" in begun.out


def test_pre_on_an_empty_database_says_to_run_all(postgres_dsn: str) -> None:
    first = run("pre", "--database-url", postgres_dsn)
    second = run("pre", "--database-url", postgres_dsn)

    assert first.code == second.code == 3
    assert "This database is new" in first.err
    assert "run `analytics-migrate all`" in first.err
    assert "Run `analytics-migrate post`" in second.err
