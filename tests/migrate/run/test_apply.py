"""Files are applied once, in order, and what is wrong stops a run."""

from __future__ import annotations

import shutil
from pathlib import Path

from adi_analytics import migrate
from support.migrating import (
    SQL,
    execute,
    names,
    options,
    rows,
    run,
    value,
    write,
)


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


def test_a_foreign_table_of_that_name_is_explained(postgres_dsn: str) -> None:
    execute(postgres_dsn, "create table analytics_events (id bigserial primary key)")

    ended = run("all", "--database-url", postgres_dsn)

    assert ended.code == 1
    assert 'relation "analytics_events" already exists' in ended.err
    assert "baseline --adopt" in ended.err


def test_the_backend_cannot_change(postgres_dsn: str) -> None:
    run("all", "--database-url", postgres_dsn)

    asked = run("all", "--backend", "timescaledb", "--database-url", postgres_dsn)
    execute(postgres_dsn, "update analytics_meta.installation set backend = 'timescaledb'")
    lost = run("status", "--database-url", postgres_dsn)

    assert asked.code == lost.code == 5
    assert "set up for the backend postgres" in asked.err
    assert "the server offers only postgres" in lost.err


def test_sql_of_files_is_sent_as_it_is(postgres_dsn: str, tmp_path: Path) -> None:
    made = tmp_path / "percent"
    write(made, "0001_pre_a", SQL + "comment on table a is '100 %s {x} \\n';\n")

    migrate.apply("all", options(postgres_dsn, made))

    assert value(postgres_dsn, "select obj_description('a'::regclass)") == "100 %s {x} \\n"
