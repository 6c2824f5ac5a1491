"""One run at a time, and none of them waits for ever."""

from __future__ import annotations

import threading
from pathlib import Path

import psycopg
import pytest
from adi_analytics import migrate
from adi_analytics.migrate.server import lock
from adi_analytics.migrate.upkeep import backfill
from adi_analytics.migrate.upkeep import maintain as upkeep
from support.migrating import (
    connect,
    execute,
    names,
    options,
    run,
    value,
    write,
)


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
