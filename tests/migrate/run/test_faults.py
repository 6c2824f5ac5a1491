"""Kills, restarts and roles with few rights, at the worst moments."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from adi_analytics import AnalyticsClient, events, migrate
from adi_analytics._engine.stores.postgres import PostgresStore
from adi_analytics_events import CATALOG
from psycopg.conninfo import make_conninfo
from support.full import IN_FULL
from support.migrating import Target, connect, counted, execute, insert_events, rows, run, truth, value, write
from support.paths import ROOT
from support.servers import private_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.servers import Databases

# Each line of input is a run of its own that dies without a word before its nth statement. The runs are forks of one
# process, which imports everything once.
KILLED = """
import json, os, signal, sys
from pathlib import Path
from adi_analytics import migrate
from adi_analytics.migrate.server import connection
send = connection.execute
left = 0
def execute(connection, text):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    send(connection, text)
for module in list(sys.modules.values()):
    if getattr(module, "execute", None) is send:
        module.execute = execute
for line in sys.stdin:
    dsn, folder, left = json.loads(line)
    child = os.fork()
    if child == 0:
        migrate.apply(options=migrate.Options(database_url=dsn, migrations=Path(folder)))
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Killer:
    """Runs of the migrator that are killed."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, dsn: str, folder: Path, statement: int) -> int:
        """Run until before that statement; return how the run ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([dsn, str(folder), statement]) + "\n")
        self._process.stdin.flush()
        ended = int(self._process.stdout.readline())
        assert ended in (0, -signal.SIGKILL)
        return ended


@pytest.fixture
def killer() -> Iterator[Killer]:
    command = [sys.executable, "-c", KILLED]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Killer(process)
        process.communicate(timeout=60)
    assert process.returncode == 0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files of both kinds."""
    made = tmp_path / "small"
    write(made, "0001_pre_a", "-- phase: pre\ncreate table a (i int);\ninsert into a values (1);\n")
    write(
        made,
        "0002_pre_steps",
        "-- phase: pre\n-- transaction: off\n-- step: index\ncreate index concurrently if not exists a_i on a (i);\n"
        "-- step: table\ncreate table if not exists b (i int primary key);\n"
        "-- step: row\ninsert into b values (1) on conflict do nothing;\n",
    )
    write(made, "0003_post_c", "-- phase: post\ncreate table c (i int);\n")
    return made


@pytest.mark.slow
def test_a_kill_before_any_statement_is_mended_by_the_next_run(
    databases: Databases, killer: Killer, folder: Path
) -> None:
    statement = 0
    ended = -signal.SIGKILL
    while ended != 0:
        statement += 1
        with databases.empty() as dsn:
            ended = killer.run(dsn, folder, statement)
            if ended == 0:
                break
            migrate.apply(options=migrate.Options(database_url=dsn, migrations=folder))
            assert (
                value(dsn, "select array_agg(status order by number) from analytics_meta.migrations") == ["applied"] * 3
            )
            assert value(dsn, "select count(*) from a") == 1
            assert value(dsn, "select count(*) from b") == 1
            assert value(dsn, "select indisvalid from pg_index where indexrelid = 'a_i'::regclass")
            assert run("all", "--database-url", dsn, "--migrations", folder).code == 0
    assert statement > 15


@pytest.mark.slow
def test_a_kill_during_the_real_migrations_is_mended_by_the_next_run(databases: Databases, killer: Killer) -> None:
    statement = 0
    ended = -signal.SIGKILL
    step = 3 if IN_FULL else 7
    while ended != 0:
        statement += 1 if statement < 4 else step  # each statement of a smaller project is tried above
        with databases.empty() as dsn:
            ended = killer.run(dsn, ROOT / "migrations", statement)
            target = Target("postgres", dsn)
            target.apply()
            assert migrate.drift(target.options).findings == ()
    assert statement > 6


def test_a_server_that_restarts_in_the_middle(folder: Path) -> None:
    with private_server() as server:

        class Restart:
            done = False

            def waiting(self, holder: str) -> None: ...

            def step(self, what: str) -> None:
                if what == "0002_pre_steps: table" and not self.done:
                    self.done = True
                    server.restart()

            def advance(self, what: str, done: int, total: int) -> None: ...

        options = migrate.Options(database_url=server.dsn, migrations=folder, progress=Restart())
        with pytest.raises(migrate.DatabaseUnreachableError, match="connection was lost while 0002_pre_steps"):
            migrate.apply(options=options)
        assert run("status", "--check", "--database-url", server.dsn, "--migrations", folder).code == 3

        result = migrate.apply(options=options)

        assert [file.name for file in result.applied] == ["0002_pre_steps", "0003_post_c"]
        assert value(server.dsn, "select steps from analytics_meta.migrations where number = 2") == [
            "index",
            "table",
            "row",
        ]


@pytest.fixture
def roles(postgres_dsn: str) -> dict[str, str]:
    """An owner who is no superuser, a writer, a reader and a stranger: role -> DSN."""
    made: dict[str, str] = {}
    suffix = os.urandom(4).hex()
    for name in ("owner", "writer", "reader", "stranger"):
        role = f"{name}_{suffix}"
        execute(postgres_dsn, f"create role {role} login")
        made[name] = make_conninfo(postgres_dsn, user=role)
        made[f"{name}_role"] = role
    database = value(postgres_dsn, "select current_database()")
    execute(
        postgres_dsn,
        f'grant create on database "{database}" to {made["owner_role"]}',
        f"grant create, usage on schema public to {made['owner_role']}",
    )
    return made


def test_least_privileges_are_enough(roles: dict[str, str]) -> None:
    owner = migrate.Options(
        database_url=roles["owner"], grant_writer=roles["writer_role"], grant_reader=roles["reader_role"]
    )
    migrate.apply(options=owner)

    # The writer inserts, marks late hours and keeps dead letters.
    with connect(roles["writer"]) as connection:
        connection.execute(
            'insert into analytics_events ("timestamp", event_type, service, data, event_id)'
            " values (now() - interval '5 days', 'task_created', 's', '{}', gen_random_uuid()) on conflict do nothing"
        )
        connection.execute(
            "insert into analytics_meta.late_buckets (bucket) values (date_trunc('hour', now() - interval '5 days'))"
            " on conflict (bucket) do update set marked_at = now()"
        )
    # The owner does the rest.
    assert migrate.maintain(owner, forced=True).late_hours == 1
    assert migrate.drift(owner).findings == ()
    assert {entry.state for entry in migrate.doctor(owner)} <= {"ok", "warning"}
    # The reader sees the aggregates, the real-time tail included, and nothing else.
    assert value(roles["reader"], "select sum(created) from analytics_task_stats_daily") == 1
    assert value(roles["reader"], "select count(*) from analytics_daily_active_users") == 0
    for role, query in (
        ("reader", "select * from analytics_events"),
        ("reader", "select * from analytics_task_stats_daily_v1"),
        ("reader", "select * from analytics_meta.migrations"),
        ("writer", "select data from analytics_events"),
        ("writer", "delete from analytics_events"),
        ("writer", "select * from analytics_task_stats_daily"),
        ("stranger", "select * from analytics_task_stats_daily"),
        ("stranger", "insert into analytics_meta.late_buckets (bucket) values (now())"),
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            rows(roles[role], query)


@pytest.mark.timescaledb
def test_least_privileges_are_enough_on_timescaledb(timescale_dsn: str) -> None:
    target = Target("timescaledb", timescale_dsn)
    if target.wasm:
        pytest.skip("the WASM server has one session, whose role is always postgres")
    role = f"owner_{os.urandom(4).hex()}"
    database = value(timescale_dsn, "select current_database()")
    execute(
        timescale_dsn,
        f"create role {role} login",
        f'grant create on database "{database}" to {role}',
        f"grant create, usage on schema public to {role}",
    )
    try:
        owner = migrate.Options(database_url=make_conninfo(timescale_dsn, user=role))
        migrate.apply(options=owner)
        insert_events(make_conninfo(timescale_dsn, user=role), 300)

        migrate.maintain(owner, forced=True)

        assert migrate.drift(owner).findings == ()
        assert counted(timescale_dsn) == truth(timescale_dsn)
        assert {entry.state for entry in migrate.doctor(owner)} <= {"ok", "warning"}
    finally:
        execute(timescale_dsn, f"drop owned by {role} cascade", f"drop role {role}")


def test_the_real_worker_needs_no_more_than_the_writers_rights(roles: dict[str, str]) -> None:
    migrate.apply(options=migrate.Options(database_url=roles["owner"], grant_writer=roles["writer_role"]))
    store = PostgresStore(CATALOG, "", statement_timeout=60.0)
    ids = {"project_id": uuid.uuid4(), "user_id": uuid.uuid4()}

    with AnalyticsClient.connect(roles["writer"], catalog="adi_analytics_events", service="test") as client:
        for _ in range(10):
            client.track(events.ProjectUpdated(**ids))
        assert client.flush(timeout=30).delivered == 10

    assert value(roles["owner"], "select count(*) from analytics_events") == 10
    # The way a batch takes that was sent twice.
    with connect(roles["writer"]) as connection, connection.transaction():
        connection.execute("select set_config('adi_analytics.rows', '[]', true)")
        connection.execute(store._merge.encode())


def test_grants_of_known_roles_are_kept_up(roles: dict[str, str]) -> None:
    owner = migrate.Options(database_url=roles["owner"], grant_reader=roles["reader_role"])
    with pytest.raises(migrate.PendingError):
        migrate.apply("pre", owner)  # the views are not there yet
    migrate.apply(options=migrate.Options(database_url=roles["owner"]))

    assert migrate.drift(owner).findings == ()
    execute(roles["owner"], f"revoke select on analytics_task_stats_daily from {roles['reader_role']}")
    (finding,) = migrate.drift(owner).findings
    assert finding.severity == "error"
    execute(roles["owner"], finding.fix)
    assert migrate.drift(owner).findings == ()


def test_a_role_without_rights_is_told_so(roles: dict[str, str]) -> None:
    ended = run("all", "--database-url", roles["stranger"])

    assert ended.code == 1
    assert "permission denied" in ended.err
    found = {entry.check: entry for entry in migrate.doctor(migrate.Options(database_url=roles["stranger"]))}
    assert found["rights"].state == "error"
    assert "grant create on database" in found["rights"].remedy


def test_a_role_that_does_not_exist_is_told_so(roles: dict[str, str]) -> None:
    ended = run("all", "--grant-reader", "nobody_at_all", "--database-url", roles["owner"])

    assert ended.code == 2
    assert "no role 'nobody_at_all'" in ended.err


def test_a_kill_during_housekeeping_is_mended_by_the_next(migrated_dsn: str) -> None:
    target = Target("postgres", migrated_dsn)
    insert_events(migrated_dsn)
    code = (
        "import os, signal, sys; from adi_analytics import migrate; from adi_analytics.migrate.upkeep import maintain\n"
        "maintain._chosen = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "migrate.maintain(migrate.Options(database_url=sys.argv[1]), forced=True)"
    )
    done = subprocess.run([sys.executable, "-c", code, migrated_dsn], check=False)
    assert done.returncode == -signal.SIGKILL

    while not migrate.maintain(target.options, forced=True).ran:
        pass  # the server has not noticed yet that the other one is gone

    assert counted(migrated_dsn) == truth(migrated_dsn)
