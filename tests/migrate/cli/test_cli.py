"""The command line under odd conditions: wrong numbers, closed and full streams, other folders. Never a traceback."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from adi_analytics import migrate
from adi_analytics.migrate import UsageError
from psycopg.conninfo import make_conninfo
from support.migrating import Project, Target, connect, execute, run, write
from support.paths import ROOT

PROGRAM = "import sys; from adi_analytics.migrate.cli.main import main; sys.exit(main(sys.argv[1:]))"


def shell(redirected: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the program in a shell with its streams *redirected*."""
    command = ["sh", "-c", f'"$@" {redirected}', "sh", sys.executable, "-c", PROGRAM, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ})


@pytest.mark.parametrize(
    "arguments",
    [
        ("--retries", "-1"),
        ("--retries", "x"),
        ("--lock-wait", "-1"),
        ("--lock-wait", "nan"),
        ("--lock-timeout", "soon"),
        ("--lock-timeout", ""),
        ("--lock-timeout", "25d"),
        ("--statement-timeout", "-5s"),
        ("--statement-timeout", "1y"),
    ],
    ids=" ".join,
)
def test_a_wrong_number_is_wrong_use(arguments: tuple[str, str]) -> None:
    ended = run("all", "--database-url", "postgresql://127.0.0.1:1/none", *arguments)

    assert ended.code == 2
    assert arguments[0] in ended.err


def test_the_library_refuses_wrong_numbers_too() -> None:
    with pytest.raises(UsageError, match="less than 0"):
        migrate.Options(retries=-1)
    with pytest.raises(UsageError, match="no timeout like"):
        migrate.Timeouts(lock="soon")


@pytest.mark.parametrize("redirected", [">&-", "> /dev/full", ">&- 2>&-"])
@pytest.mark.parametrize("format_", ["table", "json"])
def test_a_result_that_cannot_be_written_is_told(postgres_dsn: str, redirected: str, format_: str) -> None:
    if "full" in redirected and not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")

    ended = shell(redirected, "status", "--format", format_, "--database-url", postgres_dsn)

    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert "2>" in redirected or "cannot write to standard output" in ended.stderr


def test_the_files_that_are_used_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / "docs" / "howto")

    ended = run("check")

    assert ended.code == 0
    assert f"catalog: events.yaml in {ROOT}" in ended.err
    assert f"manifest: {ROOT / 'generated' / 'sql' / 'manifest.json'}" in ended.err
    assert f"migrations: {ROOT / 'migrations'}" in ended.err


@pytest.mark.parametrize("more", [(), ("--lock",)])
def test_an_installed_package_is_not_written_to(made: Project, tmp_path: Path, more: tuple[str, ...]) -> None:
    package = tmp_path / "site-packages" / "shop_events"
    shutil.copytree(made.migrations, package / "_data" / "migrations")
    (package / "__init__.py").touch()

    where = ("--migrations", package / "_data" / "migrations", "--manifest", made.manifest)
    ended = run("new", *more, "-m", "x", *where)

    assert ended.code == 2
    assert "belongs to an installed package" in ended.err


def test_a_lacking_right_has_a_remedy(migrated_dsn: str) -> None:
    role = f"nobody_{os.urandom(4).hex()}"
    execute(migrated_dsn, f"create role {role} login", f"grant usage on schema analytics_meta to {role}",
            f"grant select on analytics_meta.installation to {role}")  # fmt: skip
    try:
        ended = run("status", "--database-url", make_conninfo(migrated_dsn, user=role))
    finally:
        execute(migrated_dsn, f"drop owned by {role}", f"drop role {role}")

    assert ended.code == 1
    assert "42501" in ended.err
    assert "connect as the role that ran the migrations" in ended.err


@pytest.mark.timescaledb
def test_timescaledb_that_is_only_on_the_server_is_told(timescale_dsn: str) -> None:
    if Target("timescaledb", timescale_dsn).wasm:
        pytest.skip("the WASM build has one database, and does not outlive the drop of its extension")
    execute(timescale_dsn, "drop extension if exists timescaledb cascade")
    where = ("--database-url", timescale_dsn)
    chosen = run("status", *where, "--backend", "postgres", "--format", "json")
    open_ = run("status", *where, "--format", "json")
    assert chosen.json["notes"] == []
    assert "create extension timescaledb" in open_.json["notes"][0]
    (told,) = [entry for entry in run("doctor", *where, "--format", "json").json if entry["check"] == "extension"]
    assert told["state"] == "warning"
    assert "--backend postgres" in told["remedy"]

    ended = run("all", *where)

    assert ended.code == 0
    assert "warning: TimescaleDB" in ended.err
    assert "create extension timescaledb" in ended.err
    assert "--backend postgres" in ended.err
    assert "warning" not in run("all", *where).err  # the choice was made


def test_doctor_advises_on_timescaledb_until_the_backend_is_settled(postgres_dsn: str) -> None:
    execute(
        postgres_dsn,
        "set allow_system_table_mods = on",
        "create or replace view pg_catalog.pg_available_extensions as"
        " select 'timescaledb'::name as name, '2.20.0' as default_version,"
        " null::text collate \"C\" as installed_version, '' as comment",
    )
    where = ("--database-url", postgres_dsn)

    def extension(*more: str) -> tuple[str, str]:
        entries = run("doctor", *where, *more, "--format", "json").json
        return next((entry["state"], entry["remedy"]) for entry in entries if entry["check"] == "extension")

    state, remedy = extension()
    assert (state, "create extension timescaledb" in remedy) == ("warning", True)
    assert extension("--backend", "postgres") == ("ok", "")
    assert run("all", *where).code == 0
    assert extension() == ("ok", "")


def test_an_option_wins_over_the_header(postgres_dsn: str, tmp_path: Path) -> None:
    made = tmp_path / "locks"
    write(made, "0001_pre_a")
    write(made, "0002_pre_b", "-- phase: pre\n-- lock-timeout: 10min\nalter table a add b int;\n")
    where = ("--database-url", postgres_dsn, "--migrations", made)
    assert "set local lock_timeout = '10min'" in run("dry-run", *where).out
    assert "set local lock_timeout = '5s'" in run("dry-run", *where).out
    write(tmp_path / "first", "0001_pre_a")
    migrate.apply("all", migrate.Options(database_url=postgres_dsn, migrations=tmp_path / "first"))

    with connect(postgres_dsn) as blocker, blocker.transaction():
        blocker.execute("lock table a")
        ended = run("all", "--lock-timeout", "50ms", "--retries", "0", *where)

    assert ended.code == 1
    assert "raise --lock-timeout" in ended.err


def test_a_number_that_is_no_letters_is_an_error(migrated_dsn: str) -> None:
    ended = run("dead-letters", "replay", "--id", "999", "--database-url", migrated_dsn)
    assert ended.code == 2
    assert "no dead letter with the number 999 waits" in ended.err


def test_a_file_that_is_not_there_is_an_error(migrated_dsn: str, tmp_path: Path) -> None:
    ended = run("dead-letters", "import", tmp_path / "none.jsonl", "--database-url", migrated_dsn)
    assert ended.code == 2
    assert f"there is no file {tmp_path / 'none.jsonl'}" in ended.err


def test_a_run_says_what_it_granted(migrated_dsn: str) -> None:
    where = ("--database-url", migrated_dsn)
    execute(migrated_dsn, "create role told_writer", "create role told_reader")
    try:
        ended = run("all", *where, "--grant-writer", "told_writer", "--grant-reader", "told_reader")
        assert ended.out.splitlines() == [
            "told_writer may now insert events and dead letters, and mark late hours",
            "told_reader may now read the aggregates",
        ]
        granted = run("all", *where, "--grant-reader", "told_reader", "--format", "json").json["granted"]
        assert granted == [["reader", "told_reader"]]
    finally:
        for role in ("told_writer", "told_reader"):
            execute(migrated_dsn, f"drop owned by {role}", f"drop role {role}")
