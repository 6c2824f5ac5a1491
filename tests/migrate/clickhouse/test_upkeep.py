"""Refresh, backfill and maintain on ClickHouse: whatever the order, all that came is counted once."""

from __future__ import annotations

import random
import shutil
import threading
from datetime import UTC, datetime, timedelta

import pytest
from adi_analytics import migrate
from adi_analytics.migrate.clickhouse.server import lock
from adi_analytics.migrate.clickhouse.server.session import opened
from adi_analytics.migrate.clickhouse.upkeep import maintain as upkeep
from adi_analytics.migrate.clickhouse.upkeep import refresh as refreshing
from adi_analytics.migrate.clickhouse.upkeep import rollups
from support.clickhouse.databases import ask
from support.clickhouse.migrating import ago
from support.clickhouse.proxy import FaultyProxy


def test_a_refresh_stores_what_is_over_and_views_show_the_rest(installed):
    assert installed.run("refresh").out.count("nothing to do") == 2
    installed.insert(ago(days=9), ago(days=3), ago(minutes=0))
    before = installed.ask("select * from users_daily order by day")
    assert installed.run("refresh").code == 0
    assert installed.stored() == 2
    assert installed.views() == 3
    assert installed.ask("select * from users_daily order by day") == before
    assert installed.run("status", "--format", "json").json["backfills"] == []


@pytest.mark.parametrize("seed", range(4))
def test_any_order_of_loads_and_rounds_counts_everything_once(installed, seed):
    """Late events, history, refreshes of a part, rounds of maintain: at the end, all rows are those of the events."""
    chance = random.Random(seed)
    count = 0
    for _ in range(14):
        match chance.randrange(6):
            case 0 | 1 | 2:
                times = [ago(hours=chance.choice([0.01, 1, 5, 30, 200, 900]) + chance.random()) for _ in range(3)]
                installed.insert(*times, page=chance.choice("ab"), user=chance.randrange(5))
                count += 3
            case 3:
                migrate.refresh(options=installed.options(), since=ago(days=chance.choice([1, 20])))
            case 4:
                migrate.refresh(["users_daily"], options=installed.options(), until=ago(days=1))
            case 5:
                migrate.maintain(installed.options(), forced=chance.random() < 0.5)
        assert installed.views() <= count  # late events are counted by the next refresh
    migrate.refresh(options=installed.options())
    assert installed.views() == count
    recounted = installed.run("drift", "--recount", "--format", "json").json
    assert recounted["findings"] == []
    assert count == 0 or recounted["recounted"] > 0


def test_an_event_that_comes_late_is_stored_by_the_next_refresh(installed):
    installed.insert(ago(days=5))
    installed.run("refresh")
    installed.insert(ago(days=5, hours=1), ago(days=4))
    assert (installed.stored(), installed.views()) == (1, 1)  # what is stored is read as it is stored
    installed.run("refresh", "--since", ago(days=4, hours=2).isoformat())
    installed.run("refresh")
    assert (installed.stored(), installed.views()) == (3, 3)


def test_a_refresh_that_is_cut_off_anywhere_changes_nothing_that_is_read(installed):
    installed.insert(ago(days=40), ago(days=20), ago(days=3))
    for answered in range(4, 60, 3):
        with FaultyProxy(installed.url) as proxy:
            proxy.cut_all_after = answered
            options = migrate.Options(database_url=proxy.dsn, project=installed.folder)
            try:
                migrate.refresh(options=options)
            except migrate.DatabaseUnreachableError:
                pass
            else:
                break
        assert installed.views() == 3
        assert installed.ask("select sum(users) from users_daily") == [[3]]
    installed.run("refresh", "--rebuild")
    assert installed.findings("--recount") == []


def test_two_refreshes_and_writers_at_once(installed):
    installed.insert(*(ago(days=day) for day in range(1, 30)))
    ended = threading.Event()
    written = 29

    def write():
        nonlocal written
        while not ended.is_set():
            installed.insert(ago(days=random.randrange(1, 30)), ago(minutes=1))
            written += 2

    def refresh():
        for _ in range(3):
            migrate.refresh(options=installed.options())

    writer = threading.Thread(target=write)
    writer.start()
    refreshers = [threading.Thread(target=refresh) for _ in range(2)]
    for one in refreshers:
        one.start()
    for one in refreshers:
        one.join()
    ended.set()
    writer.join()
    migrate.refresh(options=installed.options())
    assert installed.views() == written
    assert installed.findings("--recount") == []


def test_rows_that_count_no_more_are_deleted(installed, monkeypatch):
    monkeypatch.setattr(upkeep, "KEPT", 0)
    installed.insert(*(ago(days=day) for day in range(1, 9)))
    for _ in range(3):
        migrate.refresh(options=installed.options(), rebuild=True)
    assert installed.value("select count() from pages_hourly_v1") == 24
    assert migrate.maintain(installed.options(), forced=True).ran
    assert installed.value("select count() from pages_hourly_v1") == 8
    assert installed.stored() == 8
    assert installed.findings("--recount") == []


def test_old_events_go_when_they_are_counted_and_stay_counted(installed):
    installed.insert(ago(days=300), ago(days=299), ago(days=200), ago(days=3))
    result = migrate.maintain(installed.options())
    assert result.expired >= 2
    assert installed.value("select count() from web_events") == 1
    assert installed.views() == 4
    migrate.refresh(options=installed.options(), rebuild=True)
    assert installed.views() == 4

    installed.insert(ago(days=250))  # too late to be counted: the other events of its bucket may be gone
    result = migrate.maintain(installed.options(), forced=True)
    assert result.rows_uncounted == 1
    assert installed.value("select count() from web_events") == 1
    assert installed.views() == 4
    assert installed.findings("--recount") == []


def test_events_that_are_not_counted_are_kept(installed):
    installed.insert(ago(days=300), ago(days=3))
    migrate.refresh(options=installed.options())
    installed.insert(ago(days=300))
    with opened(installed.options(), "test") as server, lock.hold(server, wait=0) as held:
        dropped, uncounted, notes = upkeep._retain(server, rollups.now(server), held)
    assert (dropped, uncounted) == (0, 0)
    assert "pages_hourly, users_daily lack them" in notes[0]
    assert migrate.maintain(installed.options(), forced=True).expired >= 1
    assert installed.views() == 3


def test_one_round_of_maintain_at_a_time(installed):
    with opened(installed.options(), "test") as server, lock.hold(server, wait=0, name=lock.MAINTAIN):
        assert installed.run("maintain").out == "another maintain is running\n"
    assert installed.run("maintain").out.startswith("partitions made 0")


def test_a_watermark_of_the_future_is_found_and_brought_back(installed):
    installed.insert(ago(days=3), ago(minutes=0))
    installed.run("refresh")
    ahead = f"{datetime.now(UTC) + timedelta(days=40):%Y-%m-%d 00:00:00}"
    ask(installed.url, f"insert into analytics_meta_buckets values ('pages_hourly_v1', '{ahead}', '{ahead}', 1)")
    assert installed.views() == 1  # today's events are in no view
    (found,) = installed.findings()
    assert "refresh pages_hourly --rebuild" in found["advice"]
    assert installed.run("refresh", "pages_hourly", "--rebuild").code == 0
    assert installed.views() == 2
    assert installed.findings("--recount") == []


def test_rows_of_a_refresh_that_sleeps_are_not_deleted(installed, monkeypatch):
    """It has stored its rows, and another one and a round of maintain come before it says that they count."""
    installed.insert(*(ago(days=day) for day in range(1, 9)))
    migrate.refresh(options=installed.options())
    published = refreshing.Work._publish

    def late(work, *arguments, **more):
        monkeypatch.setattr(refreshing.Work, "_publish", published)
        installed.insert(ago(days=3))
        migrate.maintain(installed.options(), forced=True)
        return published(work, *arguments, **more)

    monkeypatch.setattr(refreshing.Work, "_publish", late)
    migrate.refresh(options=installed.options(), rebuild=True)
    assert installed.views() == 9
    migrate.refresh(options=installed.options())
    assert installed.findings("--recount") == []


def test_a_step_that_takes_too_long_is_done_again(installed, monkeypatch):
    installed.insert(ago(days=3))
    monkeypatch.setattr(refreshing, "LONGEST_STEP", -1)
    ran = installed.run("refresh")
    assert ran.code == 1
    assert "took longer than rows are kept for it" in ran.err
    assert installed.views() == 1


def test_a_rebuild_that_is_killed_forgets_no_late_event(installed, monkeypatch):
    installed.insert(*(ago(days=day) for day in range(1, 60)))
    migrate.refresh(options=installed.options())
    installed.insert(ago(days=1), ago(days=30))
    monkeypatch.setattr(refreshing, "_SLACK", 0)
    monkeypatch.setattr(refreshing, "_BATCH", 10)
    published = refreshing.Work._publish

    def killed(work, *arguments, **more):
        published(work, *arguments, **more)
        raise KeyboardInterrupt

    monkeypatch.setattr(refreshing.Work, "_publish", killed)
    with pytest.raises(KeyboardInterrupt):
        migrate.refresh(options=installed.options(), rebuild=True)
    monkeypatch.setattr(refreshing.Work, "_publish", published)
    migrate.refresh(options=installed.options())
    assert installed.stored() == 61
    assert installed.findings("--recount") == []


def test_an_aggregate_that_fails_keeps_no_other_from_being_done(installed):
    installed.insert(ago(days=3))
    ask(installed.url, "drop view pages_hourly_v1_rows")
    ran = installed.run("maintain")
    assert ran.code == 1
    assert "pages_hourly: " in ran.err
    assert installed.value("select count() from users_daily_v1") == 1


def test_a_maintain_that_was_killed_while_it_dropped_counts_nothing_as_lost(installed, monkeypatch):
    installed.insert(ago(days=300), ago(days=3))
    migrate.refresh(options=installed.options())
    monkeypatch.setattr(lock.Held, "check", _die)
    with pytest.raises(KeyboardInterrupt):
        migrate.maintain(installed.options())
    monkeypatch.undo()
    ask(installed.url, f"drop table {lock.MAINTAIN} sync")  # as when its holder is dead for long
    result = migrate.maintain(installed.options(), forced=True)
    assert (result.expired, result.rows_uncounted, result.late_hours_lost) == (1, 0, 0)
    assert installed.views() == 2


def _die(_held):
    raise KeyboardInterrupt


def test_a_month_with_events_to_keep_keeps_all_of_its_events(small):
    """Late events inside of the retention are counted in its bucket, too."""
    aggregate = small.document["aggregates"]["pages_hourly"]
    small.document["aggregates"]["pages_monthly"] = {
        **aggregate,
        "bucket": {"as": "month", "width": "1 month"},
        "refresh": {"every": "1 hour", "window": "10 weeks", "lag": "1 hour"},
    }
    shutil.rmtree(small.folder / "migrations")
    assert small.new().code == 0
    assert small.run("all").code == 0
    days = [*range(1, 131, 3)]
    small.insert(*(ago(days=day) for day in days))
    migrate.refresh(options=small.options())
    migrate.maintain(small.options(), forced=True)
    small.insert(ago(days=88))
    migrate.refresh(options=small.options())
    assert small.value("select sum(views) from pages_monthly") == len(days) + 1
    assert small.views() == len(days) + 1


def test_late_events_of_what_was_dropped_change_nothing_also_without_newer_events(installed):
    at = ago(days=200)
    installed.insert(at, at)
    assert installed.run("maintain", "--format", "json").json["expired"] == 1
    installed.insert(at)

    assert installed.run("refresh").code == 0

    assert installed.views() == installed.stored() == 2
