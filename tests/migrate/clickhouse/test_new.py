"""Writing migrations for ClickHouse: what an edit of the catalog leads to, and what is refused."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest
from adi_analytics.migrate import ForgottenMigrationError, UsageError
from adi_analytics.migrate.author.new import used
from adi_analytics.migrate.clickhouse.files import author
from adi_analytics.migrate.files.migration import load_migrations
from support.clickhouse.databases import ask
from support.clickhouse.migrating import ago


def test_an_added_aggregate_comes_before_the_code_and_is_named_after_it(installed):
    installed.insert(ago(days=3), ago(days=2))
    aggregate = {**installed.document["aggregates"]["pages_hourly"], "bucket": {"as": "day", "width": "1 day"}}
    installed.document["aggregates"]["pages_daily"] = aggregate
    ran = installed.new("-m", "count days")
    written = [line.removeprefix("wrote ") for line in ran.out.splitlines() if "clickhouse/" in line]
    assert written == ["clickhouse/0002_pre_count_days", "clickhouse/0003_post_count_days"]
    assert installed.run("pre").code == 0
    assert installed.run("all").code == 0
    assert installed.value("select sum(views) from pages_daily") == 2
    assert installed.value("select count() from pages_daily_v1") == 2
    assert installed.findings() == []
    assert not [line for line in installed.new().out.splitlines() if "wrote" in line]


def test_a_new_version_is_filled_before_it_is_read(installed):
    installed.insert(ago(days=3), ago(days=2))
    assert installed.run("refresh").code == 0
    edited = installed.document["aggregates"]["pages_hourly"]
    edited["measures"]["fast"] = {"count": True, "where": {"took": {"lt": 10}}}
    refused = installed.new()
    assert refused.code == 7
    assert "version" in refused.err
    edited["version"] = 2
    written = installed.new("-m", "count fast ones", "--format", "json")
    assert any("retention has dropped stay in the old version" in change for change in written.json["changes"])
    assert installed.run("all").code == 0
    assert installed.value("select sum(fast) from pages_hourly") == 2
    assert installed.value("select sum(fast) from pages_hourly_v2") == 2
    assert installed.findings() == []

    dropped = installed.new("--drop-retired", "-m", "drop the old")
    assert "clickhouse/0004_post_drop_the_old_drop" in dropped.out
    assert installed.run("all").code == 8
    assert installed.run("all", "--allow-destructive").code == 0
    assert installed.ask("exists pages_hourly_v1") == [[0]]
    assert installed.findings() == []


def test_an_aggregate_that_is_gone_takes_its_rows_with_it_when_that_is_allowed(installed):
    del installed.document["aggregates"]["users_daily"]
    assert installed.new("-m", "no users").code == 0
    assert installed.run("all").code == 8
    assert installed.run("all", "--allow-destructive").code == 0
    left = installed.ask("select name from system.tables where database = currentDatabase() and name like 'users%'")
    assert left == []
    assert installed.findings() == []


def test_an_aggregate_that_comes_back_begins_with_nothing_stored(installed):
    installed.insert(ago(days=9), ago(days=2))
    installed.run("refresh")
    aggregate = installed.document["aggregates"].pop("users_daily")
    assert installed.new("-m", "no users").code == 0
    assert installed.run("all", "--allow-destructive").code == 0
    ask(installed.url, "alter table analytics_meta_touched delete where 1", mutations_sync="2")  # as long before
    installed.document["aggregates"]["users_daily"] = aggregate
    assert installed.new("-m", "users again").code == 0
    assert installed.run("all").code == 0
    assert installed.ask("select sum(users) from users_daily") == [[2]]
    assert installed.value("select count() from users_daily_v1") == 2


def test_a_forgotten_migration_is_found(small):
    del small.document["aggregates"]["users_daily"]
    small.generate()
    with pytest.raises(ForgottenMigrationError, match=r"no migration for ClickHouse was written: .*drop users_daily"):
        author.check(used(project=small.folder))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("'small' as catalog", "'large' as catalog", "the catalog or its tables are called large"),
        ("`user_id` Nullable(UUID)", "`user_id` Nullable(String)", "the statement of the table web_events changed"),
    ],
)
def test_what_no_migration_can_do_is_refused(installed, old, new, said):
    for folder in ("one", "cluster"):
        for path in (installed.folder / "generated" / "clickhouse" / folder).glob("*.sql"):
            path.write_text(path.read_text(encoding="utf-8").replace(new, "?").replace(old, new), encoding="utf-8")
    with pytest.raises(UsageError, match=said):
        author.check(used(project=installed.folder))


def test_a_file_that_was_edited_is_found(installed):
    path = installed.folder / "migrations" / "clickhouse" / "0001_pre_create_everything" / "clickhouse.sql"
    path.write_text(path.read_text(encoding="utf-8").replace("ZSTD(3)", "ZSTD(9)"), encoding="utf-8")
    ran = installed.run("status")
    assert ran.code == 5
    assert "clickhouse.sql" in ran.err


def test_the_folders_of_both_lie_side_by_side(small):
    migrations = small.folder / "migrations"
    assert len(load_migrations(migrations, "postgres")) == 2
    assert len(load_migrations(migrations / "clickhouse", "clickhouse")) == 1


def test_who_leaves_clickhouse_is_told_how(small):
    small.document["catalog"]["outputs"].remove("clickhouse")
    ran = small.new()
    assert ran.code == 2
    assert "delete the folder clickhouse of the migrations" in ran.err
    shutil.rmtree(small.folder / "migrations" / "clickhouse")
    assert small.new().code == 0


def test_a_wheel_has_the_migrations_and_not_the_statements(small):
    source = used(project=small.folder)
    shutil.rmtree(small.folder / "generated" / "clickhouse")
    assert author.check(replace(source, project=None)) == 1
