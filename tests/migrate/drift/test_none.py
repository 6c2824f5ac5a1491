"""What is no change of the schema gives no finding."""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from adi_analytics import migrate
from adi_analytics.embedded.programs import find_programs
from psycopg.conninfo import conninfo_to_dict
from support.full import IN_FULL
from support.migrating import Project, Target, execute, insert_events, rows, run, value
from support.servers import with_database
from support.upkeep import NOW, insert_late

if TYPE_CHECKING:
    from support.servers import Databases

EMBEDDED = find_programs()
NATIVE = os.environ.get("ADI_ANALYTICS_TEST_TIMESCALE_DSN")


def _nothing(target: Target) -> None:
    found = migrate.drift(target.options).findings
    assert found == ()


@pytest.mark.one_backend
def test_a_new_database_has_none(migrated: Target) -> None:
    _nothing(migrated)
    assert run("drift", "--database-url", migrated.dsn).code == 0


def test_a_database_in_use_has_none(migrated: Target) -> None:
    insert_events(migrated.dsn)
    migrate.maintain(migrated.options, forced=True)
    migrate.refresh(options=migrated.options)

    insert_late(migrated, NOW - timedelta(days=6))  # marked, so the next `maintain` counts it

    found = migrate.drift(migrated.options, recount=True)

    assert found.findings == ()
    assert found.recounted
    (summary,) = run(
        "drift", "--recount", "--since", "2020-01-01", "--until", "2020-02-01", "--database-url", migrated.dsn
    ).out.splitlines()
    assert summary.endswith("; 0 stored rows compared with the events")


@pytest.mark.one_backend
def test_the_check_changes_nothing(migrated: Target) -> None:
    query = "select oid, relname, relnamespace, relfilenode from pg_class order by oid"
    before = rows(migrated.dsn, query)

    _nothing(migrated)

    assert rows(migrated.dsn, query) == before


SETTINGS = [
    ["search_path = 'elsewhere'", "datestyle = 'SQL, DMY'", "intervalstyle = 'iso_8601'", "quote_all_identifiers = on"],
    ["search_path = ''", "timezone = 'Asia/Kathmandu'", "extra_float_digits = 3",
     "default_transaction_isolation = 'serializable'", "standard_conforming_strings = on"],
]  # fmt: skip


@pytest.mark.parametrize(
    "settings", [[one] for group in SETTINGS for one in group] if IN_FULL else SETTINGS, ids=", ".join
)
def test_settings_of_the_database_do_not_matter(migrated_dsn: str, settings: list[str]) -> None:
    name = conninfo_to_dict(migrated_dsn)["dbname"]
    execute(migrated_dsn, "create schema elsewhere", *(f'alter database "{name}" set {one}' for one in settings))

    _nothing(Target("postgres", migrated_dsn))


def test_settings_do_not_matter_on_timescaledb(timescale_migrated_dsn: str) -> None:
    name = conninfo_to_dict(timescale_migrated_dsn)["dbname"]
    settings = ("datestyle = 'SQL, DMY'", "intervalstyle = 'iso_8601'", "timezone = 'Asia/Kathmandu'")
    for setting in settings:
        execute(timescale_migrated_dsn, f'alter database "{name}" set {setting}')
    try:
        _nothing(Target("timescaledb", timescale_migrated_dsn))
    finally:
        for setting in settings:
            execute(timescale_migrated_dsn, f'alter database "{name}" reset {setting.split(" ")[0]}')


def test_a_schema_of_ones_own_is_remembered(postgres_dsn: str) -> None:
    execute(postgres_dsn, 'create schema "Own Schema"')
    inside = f"{postgres_dsn}{'&' if '?' in postgres_dsn else '?'}options=-csearch_path%3D%22Own%5C%20Schema%22"
    migrate.apply(options=migrate.Options(database_url=inside))

    # Later runs find it without being told.
    _nothing(Target("postgres", postgres_dsn))
    assert value(postgres_dsn, "select count(*) from pg_tables where schemaname = 'Own Schema'") > 0


def _copy(programs: Path, source: str, target: str, *before: str, after: str = "select 1") -> None:
    dump = subprocess.run([programs / "pg_dump", "--no-owner", source], capture_output=True, text=True, check=True)
    for statement in before:
        execute(target, statement)
    # An older server does not know transaction_timeout, and no other one pg_attver, which some builds of 15 set.
    foreign = ("transaction_timeout", "pg_attver")
    script = "\n".join(line for line in dump.stdout.splitlines() if not any(word in line for word in foreign))
    restored = subprocess.run(
        [programs / "psql", "--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", target],
        input=script, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert restored.returncode == 0, restored.stderr
    execute(target, after)


def _major(dsn: str) -> int:
    return int(value(dsn, "show server_version_num")) // 10000


def test_a_dump_and_restore_gives_none(migrated_dsn: str, databases: Databases) -> None:
    insert_events(migrated_dsn)
    migrate.maintain(migrate.Options(database_url=migrated_dsn), forced=True)
    with databases.empty() as copy, databases.empty() as second:
        _copy(EMBEDDED, migrated_dsn, copy)
        _nothing(Target("postgres", copy))
        _copy(EMBEDDED, copy, second)
        _nothing(Target("postgres", second))
        assert value(second, "select count(*) from analytics_task_stats_daily") > 0


@pytest.mark.timescaledb
@pytest.mark.skipif(NATIVE is None or shutil.which("pg_dump") is None, reason="needs a native TimescaleDB and pg_dump")
def test_a_dump_and_restore_of_timescaledb_gives_none(timescale_migrated_dsn: str, timescale_dsn: str) -> None:
    programs = Path(shutil.which("pg_dump") or "").parent
    told = subprocess.run([programs / "pg_dump", "--version"], capture_output=True, text=True, check=True).stdout
    if int(told.split()[2].partition(".")[0]) < _major(timescale_dsn):
        pytest.skip(f"needs a pg_dump that is not older than the server: {told.strip()}")
    insert_events(timescale_migrated_dsn)
    _copy(
        programs, timescale_migrated_dsn, timescale_dsn, "select timescaledb_pre_restore()",
        after="select timescaledb_post_restore()",
    )  # fmt: skip

    _nothing(Target("timescaledb", timescale_dsn))


@pytest.mark.timescaledb
@pytest.mark.skipif(NATIVE is None, reason="needs an older PostgreSQL: the native server of the TimescaleDB tests")
def test_a_newer_server_gives_none(databases: Databases, made: Project) -> None:
    with databases.empty() as new:
        if _major(new) <= _major(str(NATIVE)):
            pytest.skip("needs an older PostgreSQL: the native server of the TimescaleDB tests is as new")
    old = with_database(str(NATIVE), "x_drift_old_server")
    execute(str(NATIVE), "drop database if exists x_drift_old_server", "create database x_drift_old_server")
    try:
        execute(old, "drop extension if exists timescaledb")
        made.apply(old, backend="postgres")
        insert_events(old)
        with databases.empty() as new:
            _copy(EMBEDDED, old, new)
            assert migrate.drift(made.options(new)).findings == ()
    finally:
        execute(str(NATIVE), "drop database x_drift_old_server with (force)")


@pytest.mark.one_backend
def test_pending_migrations_are_the_only_error(target: Target) -> None:
    with pytest.raises(migrate.PendingError):
        migrate.apply("pre", target.options)

    findings = migrate.drift(target.options).findings

    (finding,) = [finding for finding in findings if finding.severity == "error"]
    assert finding.object == "migrations"
    assert "0002_post_create_analytics_aggregates" in finding.actual
    assert run("drift", "--database-url", target.dsn).code == 6


def test_the_command_shows_findings_as_text_and_json(migrated_dsn: str) -> None:
    execute(migrated_dsn, "drop index analytics_events_service_timestamp_idx")

    text = run("drift", "--database-url", migrated_dsn)
    found = run("drift", "--database-url", migrated_dsn, "--format", "json")

    assert text.code == found.code == 6
    assert "analytics_events_service_timestamp_idx" in text.out
    (finding,) = found.json["findings"]
    assert finding["severity"] == "warning"
    assert finding["actual"] == "missing"
    execute(migrated_dsn, finding["fix"])
    _nothing(Target("postgres", migrated_dsn))
