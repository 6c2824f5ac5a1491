"""What somebody did to a database of ClickHouse is found, named, and gone when it is mended."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest
from support.clickhouse.databases import ask
from support.clickhouse.migrating import Small, ago
from support.migrating import run
from support.paths import ROOT

BUCKETS = "analytics_meta_buckets"
VIEW = "create or replace view users_daily as select day, users from users_daily_v1_live"
# What is done, what finds it, and how it is undone; {fix} is what drift advises.
MUTATIONS = [
    ("alter table web_events add column more String", "table web_events", "alter table web_events drop column more"),
    ("alter table web_events modify column service String", "table web_events",
     "alter table web_events modify column service LowCardinality(String)"),
    ("alter table web_events modify column data String codec(LZ4)", "table web_events",
     "alter table web_events modify column data String codec(ZSTD(3))"),
    ("alter table web_events modify ttl toDateTime(timestamp) + interval 9 year", "table web_events",
     "alter table web_events remove ttl"),
    ("alter table web_events modify setting non_replicated_deduplication_window = 0", "table web_events",
     "alter table web_events modify setting non_replicated_deduplication_window = 1000"),
    ("alter table web_events modify column meta default '{}'", "table web_events",
     "alter table web_events modify column meta remove default"),
    ("alter table web_events add constraint early check timestamp > '2020-01-01'", "table web_events",
     "alter table web_events drop constraint early"),
    ("alter table web_events add index later timestamp type minmax", "table web_events",
     "alter table web_events drop index later"),
    ("alter table web_events modify comment 'mine'", "table web_events", "alter table web_events modify comment ''"),
    ("rename table web_events to web_events_old", "table web_events", "rename table web_events_old to web_events"),
    ("drop table web_dead_letters sync", "table web_dead_letters", "{fix}"),
    ("alter table web_dead_letters drop column payload", "table web_dead_letters",
     "alter table web_dead_letters add column payload String codec(ZSTD(3)) after library_version"),
    ("drop view pages_hourly", "view pages_hourly", "{fix}"),
    ("drop view pages_hourly_distribution", "view pages_hourly_distribution", "{fix}"),
    ("drop view pages_hourly_v1_rows", "view pages_hourly_v1_rows", "{fix}"),
    ("drop view users_daily_v1_live", "view users_daily_v1_live", "{fix}"),
    (VIEW, "view users_daily", "{fix}"),
    ("create or replace view users_daily as select * from users_daily_v1_live where users > 1", "view users_daily",
     "{fix}"),
    ("create or replace view analytics_meta_aggregates as select 1 as aggregate", "view analytics_meta_aggregates",
     None),
    ("drop view analytics_meta_touch", "materialized view analytics_meta_touch", "{fix}"),
    ("drop table analytics_meta_expired sync", "table analytics_meta_expired", None),
    ("alter table pages_hourly_v1 drop column row_count", "table pages_hourly_v1",
     "alter table pages_hourly_v1 add column row_count UInt64 after page"),
    ("alter table users_daily_v1_users add column more UInt8", "table users_daily_v1_users",
     "alter table users_daily_v1_users drop column more"),
    ("create materialized view spy engine = Memory as select event_type from web_events", "materialized view spy",
     "drop view spy"),
    (f"delete from {BUCKETS} where rollup = 'pages_hourly_v1' and bucket > '1970-01-01'",
     "stored buckets of pages_hourly", "refresh --rebuild"),
    (f"delete from {BUCKETS} where rollup = 'pages_hourly_v1' and bucket < '1970-01-01'",
     "stored buckets of pages_hourly", "refresh --rebuild"),
    (f"insert into {BUCKETS} values ('users_daily_v1', '2100-01-01', '2100-01-01', 1)",
     "stored buckets of users_daily", "refresh --rebuild"),
    ((f"insert into {BUCKETS} select rollup, bucket, until, version + 4096 * 86400000000 from {BUCKETS} final"
     " where rollup = 'users_daily_v1' and bucket < '1970-01-01'"),
     "stored buckets of users_daily", "refresh --rebuild"),
    ("insert into analytics_meta_expired values ('2100-01-01', now64())", "analytics_meta_expired", "{fix}"),
]  # fmt: skip
RECOUNTED = [
    (f"insert into {BUCKETS} select rollup, bucket, until, version + 1 from {BUCKETS} where rollup = 'users_daily_v1'",
     "stored rows of users_daily_v1"),
    ("delete from pages_hourly_v1 where page = 'a'", "stored rows of pages_hourly_v1"),
    ("alter table pages_hourly_v1 update views = views + 1 where page = 'a'", "stored rows of pages_hourly_v1"),
    ("insert into users_daily_v1 select * from users_daily_v1", "stored rows of users_daily_v1"),
    ("delete from pages_hourly_v1_distribution where 1", "stored rows of pages_hourly_v1_distribution"),
    ("delete from web_events where JSONExtractString(data, 'page') = 'b'", "stored rows of users_daily_v1"),
]  # fmt: skip
SYNC: dict[str, Any] = {"mutations_sync": "2", "lightweight_deletes_sync": "2"}


@pytest.fixture
def used(installed):
    """The small catalog with stored events."""
    installed.insert(ago(days=5), page="a")
    installed.insert(ago(days=4), page="b", user=2)
    for _ in range(2):  # the second one begins after the first has ended
        assert installed.run("refresh").code == 0
    assert installed.findings() == []
    return installed


def test_every_change_is_found_and_gone_when_it_is_mended(used):
    """One database for all: each change is undone before the next."""
    found = 0
    for change, named, undone in MUTATIONS:
        if undone is None:
            continue
        ask(used.url, change, **SYNC)
        findings = used.findings()
        assert named in {one["object"] for one in findings}, change
        assert all(one["fix"] or one["advice"] for one in findings), change
        if undone == "refresh --rebuild":
            assert used.run("refresh", "--rebuild").code == 0
        else:
            fix = next(one["fix"] for one in findings if one["object"] == named)
            ask(used.url, undone.replace("{fix}", fix.rstrip(";")), **SYNC)
        assert used.findings() == [], change
        found += 1
    assert found >= 25
    assert used.findings("--recount") == []


@pytest.mark.parametrize(
    ("change", "named"), [(change, named) for change, named, undone in MUTATIONS if undone is None]
)
def test_a_change_that_blinds_the_check_is_found(used, change, named):
    ask(used.url, change)
    ran = used.run("drift", "--format", "json")
    assert named in {one["object"] for one in ran.json["findings"]}


def test_recount_finds_rows_that_the_events_do_not_make(used):
    for change, named in RECOUNTED:
        ask(used.url, change, **SYNC)
        assert named in {one["object"] for one in used.findings("--recount")}, change
        assert used.run("refresh", "--rebuild").code == 0
        assert used.findings("--recount") == [], change


def test_detached_parts_are_found(used):
    partition = used.value("select any(partition_id) from system.parts where table = 'web_events' and active")
    ask(used.url, f"alter table web_events detach partition id '{partition}'")
    (found,) = [one for one in used.findings() if one["object"] == "table web_events"]
    assert "detached" in found["actual"]


def test_a_twin_that_was_left_behind_is_dropped_and_a_new_one_is_not(used):
    for name, begun in (("analytics_twin_old", "1700000000"), ("analytics_twin_new", "99999999999")):
        ask(used.url, f"create database {name} comment 'a check of x by analytics-migrate, begun at {begun}'")
    try:
        assert used.findings() == []
        left = used.ask("select name from system.databases where name like 'analytics_twin%'")
        assert left == [["analytics_twin_new"]]
    finally:
        ask(used.url, "drop database analytics_twin_new")


def test_a_name_of_a_database_that_is_in_a_value_makes_no_difference(clickhouse_databases, small_project, tmp_path):
    """The twin is compared without names of databases, and a text may look like one."""
    shutil.copytree(small_project, tmp_path / "small")
    with clickhouse_databases.empty() as root:
        name = "web-shop.2"
        ask(root, f"create database `{name}`")
        made = Small(tmp_path / "small", f"{root.rpartition('/')[0]}/web-shop.2")
        made.document["aggregates"]["pages_hourly"]["where"] = {"page": "web-shop.2"}
        shutil.rmtree(made.folder / "migrations")
        try:
            assert made.new().code == 0
            assert made.run("all").code == 0
            assert made.findings() == []
        finally:
            ask(root, f"drop database `{name}` sync")


def test_a_database_may_be_called_like_an_alias_in_a_view(clickhouse_databases):
    with clickhouse_databases.empty() as root:
        ask(root, "create database _answer")
        where = (
            "--project",
            ROOT,
            "--database-url",
            f"clickhouse{root.rpartition('/')[0].removeprefix('http')}/_answer",
        )
        try:
            assert run("all", *where).code == 0
            assert run("drift", "--format", "json", *where).json["findings"] == []
        finally:
            ask(root, "drop database _answer sync")


def test_findings_are_json_for_other_programs(used):
    ask(used.url, "drop view pages_hourly")
    ran = used.run("drift", "--format", "json")
    assert ran.code == 6
    assert json.loads(ran.out)["findings"][0]["severity"] == "error"
