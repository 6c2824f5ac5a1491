"""Applying migrations on ClickHouse: once, again, by hand, by two, and killed at any statement."""

from __future__ import annotations

import threading

import pytest
from adi_analytics import migrate
from adi_analytics.migrate.clickhouse.files.objects import split
from adi_analytics.migrate.clickhouse.server import lock
from support.clickhouse.databases import ask
from support.clickhouse.proxy import FaultyProxy


def test_all_is_applied_once_and_is_what_the_catalog_says(small):
    before = small.run("status", "--format", "json").json
    assert before["pending"] == {"pre": 1, "post": 0}
    assert small.run("status", "--check").code == 3
    assert "no migrations" not in small.run("all").err
    assert small.run("drift").code == 0
    assert small.run("all").out == "nothing to do: 1 migrations are applied (clickhouse)\n"
    assert small.run("status", "--check").code == 0


def test_what_dry_run_prints_does_it_by_hand(small):
    script = small.run("dry-run").out
    offline = small.run("dry-run", "--offline", "--backend", "clickhouse").out
    assert len(split(offline)) == len(split(script))
    for statement in split(script):
        ask(small.url, statement)
    assert small.run("status", "--check").code == 0
    assert small.run("drift").code == 0


def test_the_files_of_a_cluster_are_printed_for_one(small):
    script = small.run("dry-run", "--offline", "--backend", "clickhouse_cluster").out
    assert script.count("on cluster '{cluster}'") > 20
    assert "Replicated" in script


def test_a_run_that_is_cut_off_anywhere_goes_on(small):
    """Each run gets a few requests further, and the answer to the last one is lost."""
    with FaultyProxy(small.url) as proxy:
        options = migrate.Options(database_url=proxy.dsn, project=small.folder, lock_wait=0)
        applied, cuts = None, 0
        while applied is None:
            proxy.cut_all_after = 37
            try:
                applied = migrate.apply(options=options)
            except migrate.DatabaseUnreachableError:
                cuts += 1
                ask(small.url, f"drop table if exists {lock.LOCK} sync")  # as when its holder is dead for long
            assert cuts < 40
    assert cuts >= 3
    assert small.findings() == []
    assert small.run("status", "--check").code == 0


def test_two_at_once_do_it_once(small):
    ended: list[migrate.ApplyResult] = []
    runs = [threading.Thread(target=lambda: ended.append(migrate.apply(options=small.options()))) for _ in range(2)]
    for one in runs:
        one.start()
    for one in runs:
        one.join()
    assert sorted(len(one.applied) for one in ended) == [0, 1]
    assert small.findings() == []


def test_a_lock_that_another_holds_is_waited_for_and_then_said(small):
    with _held(small):
        ran = small.run("all", "--lock-wait", "0")
        assert ran.code == 4
        assert "another run holds the migrator's lock: " in ran.err
    assert small.run("all").code == 0


def test_a_lock_without_a_sign_of_life_is_taken_over(small, monkeypatch):
    ask(small.url, f"create table {lock.LOCK} (at DateTime64(3, 'UTC')) engine = TinyLog comment 'a dead one, x'")
    assert small.run("all", "--lock-wait", "0").code == 4
    monkeypatch.setattr(lock, "STALE", 0.0)
    assert small.run("all", "--lock-wait", "0").code == 0
    assert small.ask(f"select name from system.tables where name like '{lock.LOCK}%'") == []


def test_who_lost_the_lock_stops_before_the_next_statement(small):
    with _held(small) as held:
        ask(small.url, f"drop table {lock.LOCK} sync")
        ask(small.url, f"create table {lock.LOCK} (at DateTime64(3, 'UTC')) engine = TinyLog comment 'a new one, x'")
        with pytest.raises(migrate.LockedError):
            held.check()
    assert small.value(f"select comment from system.tables where name = '{lock.LOCK}'") == "a new one, x"


def test_a_lock_is_alive_as_long_as_its_holder_is(small, monkeypatch):
    monkeypatch.setattr(lock, "_BEAT", 0.05)
    with _held(small):
        while not small.value(f"select count() from {lock.LOCK}"):
            pass
    assert small.ask(f"exists {lock.LOCK}") == [[0]]


def _held(small):
    from adi_analytics.migrate.clickhouse.server.session import opened

    class Held:
        def __enter__(self):
            self.server = opened(small.options(), "test")
            self.lock = lock.hold(self.server.__enter__(), wait=0)
            return self.lock.__enter__()

        def __exit__(self, *error):
            self.lock.__exit__(*error)
            self.server.__exit__(*error)

    return Held()


def test_tables_of_somebody_else_are_not_taken_for_ours(small):
    ask(small.url, "create table web_events (a Int8) engine = Memory")
    ran = small.run("all")
    assert ran.code == 5
    assert "the table web_events, which 0001_pre_create_everything/clickhouse.sql makes, is there already" in ran.err


def test_a_lost_record_is_written_again_if_the_tables_are_there(installed):
    ask(installed.url, "truncate table analytics_meta_migrations")
    ask(installed.url, "drop view users_daily")
    ran = installed.run("baseline")
    assert ran.code == 5
    assert "view users_daily" in ran.err
    ask(installed.url, "create view users_daily as select 1 as day")
    assert installed.run("baseline", "--unchecked").code == 0
    assert [one["object"] for one in installed.findings()] == ["view users_daily"]
    fix = installed.findings()[0]["fix"]
    ask(installed.url, fix.rstrip(";"))
    assert installed.findings() == []


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("clickhouse://127.0.0.1:9/db", "cannot connect to 127.0.0.1:9/db"),
        ("{dsn}_not", "there is no such database"),
        ("{root}/system", "has the engine Memory"),
        ("{dsn}?max_threads=1", "unknown parameter"),
        ("{root}:port/x", "cannot be read"),
    ],
)
def test_a_database_that_can_not_be_worked_with_is_said(small, url, said):
    from support.migrating import run

    given = url.format(dsn=small.dsn, root=small.dsn.rpartition("/")[0])
    ran = run("status", "--project", small.folder, "--database-url", given.replace("://", "://ada:hunter2@"))
    assert ran.code in (1, 2)
    assert said in ran.err
    assert "hunter2" not in ran.err


def test_the_database_of_another_catalog_is_refused(installed):
    installed.document["catalog"]["name"] = "other"
    import shutil

    shutil.rmtree(installed.folder / "migrations")
    assert installed.new().code == 0
    ran = installed.run("status")
    assert ran.code == 5
    assert "belongs to the catalog 'small'" in ran.err


@pytest.mark.parametrize("command", ["maintain", "refresh", "backfill", "dead-letters"])
def test_a_command_on_an_empty_database_says_what_is_missing(small, command):
    ended = small.run(command)

    assert ended.code == 5
    assert "there is no table" in ended.err
    assert "Run `analytics-migrate all` first." in ended.err
