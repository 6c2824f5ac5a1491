"""Applying: phases, history, locks, retries, exit codes and messages, on a real server."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from pathlib import Path

import psycopg
import pytest
from adi_analytics import migrate
from adi_analytics.embedded.programs import find_programs
from adi_analytics.migrate.server import lock
from adi_analytics.migrate.upkeep import backfill
from adi_analytics.migrate.upkeep import maintain as upkeep
from support.migrating import SQL, Project, Target, connect, environment, execute, project, rows, run, value, write
from support.paths import ROOT

PSQL = find_programs() / "psql"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four small migrations: pre, post, pre (stepped), post."""
    made = tmp_path / "small"
    write(made, "0001_pre_a")
    write(made, "0002_post_b", "-- phase: post\ncreate table b (i int);\n")
    write(
        made,
        "0003_pre_c",
        "-- phase: pre\n-- transaction: off\n-- step: one\ncreate index concurrently if not exists c_i on a (i);\n"
        "-- step: two\ncreate table if not exists c (i int);\n",
    )
    write(made, "0004_post_d", "-- phase: post\ncreate table d (i int);\n")
    return made


def options(dsn: str, folder: Path, **more: object) -> migrate.Options:
    return migrate.Options(database_url=dsn, migrations=folder, **more)  # type: ignore[arg-type]  # of any type


def names(result: migrate.ApplyResult) -> list[str]:
    return [file.name for file in result.applied]


def test_all_applies_everything_once(postgres_dsn: str, folder: Path) -> None:
    first = migrate.apply("all", options(postgres_dsn, folder))
    second = migrate.apply("all", options(postgres_dsn, folder))

    assert names(first) == ["0001_pre_a", "0002_post_b", "0003_pre_c", "0004_post_d"]
    assert names(second) == []
    assert second.already == 4
    record = rows(
        postgres_dsn, "select number, status, steps, applied_by, host <> '' from analytics_meta.migrations order by 1"
    )
    assert [(row[0], row[1]) for row in record] == [(1, "applied"), (2, "applied"), (3, "applied"), (4, "applied")]
    assert record[2][2] == ["one", "two"]
    assert rows(postgres_dsn, "select action, detail from analytics_meta.audit") == [
        ("all", "0001_pre_a, 0002_post_b, 0003_pre_c, 0004_post_d")
    ]


def test_phases_stop_at_each_other(postgres_dsn: str, folder: Path) -> None:
    where = ("--database-url", postgres_dsn, "--migrations", folder)

    assert run("post", *where).code == 3
    assert value(postgres_dsn, "select to_regnamespace('analytics_meta')") is None
    pre = run("pre", *where)
    assert pre.code == 3
    assert "0002_post_b comes before them" in pre.err
    assert value(postgres_dsn, "select max(number) from analytics_meta.migrations") == 1
    assert run("post", *where).code == 3
    assert run("pre", *where).code == 0
    assert run("post", *where).code == 0
    assert run("status", "--check", *where).code == 0


def test_status_shows_applied_and_pending(postgres_dsn: str, folder: Path) -> None:
    where = ("--database-url", postgres_dsn, "--migrations", folder)
    run("pre", *where)

    found = run("status", "--format", "json", *where)

    assert found.code == 0
    assert [(entry["name"], entry["status"]) for entry in found.json["migrations"]] == [
        ("0001_pre_a", "applied"),
        ("0002_post_b", "pending"),
        ("0003_pre_c", "pending"),
        ("0004_post_d", "pending"),
    ]
    assert found.json["pending"] == {"pre": 1, "post": 2}
    assert run("status", "--check", *where).code == 3
    assert "0003_pre_c" in run("status", *where).out


def test_status_changes_nothing(postgres_dsn: str, folder: Path) -> None:
    run("status", "--database-url", postgres_dsn, "--migrations", folder)

    assert value(postgres_dsn, "select to_regnamespace('analytics_meta')") is None


def test_a_failure_leaves_earlier_files_applied_and_names_the_line(postgres_dsn: str, tmp_path: Path) -> None:
    made = tmp_path / "bad"
    write(made, "0001_pre_a")
    write(made, "0002_pre_b", "-- phase: pre\ncreate table b (i int);\n\ncreate tabel c (i int);\n")

    ended = run("all", "--database-url", postgres_dsn, "--migrations", made)

    assert ended.code == 1
    assert "0002_pre_b/common.sql:4: syntax error" in ended.err
    assert value(postgres_dsn, "select array_agg(number) from analytics_meta.migrations") == [1]
    assert value(postgres_dsn, "select to_regclass('b')") is None


def test_an_edited_file_is_refused(postgres_dsn: str, folder: Path) -> None:
    migrate.apply("all", options(postgres_dsn, folder))
    (folder / "migrations.lock").unlink()
    for name in ("0001_pre_a", "0002_post_b", "0003_pre_c", "0004_post_d"):
        path = folder / name / "common.sql"
        write(folder, name, path.read_text() + ("-- changed\n" if name == "0002_post_b" else ""))

    ended = run("all", "--database-url", postgres_dsn, "--migrations", folder)

    assert ended.code == 5
    assert "0002_post_b/common.sql was edited after it was applied" in ended.err


def test_white_space_is_no_edit(postgres_dsn: str, folder: Path) -> None:
    migrate.apply("all", options(postgres_dsn, folder))
    for path in folder.glob("*/common.sql"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"  \r\n"))

    assert run("all", "--database-url", postgres_dsn, "--migrations", folder).code == 0


def test_a_newer_database_is_refused_politely(postgres_dsn: str, folder: Path, tmp_path: Path) -> None:
    migrate.apply("all", options(postgres_dsn, folder))
    older = tmp_path / "older"
    write(older, "0001_pre_a")

    for command in ("all", "status", "dry-run"):
        ended = run(command, "--database-url", postgres_dsn, "--migrations", older)
        assert ended.code == 5
        assert "the database is newer than this library" in ended.err
        assert "Upgrade adi-analytics" in ended.err


def test_a_newer_format_of_the_record_is_refused(postgres_dsn: str, folder: Path) -> None:
    migrate.apply("all", options(postgres_dsn, folder))
    execute(postgres_dsn, "update analytics_meta.installation set format = 99")

    ended = run("all", "--database-url", postgres_dsn, "--migrations", folder)

    assert ended.code == 5
    assert "set up by a newer adi-analytics" in ended.err


def test_a_missing_file_is_refused(postgres_dsn: str, folder: Path) -> None:
    migrate.apply("all", options(postgres_dsn, folder))
    shutil.rmtree(folder / "0002_post_b")

    ended = run("all", "--database-url", postgres_dsn, "--migrations", folder)

    assert ended.code == 5
    assert "0002 is missing" in ended.err


def test_a_file_that_comes_too_late_is_refused(postgres_dsn: str, folder: Path) -> None:
    migrate.apply("all", options(postgres_dsn, folder))
    execute(postgres_dsn, "delete from analytics_meta.migrations where number = 2")

    ended = run("all", "--database-url", postgres_dsn, "--migrations", folder)

    assert ended.code == 5
    assert "0002_post_b is not applied, but 0004 is" in ended.err


def test_a_half_applied_file_goes_on_where_it_stopped(postgres_dsn: str, folder: Path) -> None:
    migrate.apply("all", options(postgres_dsn, folder))
    execute(
        postgres_dsn,
        "delete from analytics_meta.migrations where number = 4",
        "drop table c",
        "drop table d",
        "update analytics_meta.migrations set status = 'running', steps = '{one}' where number = 3",
    )
    assert run("status", "--check", "--database-url", postgres_dsn, "--migrations", folder).code == 3

    result = migrate.apply("all", options(postgres_dsn, folder))

    assert names(result) == ["0003_pre_c", "0004_post_d"]
    assert value(postgres_dsn, "select to_regclass('c') is not null")


def test_an_invalid_index_stops_a_stepped_file(postgres_dsn: str, folder: Path) -> None:
    run("pre", "--database-url", postgres_dsn, "--migrations", folder)
    execute(
        postgres_dsn,
        "create index c_i on a (i)",
        "update pg_index set indisvalid = false where indexrelid = 'c_i'::regclass",
    )

    ended = run("all", "--database-url", postgres_dsn, "--migrations", folder)

    assert ended.code == 1
    assert "invalid index public.c_i" in ended.err
    assert value(postgres_dsn, "select status from analytics_meta.migrations where number = 3") == "running"


def test_destructive_files_need_permission(postgres_dsn: str, folder: Path) -> None:
    write(folder, "0005_post_drop", "-- phase: post\n-- destructive: yes\ndrop table d;\n")
    where = ("--database-url", postgres_dsn, "--migrations", folder)

    refused = run("all", *where)

    assert refused.code == 8
    assert "0005_post_drop" in refused.err
    assert value(postgres_dsn, "select to_regnamespace('analytics_meta')") is None  # nothing half done
    assert run("all", "--allow-destructive", *where).code == 0


def test_the_holder_of_the_lock_is_named(postgres_dsn: str, folder: Path) -> None:
    with psycopg.connect(postgres_dsn, autocommit=True, application_name="the other one") as other:
        other.execute("select pg_advisory_lock(%s, %s)", lock.KEYS)
        ended = run("all", "--lock-wait", "0.3", "--database-url", postgres_dsn, "--migrations", folder)
        pid = other.info.backend_pid

    assert ended.code == 4
    assert f"pid {pid}, application 'the other one'" in ended.err


def test_a_lock_that_a_dead_client_left_can_be_ended(postgres_dsn: str, folder: Path) -> None:
    # What a transaction pooler does: the server's session goes on after its client has gone.
    pooled = psycopg.connect(postgres_dsn, autocommit=True, application_name="pooler")
    pooled.execute("select pg_advisory_lock(%s, %s)", lock.KEYS)
    refused = run("all", "--lock-wait", "0", "--database-url", postgres_dsn, "--migrations", folder)
    assert refused.code == 4
    assert "pg_terminate_backend" in refused.err

    execute(postgres_dsn, f"select pg_terminate_backend({pooled.info.backend_pid})")

    assert run("all", "--database-url", postgres_dsn, "--migrations", folder).code == 0
    pooled.close()


def test_losing_the_lock_stops_the_run(postgres_dsn: str, folder: Path) -> None:
    class Thief:
        def waiting(self, holder: str) -> None: ...

        def step(self, what: str) -> None:
            # Between two files somebody ends the session that holds the lock.
            if what.startswith("0002"):
                with connect(postgres_dsn) as other:
                    other.execute(
                        "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'"
                        " and pid <> pg_backend_pid()"
                    )

        def advance(self, what: str, done: int, total: int) -> None: ...

    with pytest.raises(migrate.MigrateError, match=r"(connection|lock) was lost"):
        migrate.apply("all", options(postgres_dsn, folder, progress=Thief()))

    assert names(migrate.apply("all", options(postgres_dsn, folder))) == ["0002_post_b", "0003_pre_c", "0004_post_d"]


def test_a_table_lock_is_waited_for_and_tried_again(postgres_dsn: str, tmp_path: Path) -> None:
    made = tmp_path / "locks"
    write(made, "0001_pre_a")
    migrate.apply("all", options(postgres_dsn, made))
    write(made, "0002_pre_b", "-- phase: pre\n-- lock-timeout: 100ms\nalter table a add b int;\n")
    tries: list[str] = []
    blocker = connect(postgres_dsn)
    blocker.autocommit = False
    blocker.execute("lock table a")

    class Watch:
        def waiting(self, holder: str) -> None: ...

        def step(self, what: str) -> None:
            tries.append(what)
            if len(tries) == 3:
                blocker.rollback()

        def advance(self, what: str, done: int, total: int) -> None: ...

    result = migrate.apply("all", options(postgres_dsn, made, progress=Watch()))

    blocker.close()
    assert names(result) == ["0002_pre_b"]
    assert tries == ["0002_pre_b", "0002_pre_b (try 2)", "0002_pre_b (try 3)"]


def test_a_table_lock_that_stays_is_an_error(postgres_dsn: str, tmp_path: Path) -> None:
    made = tmp_path / "locks"
    write(made, "0001_pre_a")
    migrate.apply("all", options(postgres_dsn, made))
    write(made, "0002_pre_b", "-- phase: pre\nalter table a add b int;\n")
    with connect(postgres_dsn) as blocker, blocker.transaction():
        blocker.execute("lock table a")
        ended = run(
            "all", "--lock-timeout", "50ms", "--retries", "1", "--database-url", postgres_dsn, "--migrations", made
        )

    assert ended.code == 1
    assert "Another session holds a table lock" in ended.err
    assert value(postgres_dsn, "select count(*) from analytics_meta.migrations") == 1


def test_a_long_statement_is_cut_off(postgres_dsn: str, tmp_path: Path) -> None:
    made = tmp_path / "slow"
    write(made, "0001_pre_a", "-- phase: pre\nselect pg_sleep(60);\n")

    ended = run("all", "--statement-timeout", "100ms", "--database-url", postgres_dsn, "--migrations", made)

    assert ended.code == 1
    assert "--statement-timeout" in ended.err


def test_twenty_runs_at_once_apply_once(migrated_dsn: str, postgres_dsn: str, folder: Path) -> None:
    results: list[list[str]] = []
    errors: list[BaseException] = []

    def one() -> None:
        try:
            results.append(names(migrate.apply("all", options(postgres_dsn, folder))))
        except BaseException as error:  # noqa: BLE001 - shown below
            errors.append(error)

    threads = [threading.Thread(target=one) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    assert sorted(name for result in results for name in result) == [
        "0001_pre_a", "0002_post_b", "0003_pre_c", "0004_post_d",
    ]  # fmt: skip
    assert value(postgres_dsn, "select count(*) from analytics_meta.migrations") == 4


def test_dry_run_goes_through_psql_and_gives_the_same(target: Target, request: pytest.FixtureRequest) -> None:
    forced = ["--backend", "timescaledb_apache"] if target.backend == "timescaledb_apache" else []
    script = run("dry-run", "--database-url", target.dsn, *forced)
    assert script.code == 0

    done = subprocess.run(
        [PSQL, "--quiet", "--dbname", target.dsn], input=script.out, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert "ERROR" not in done.stderr
    assert run("status", "--check", "--database-url", target.dsn).code == 3  # only the backfills wait
    assert run("all", "--database-url", target.dsn).code == 0
    assert migrate.drift(target.options).findings == ()


def test_dry_run_offline_is_the_same_text(postgres_dsn: str) -> None:
    online = run("dry-run", "--database-url", postgres_dsn)
    with environment(DATABASE_URL=None, PLATFORM_DATABASE_URL=None):
        offline = run("dry-run", "--offline", "--backend", "postgres")

    assert offline.code == 0
    assert offline.out == online.out


def test_dry_run_as_json_and_as_a_table(postgres_dsn: str, folder: Path) -> None:
    where = ("--database-url", postgres_dsn, "--migrations", str(folder))

    found = json.loads(run("dry-run", *where, "--format", "json").out)

    assert found["backend"] == "postgres"
    assert found["sql"] == run("dry-run", *where).out
    told = [(row["name"], row["phase"], row["transaction"], row["destructive"]) for row in found["migrations"]]
    assert told == [
        ("0001_pre_a", "pre", True, False),
        ("0002_post_b", "post", True, False),
        ("0003_pre_c", "pre", False, False),
        ("0004_post_d", "post", True, False),
    ]
    assert "4 would run" in run("dry-run", *where, "--format", "table").out


def test_dry_run_says_what_must_be_filled_first(postgres_dsn: str, tmp_path: Path) -> None:
    write(tmp_path, "0001_post_swap", "-- phase: post\n-- backfill: a_v2\nselect 1;\n")

    script = migrate.dry_run(options=options(postgres_dsn, tmp_path)).sql

    assert script.index("analytics-migrate backfill") < script.index("select 1")


def test_dry_run_of_a_half_applied_file_leaves_out_what_is_done(postgres_dsn: str, folder: Path) -> None:
    migrate.apply("all", options(postgres_dsn, folder))
    execute(
        postgres_dsn,
        "delete from analytics_meta.migrations where number = 4",
        "update analytics_meta.migrations set status = 'running', steps = '{one}' where number = 3",
    )

    text = migrate.dry_run("all", options(postgres_dsn, folder)).sql

    assert "-- step: two" in text
    assert "-- step: one" not in text


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


def test_a_foreign_table_of_that_name_is_explained(postgres_dsn: str) -> None:
    execute(postgres_dsn, "create table analytics_events (id bigserial primary key)")

    ended = run("all", "--database-url", postgres_dsn)

    assert ended.code == 1
    assert 'relation "analytics_events" already exists' in ended.err
    assert "baseline --adopt" in ended.err


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


def test_the_backend_cannot_change(postgres_dsn: str) -> None:
    run("all", "--database-url", postgres_dsn)

    asked = run("all", "--backend", "timescaledb", "--database-url", postgres_dsn)
    execute(postgres_dsn, "update analytics_meta.installation set backend = 'timescaledb'")
    lost = run("status", "--database-url", postgres_dsn)

    assert asked.code == lost.code == 5
    assert "set up for the backend postgres" in asked.err
    assert "the server offers only postgres" in lost.err


def test_every_command_has_help_with_an_example() -> None:
    text = run("--help")
    assert text.code == 0
    assert "exit codes:" in text.out
    for command in (
        "all", "pre", "post", "status", "dry-run", "check", "drift", "new", "baseline", "backfill", "refresh",
        "maintain", "dead-letters", "doctor",
    ):  # fmt: skip
        shown = run(command, "--help")
        assert shown.code == 0
        assert "example" in shown.out


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


def test_sql_of_files_is_sent_as_it_is(postgres_dsn: str, tmp_path: Path) -> None:
    made = tmp_path / "percent"
    write(made, "0001_pre_a", SQL + "comment on table a is '100 %s {x} \\n';\n")

    migrate.apply("all", options(postgres_dsn, made))

    assert value(postgres_dsn, "select obj_description('a'::regclass)") == "100 %s {x} \\n"


@pytest.mark.parametrize("command", ["all", "maintain"])
def test_a_lock_that_another_session_keeps_is_told(
    migrated_dsn: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind a transaction pooler the lock may stay with a session that nobody will ask again."""
    keys = lock.KEYS if command == "all" else upkeep.MAINTAIN_KEYS
    monkeypatch.setattr(backfill, "pending_backfills", lambda connection: lock._release(connection, keys) and [])
    monkeypatch.setattr(lock, "check_still_held", lambda *_: None)

    ended = run(command, "--database-url", migrated_dsn)

    assert ended.code == 4
    assert "another session keeps the lock" in ended.err
    assert "pg_terminate_backend" in ended.err
