"""The doctor names what is wrong and how to mend it; dead letters are listed and tried again."""

from __future__ import annotations

import importlib
import json
import sys
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import pytest
from adi_analytics import migrate
from adi_analytics.migrate import Options
from support.migrating import Target, connect, environment, execute, insert_events, run, value
from support.paths import ROOT

LETTER = """insert into analytics_dead_letters
    (event_id, "timestamp", event_type, service, reason, sqlstate, message, library_version, payload)
    values ('{id}', now(), 'project_updated', 's', 'row_rejected', '23514', 'refused', '0.1.0', '{payload}')"""
PAYLOAD = (
    '{{"timestamp": "2026-11-01T12:00:00+00:00", "event_type": "project_updated", "service": "s", "user_id": null,'
    ' "data": {data}, "event_id": "{id}", "meta": {{}}}}'
)
DOCTOR = importlib.import_module("adi_analytics.migrate.doctor")
GOOD = (
    '{"type": "project_updated", "project_id": "0190a0b4-5c8e-7d10-8f3e-2b6f5d1c9a01",'
    ' "user_id": "0190a0b4-5c8e-7d10-8f3e-2b6f5d1c9a02"}'
)


def checked(target: Target) -> dict[str, migrate.Diagnosis]:
    return {entry.check: entry for entry in migrate.doctor(target.options)}


@pytest.mark.one_backend
def test_all_is_well_after_housekeeping(migrated: Target) -> None:
    migrate.maintain(migrated.options, forced=True)

    found = checked(migrated)

    # No scheduler runs in the databases of these tests.
    states = {name: entry.state for name, entry in found.items() if name not in {"scheduler", "extension"}}
    assert set(states.values()) == {"ok"}, found
    assert all(entry.remedy for entry in found.values() if entry.state != "ok")
    assert run("doctor", "--database-url", migrated.dsn).code == 0


def test_an_unreachable_server_is_one_of_its_answers() -> None:
    ended = run("doctor", "--database-url", "postgresql://127.0.0.1:1/none")

    assert ended.code == 1
    assert "error   connection: cannot connect" in ended.out


def test_no_database_is_one_of_its_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with environment(DATABASE_URL=None, PLATFORM_DATABASE_URL=None, ADI_ANALYTICS_PROJECT=str(ROOT)):
        ended = run("doctor", "--format", "json")

    assert ended.code == 1
    answers = {entry["check"]: entry["found"] for entry in ended.json}
    assert answers["connection"] == "no database was given"
    assert answers["catalog"].startswith("ADI_ANALYTICS_PROJECT (events.yaml in")


def test_no_catalog_is_one_of_its_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ended = run("doctor", "--format", "json")

    assert ended.code == 1
    assert ended.json[0]["check"] == "catalog"
    assert "analytics-codegen init" in ended.json[0]["remedy"]


@pytest.mark.one_backend
def test_pending_migrations_and_late_marks_are_told(target: Target) -> None:
    assert "Run `analytics-migrate all`" in checked(target)["migrations"].remedy
    target.apply()
    execute(
        target.dsn,
        "insert into analytics_meta.late_buckets values (now() - interval '9 days', now() - interval '1 day')",
        "update analytics_meta.backfills set status = 'running' where relation = 'analytics_errors_hourly_v1'",
    )

    found = checked(target)

    assert "1 hours with late events wait" in found["late events"].found
    assert found["backfill"].found == "not done: analytics_errors_hourly_v1"


def test_overdue_housekeeping_is_told(migrated_dsn: str) -> None:
    target = Target("postgres", migrated_dsn)
    migrate.maintain(target.options, forced=True)
    insert_events(migrated_dsn, 100)
    execute(migrated_dsn, "update analytics_meta.aggregates set refreshed_at = now() - interval '1 month'")

    found = checked(target)

    assert "overdue: analytics_api_latency_hourly" in found["refreshes"].found
    assert found["partitions"].state == "warning"
    (today,) = [
        name
        for (name, start, end) in _ranges(migrated_dsn)
        if start <= datetime.now(UTC) < end and "default" not in name
    ]
    execute(migrated_dsn, f"drop table {today}")
    assert checked(target)["partitions"].state == "error"


def _ranges(dsn: str) -> list[tuple[str, datetime, datetime]]:
    with connect(dsn) as connection:
        return connection.execute("select part::text, from_time, to_time from analytics_meta.raw_ranges()").fetchall()


def test_an_invalid_index_is_told(migrated_dsn: str) -> None:
    execute(
        migrated_dsn,
        "update pg_index set indisvalid = false where indexrelid = 'analytics_dead_letters_pkey'::regclass",
    )

    assert checked(Target("postgres", migrated_dsn))["indexes"].found.startswith(
        "analytics_dead_letters_pkey is invalid"
    )


def test_the_holder_of_the_lock_is_told(migrated_dsn: str) -> None:
    from adi_analytics.migrate.server import lock

    with connect(migrated_dsn) as other:
        other.execute("select pg_advisory_lock(%s, %s)", lock.KEYS)
        assert "pid" in checked(Target("postgres", migrated_dsn))["lock"].found


@pytest.mark.timescaledb
def test_a_paused_policy_is_told(timescale_migrated_dsn: str) -> None:
    execute(
        timescale_migrated_dsn,
        "select alter_job(job_id, scheduled => false) from timescaledb_information.jobs where"
        " proc_name = 'retention_job'",
    )

    assert "paused: jobs" in checked(Target("timescaledb", timescale_migrated_dsn))["policies"].found


def test_a_clock_that_is_wrong_is_told(migrated_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Ahead(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]  # a subclass of its own is not needed
            return datetime.now(tz) + timedelta(minutes=10)

    # The package has a function of the same name as the module.
    monkeypatch.setattr(sys.modules["adi_analytics.migrate.doctor"], "datetime", Ahead)

    found = checked(Target("postgres", migrated_dsn))["clock"]

    assert found.state == "warning"
    assert "600 s" in found.found or "599 s" in found.found


@pytest.mark.one_backend
def test_dead_letters_are_listed_and_replayed(migrated: Target) -> None:
    first, second = "0190a0b4-5c8e-7d10-8f3e-2b6f5d1c9b01", "0190a0b4-5c8e-7d10-8f3e-2b6f5d1c9b02"
    execute(
        migrated.dsn,
        LETTER.format(id=first, payload=PAYLOAD.format(id=first, data=GOOD)),
        LETTER.format(id=second, payload=PAYLOAD.format(id=second, data='{"type": "project_updated"}')),
    )
    where = ("--database-url", migrated.dsn)
    assert "2 events could not be stored" in checked(migrated)["dead letters"].found

    listed = run("dead-letters", "--format", "json", *where)
    replayed = run("dead-letters", "replay", *where)

    assert listed.code == 0
    assert listed.json["waiting"] == 2
    assert replayed.code == 1  # one was refused again
    assert "stored 1 events" in replayed.out
    assert value(migrated.dsn, "select count(*) from analytics_events") == 1
    assert "1 wait to be replayed" in run("dead-letters", "list", *where).out
    assert run("dead-letters", "replay", "--force", *where).code == 0
    assert value(migrated.dsn, "select count(*) from analytics_events") == 2
    assert run("dead-letters", "replay", *where).code == 0


@pytest.mark.one_backend
def test_dead_letters_come_from_a_file(migrated: Target, tmp_path: Path) -> None:
    first = "0190a0b4-5c8e-7d10-8f3e-2b6f5d1c9b01"
    letter = {"event_id": first, "timestamp": "2026-11-01T12:00:00+00:00", "event_type": "project_updated"}
    letter |= {
        "service": "s",
        "reason": "row_rejected",
        "sqlstate": "23514",
        "message": "m",
        "library_version": "0.1.0",
    }
    where = ("--database-url", migrated.dsn)
    with environment(ADI_ANALYTICS_SPOOL_DIR=str(tmp_path)):
        file = tmp_path / "dead-letters.jsonl"
        file.write_text(json.dumps({**letter, "payload": PAYLOAD.format(id=first, data=GOOD)}) + "\n")
        assert run("dead-letters", "import", "--format", "json", *where).json == {"imported": 1, "file": str(file)}
        assert f"there are no dead letters in {file}" in run("dead-letters", "import", *where).out
    assert run("dead-letters", "replay", *where).code == 0
    assert value(migrated.dsn, "select count(*) from analytics_events") == 1
    file.write_text("{}\n")
    wrong = run("dead-letters", "replay", file, *where)
    assert (wrong.code, "takes no file" in wrong.err) == (2, True)
    assert run("dead-letters", "import", file, *where).code == 1


def test_dead_letters_of_an_empty_database(postgres_dsn: str) -> None:
    assert run("dead-letters", "--database-url", postgres_dsn).code == 5


@pytest.mark.timescaledb
def test_an_extension_that_is_too_old_for_an_aggregate_is_named(
    timescale_migrated_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = Options(database_url=timescale_migrated_dsn, migrations=ROOT / "examples" / "ecommerce" / "migrations")

    def found() -> list[str]:
        with connect(timescale_migrated_dsn) as connection:
            return [one.found for one in DOCTOR._continuous_aggregates(connection, None, options)]

    assert found() == []
    monkeypatch.setattr(DOCTOR, "_OLDEST_WITH_LATERAL", (99, 1))
    (only,) = found()
    assert "store_product_sales_daily has `each`, which needs TimescaleDB 99.1; this is 2." in only


@pytest.mark.parametrize(("text", "numbers"), [("2.9.1", (2, 9, 1)), ("2.16.0-dev", (2, 16, 0))])
def test_versions_are_compared_as_numbers(text: str, numbers: tuple[int, ...]) -> None:
    assert DOCTOR._numbers(text) == numbers
