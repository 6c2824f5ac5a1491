"""A user's data is exported and erased wherever it is; nothing of it is left, and nothing of others is lost."""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from adi_analytics import AnalyticsClient, events, migrate
from adi_analytics._engine.rows.store_policy import keyed_hash
from adi_analytics._engine.spool.process_lock import ProcessLock
from adi_analytics.embedded.programs import find_programs
from adi_analytics.migrate.people import erase
from psycopg.types.json import Jsonb
from support.migrating import Target, connect, execute, rows, run, value
from support.upkeep import force

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "k" * 32
EMAIL = "ada@example.org"
NOW = datetime.now(UTC)


@dataclass(frozen=True)
class Ada:
    """A user with something everywhere, beside others who must stay."""

    id: str

    @property
    def hashed(self) -> str:
        return keyed_hash(KEY, self.id)

    @property
    def traces(self) -> tuple[str, ...]:
        return (self.id, self.id.replace("-", ""), self.hashed, EMAIL, keyed_hash(KEY, EMAIL))


@pytest.fixture
def ada() -> Ada:
    return Ada(str(uuid.uuid4()))


@pytest.fixture(autouse=True)
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ADI_ANALYTICS_HASH_KEY", KEY)
    monkeypatch.setenv("ADI_ANALYTICS_SPOOL_DIR", str(tmp_path / "spool"))
    (tmp_path / "spool").mkdir()
    return tmp_path / "spool"


def stored(ada: Ada) -> Iterator[tuple[datetime, str, str | None, dict[str, Any], dict[str, Any]]]:
    """Yield rows of her, then one of others for each: time, type, user, data, meta."""
    for day in (1, 2, 12, 20):
        at = NOW - timedelta(days=day, hours=2)
        for number in range(3):
            yield at + timedelta(seconds=number), "task_created", ada.id, {"task_id": str(uuid.uuid4())}, {}
    at = NOW - timedelta(days=12)
    message = {"error_type": "E", "error_message": f"no user {ada.id.upper()}"}
    yield at, "application_error", None, message, {}
    yield at, "application_error", None, {"error_type": "F", "seen_by": ada.hashed}, {}
    yield at, "api_request", None, {"endpoint": "/"}, {"context": {"on_behalf_of": ada.id}}
    yield at, "auth_login_attempt", None, {"email": keyed_hash(KEY, EMAIL), "success": False}, {}


HERS = 16
BY_EMAIL = 1


def fill(target: Target, ada: Ada) -> None:
    insert = (
        'insert into analytics_events ("timestamp", event_type, service, user_id, data, meta, event_id)'
        " values (%s, %s, 's', %s, %s, %s, gen_random_uuid())"
    )
    letter = (
        "insert into analytics_dead_letters (event_id, event_type, reason, message, library_version, payload)"
        " values (gen_random_uuid(), 'task_created', 'refused', %s, '1', %s)"
    )
    with connect(target.dsn) as connection, connection.cursor() as cursor:
        for at, kind, user, data, meta in stored(ada):
            cursor.execute(insert, [at, kind, user, Jsonb(data), Jsonb(meta)])
            other = {"error_type": "E", "error_message": "no"}  # a second later: the first one's text is quoted
            cursor.execute(insert, [at + timedelta(seconds=1), kind, uuid.uuid4(), Jsonb(other), Jsonb({})])
        for user, message in ((ada.id, "m"), (str(uuid.uuid4()), "m"), (str(uuid.uuid4()), f"id {ada.id}")):
            cursor.execute(letter, [message, json.dumps({"user_id": user, "data": {"a": 1}, "meta": {}})])
    force(target)
    migrate.refresh(options=target.options)
    if target.backend == "timescaledb":
        execute(
            target.dsn,
            "select compress_chunk(c) from show_chunks('analytics_events', older_than => interval '7 days') c",
        )
        assert value(target.dsn, "select count(*) from timescaledb_information.chunks where is_compressed")


def spooled(ada: Ada, spool: Path) -> None:
    """Leave an event of hers and one of another in the spool, and in the file of dead letters."""
    nowhere = "postgresql://postgres@127.0.0.1:1/none?connect_timeout=2"
    client = AnalyticsClient.connect(
        nowhere,
        catalog="adi_analytics_events",
        spool="always",
        spool_dir=str(spool),
        shutdown_timeout=0.2,
        hash_key=KEY,
    )
    for user in (ada.id, str(uuid.uuid4())):
        client.track(events.TaskStarted(task_id=uuid.uuid4(), user_id=uuid.UUID(user)))
    assert client.close(2).spooled == 2
    lines = [{"payload": json.dumps({"user_id": user, "data": {}, "meta": {}})} for user in (ada.id, "other")]
    (spool / "dead-letters.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def _in_dump(target: Target, ada: Ada) -> list[str]:
    environment = {**os.environ, "PGOPTIONS": "-c client_min_messages=error"}
    command = [str(find_programs() / "pg_dump"), "--inserts", "--dbname", target.dsn]
    dump = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert dump.returncode == 0, dump.stderr
    return [f"dump: {trace}" for trace in ada.traces if trace in dump.stdout.lower()]


def traces(target: Target, ada: Ada, spool: Path) -> list[str]:
    """Return where something of her is left: in a dump, in any table as a reader sees it, or in a file."""
    found = [] if target.wasm else _in_dump(target, ada)  # that server's one session can't be dumped
    tables = rows(
        target.dsn,
        "select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where c.relkind in ('r', 'p', 'v')"
        " and (n.nspname in ('public', 'analytics_meta') or c.relname ~ '^_(hyper|materialized)')",
    )
    patterns = [f"%{trace}%" for trace in ada.traces]
    for (table,) in tables:
        if value(target.dsn, f"select count(*) from {table} t where lower(t::text) like any (%s)", patterns):
            found.append(table)
    for path in spool.iterdir():
        content = path.read_bytes()
        if any(trace.encode() in content for trace in ada.traces) or uuid.UUID(ada.id).bytes in content:
            found.append(path.name)
    return found


def test_nothing_of_a_user_is_left_and_nothing_of_others_is_lost(migrated: Target, ada: Ada, spool: Path) -> None:
    fill(migrated, ada)
    spooled(ada, spool)
    others = rows(migrated.dsn, "select * from analytics_events where user_id <> %s::uuid order by id", ada.id)
    assert traces(migrated, ada, spool)
    command = ("erase-user", ada.id, "--database-url", migrated.dsn, "--field", f"email={EMAIL}", "--format", "json")

    counted = run(*command, "--dry-run").json
    assert len(rows(migrated.dsn, "select from analytics_events")) == 2 * HERS
    erased = run(*command).json

    assert traces(migrated, ada, spool) == []
    assert erased["events"] == HERS
    assert erased["dead_letters"] == 2
    assert (erased["spooled"], erased["dead_letter_file"]) == (1, 1)
    assert erased["aggregates"]["analytics_daily_active_users_v1r2_users"] == 4
    assert erased["texts"] == {"analytics_errors_hourly_v1": 1}
    assert {**counted, "dry_run": False} == erased
    left = rows(migrated.dsn, "select * from analytics_events order by id")
    assert left == others
    assert value(migrated.dsn, "select count(*) from analytics_dead_letters") == 1
    told = rows(migrated.dsn, "select detail from analytics_meta.audit where action = 'erase-user' order by id")
    assert told[0] == ("begun",)
    assert told[1][0].startswith(f"events {HERS}, dead letters 2,")
    assert run(*command).json["events"] == 0


@pytest.mark.one_backend
def test_aggregates_follow_the_rows_that_are_left(migrated: Target, ada: Ada) -> None:
    fill(migrated, ada)

    migrate.erase_user(ada.id, migrated.options)
    force(migrated)

    daily = (
        "select day, active_users, total_events from analytics_daily_active_users where total_events > 0 order by day"
    )
    truth = (
        "select date_trunc('day', \"timestamp\", 'UTC'), count(distinct user_id), count(user_id)"
        " from analytics_events where user_id is not null group by 1 order by 1"
    )
    assert rows(migrated.dsn, daily) == rows(migrated.dsn, truth)
    assert [finding for finding in migrate.drift(migrated.options).findings if finding.severity != "info"] == []


@pytest.mark.one_backend
def test_everything_of_a_user_is_exported(migrated: Target, ada: Ada, spool: Path) -> None:
    fill(migrated, ada)
    spooled(ada, spool)

    ran = run("export-user", ada.id, "--database-url", migrated.dsn, "--field", f"email={EMAIL}")

    assert ran.code == 0, ran.err
    records = [json.loads(line) for line in ran.out.splitlines()]
    kinds = [record["kind"] for record in records]
    assert kinds.count("event") == HERS
    assert kinds.count("dead_letter") == 2
    assert (kinds.count("spooled"), kinds.count("dead_letter_file")) == (1, 1)
    members = [record for record in records if record["kind"] == "aggregate"]
    assert {entry["member"] for entry in members} == {ada.id}
    kept = {"analytics_daily_active_users_v1r2_users", "analytics_members_daily_v1", "task_flow_v1"}
    assert kept < {entry["relation"] for entry in members}
    (spooled_row,) = [record for record in records if record["kind"] == "spooled"]
    assert spooled_row["user_id"] == ada.id
    assert "records:" in ran.err
    assert len(rows(migrated.dsn, "select from analytics_events")) == 2 * HERS


@pytest.fixture
def plain(migrated_dsn: str) -> Target:
    return Target("postgres", migrated_dsn)


def test_a_killed_run_is_continued(plain: Target, ada: Ada, spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(plain, ada)
    monkeypatch.setattr(erase, "_BATCH", 2)
    delete, calls = erase._delete_events, list[int]()

    def killed(where: Any, found: Any) -> None:
        calls.append(len(found))
        if len(calls) == 3:
            raise KeyboardInterrupt
        delete(where, found)

    monkeypatch.setattr(erase, "_delete_events", killed)
    with pytest.raises(KeyboardInterrupt):
        migrate.erase_user(ada.id, plain.options)
    monkeypatch.setattr(erase, "_delete_events", delete)

    rest = migrate.erase_user(ada.id, plain.options, fields={"email": EMAIL})

    assert 0 < rest.events < HERS
    assert traces(plain, ada, spool) == []
    told = rows(plain.dsn, "select detail from analytics_meta.audit where action = 'erase-user' order by id")
    assert [detail for (detail,) in told[:2]] == ["begun", "begun"]


def test_nobody_waits_long_for_it(plain: Target, ada: Ada, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(plain, ada)
    monkeypatch.setattr(erase, "retry", lambda action: action())
    with psycopg.connect(plain.dsn) as other:
        other.execute("select from analytics_events where user_id = %s for update", [ada.id])
        with pytest.raises(psycopg.errors.LockNotAvailable):
            migrate.erase_user(ada.id, plain.options)


def test_what_a_running_process_holds_is_named(plain: Target, ada: Ada, spool: Path) -> None:
    spooled(ada, spool)
    (segment,) = spool.glob("*.segment")
    lock = ProcessLock.take(spool / f"{segment.name.partition('.')[0]}.lock")
    assert lock is not None

    ran = run("erase-user", ada.id, "--database-url", plain.dsn)

    assert ran.code == 1
    assert str(segment) in ran.out
    lock.release(remove=False)
    assert run("erase-user", ada.id, "--database-url", plain.dsn).code == 0
    assert traces(plain, ada, spool) == []


def test_without_a_key_it_says_what_it_cannot_find(plain: Target, ada: Ada, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ADI_ANALYTICS_HASH_KEY")
    fill(plain, ada)

    erased = migrate.erase_user(ada.id, plain.options, dry_run=True)

    assert erased.events == HERS - 2  # neither the hash of the id nor that of the address
    assert any("ADI_ANALYTICS_HASH_KEY" in note for note in erased.notes)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ada"], "no UUID"),
        ([""], "is empty"),
        (["0190a0b4-5c8e-7d10-8f3e-2b6f5d1c9a01", "--field", "email"], "NAME=VALUE"),
    ],
)
def test_what_can_be_no_user_is_refused(plain: Target, arguments: list[str], said: str) -> None:
    for command in ("erase-user", "export-user"):
        ran = run(command, *arguments, "--database-url", plain.dsn)
        assert ran.code == 2
        assert said in ran.err


def test_an_empty_database_is_told(postgres_dsn: str, ada: Ada) -> None:
    ran = run("erase-user", ada.id, "--database-url", postgres_dsn)
    assert ran.code == 5
    assert "Run `analytics-migrate all` first." in ran.err
