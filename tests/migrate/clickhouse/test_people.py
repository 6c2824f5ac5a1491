"""Erasing a person on ClickHouse: killed anywhere, beside refreshes, in old versions, and what its errors say."""

from __future__ import annotations

import importlib
import json
import uuid
from datetime import timedelta

import pytest
from adi_analytics import AnalyticsClient, migrate
from adi_analytics.migrate.clickhouse.people import erase, search
from adi_analytics.migrate.clickhouse.server import lock
from adi_analytics.migrate.clickhouse.server.session import opened
from adi_analytics.migrate.clickhouse.upkeep import refresh as refreshing
from support.clickhouse.databases import ask
from support.clickhouse.migrating import ago
from support.clickhouse.proxy import Answer, FaultyProxy
from support.full import IN_FULL
from support.migrating import run

ADA = 1
ID = str(uuid.UUID(int=ADA))
USERS = "select day, users, weekly from users_daily where users > 0 order by day"


@pytest.fixture(autouse=True)
def no_spool(monkeypatch):
    monkeypatch.delenv("ADI_ANALYTICS_SPOOL_DIR", raising=False)


def traces(small):
    """Return the tables and views that show the person."""
    found = small.ask("select name from system.tables where database = currentDatabase() and name not like '%\\_rows'")
    return [name for (name,) in found if ID.encode() in ask(small.url, f"select * from `{name}`")]


def free(small):
    """Drop the locks, as when their holder has been dead for long."""
    for name in (lock.LOCK, lock.MAINTAIN):
        ask(small.url, f"drop table if exists {name} sync")


def test_nothing_is_left_in_old_versions_and_in_rows_that_count_no_more(installed):
    installed.insert(ago(days=3), ago(days=2), user=ADA)
    installed.insert(ago(days=2), user=2)
    installed.run("refresh")
    edited = installed.document["aggregates"]["users_daily"]
    edited |= {"version": 2, "measures": edited["measures"] | {"slow": {"count": True, "where": {"took": {"gt": 9}}}}}
    assert installed.new("-m", "count slow ones").code == 0
    assert installed.run("all").code == 0
    installed.run("refresh", "--rebuild")
    assert installed.value(f"select count() from users_daily_v2_users where member = '{ID}'") > 1
    assert installed.new("--drop-retired", "-m", "drop the old").code == 0  # it is not dropped yet
    records: list[dict[str, object]] = []
    migrate.export_user(ID, records.append, installed.options())
    kept = [one["relation"] for one in records if one["kind"] == "aggregate"]
    assert set(kept) == {"users_daily_v1_users", "users_daily_v2_users"}
    assert "_version" not in records[-1]

    erased = installed.run("erase-user", ID, "--format", "json").json

    assert erased["aggregates"].keys() == set(kept)
    assert traces(installed) == []
    installed.run("maintain", "--force")
    assert installed.ask("select sum(users), max(weekly) from users_daily") == [[1, 1]]
    assert installed.findings("--recount") == []


def test_a_run_that_is_cut_off_anywhere_is_continued_by_the_same_call(installed):
    installed.insert(ago(days=30), ago(days=2), user=2)
    expected = installed.ask(USERS)
    migrate.refresh(options=installed.options())
    answered = 0
    for answered in range(4, 200, 1 if IN_FULL else 6):
        installed.insert(ago(days=40), ago(days=2), user=ADA)
        migrate.refresh(options=installed.options())
        with FaultyProxy(installed.url) as proxy:
            proxy.cut_all_after = answered
            try:
                erased = migrate.erase_user(ID, migrate.Options(database_url=proxy.dsn, project=installed.folder))
            except migrate.DatabaseUnreachableError:
                free(installed)
                erased = migrate.erase_user(ID, installed.options())
            else:
                break
        assert erased.events in (0, 2)
        assert traces(installed) == []
        migrate.refresh(options=installed.options())
        assert installed.ask(USERS) == expected
    assert answered > 20
    unfinished = "select count() from analytics_meta_audit final where detail = 'begun'"
    assert installed.value(unfinished) == 0
    assert installed.findings("--recount") == []


def test_a_run_that_was_killed_after_a_refresh_had_taken_its_marks_is_continued(installed, monkeypatch):
    monkeypatch.setattr(refreshing, "_SLACK", 0)
    installed.insert(ago(days=2), user=2)
    expected = installed.ask(USERS)
    installed.insert(ago(days=40), ago(days=2), user=ADA)
    migrate.refresh(options=installed.options())
    change = erase._Erasure._change

    def killed(*arguments):
        migrate.refresh(options=installed.options())  # it sees the marks, and the events
        change(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(erase._Erasure, "_change", killed)
    with pytest.raises(KeyboardInterrupt):
        migrate.erase_user(ID, installed.options())
    monkeypatch.setattr(erase._Erasure, "_change", change)
    assert migrate.erase_user(ID, installed.options()).events == 0
    migrate.refresh(options=installed.options())
    assert installed.ask(USERS) == expected
    told = installed.ask("select detail, hours from analytics_meta_audit final order by changed_at")
    assert sorted(detail[:10] for detail, _ in told) == ["events 0, ", "was killed"]
    assert all(hours == [] for _, hours in told)


def test_a_refresh_between_any_two_steps_does_not_bring_the_person_back(installed, monkeypatch):
    monkeypatch.setattr(refreshing, "_SLACK", 0)
    installed.insert(ago(days=9), ago(days=2), user=2)
    expected = installed.ask(USERS)
    installed.insert(ago(days=40), ago(days=2), user=ADA)
    migrate.refresh(options=installed.options())
    steps: list[str] = []

    def beside(name):
        step = getattr(erase._Erasure, name)

        def both(*arguments):
            migrate.refresh(options=installed.options(), rebuild=bool(steps))
            steps.append(name)
            found = step(*arguments)
            migrate.refresh(options=installed.options())
            return found

        monkeypatch.setattr(erase._Erasure, name, both)

    for name in ("_change", "_mark", "_wait_for_refreshes"):
        beside(name)
    migrate.erase_user(ID, installed.options())
    assert steps == ["_mark", "_change", "_wait_for_refreshes", "_change", "_mark"]
    assert traces(installed) == []
    migrate.refresh(options=installed.options())
    assert installed.ask(USERS) == expected
    assert installed.findings("--recount") == []


def test_a_refresh_that_sleeps_does_not_bring_the_person_back(installed, monkeypatch):
    """It has read the events and stored rows; the person is erased before it says that they count."""
    installed.insert(ago(days=2), user=2)
    expected = installed.ask(USERS)
    installed.insert(ago(days=40), ago(days=2), user=ADA)
    published = refreshing.Work._publish

    def late(work, *arguments, **more):
        monkeypatch.setattr(refreshing.Work, "_publish", published)
        migrate.erase_user(ID, installed.options())
        return published(work, *arguments, **more)

    for rebuild in (False, True):
        monkeypatch.setattr(refreshing.Work, "_publish", late)
        migrate.refresh(["users_daily"], options=installed.options(), rebuild=rebuild)
        assert traces(installed) == []
        migrate.refresh(options=installed.options())
        assert installed.ask(USERS) == expected
        installed.insert(ago(days=40), ago(days=2), user=ADA)
        migrate.refresh(options=installed.options())


@pytest.mark.parametrize("others", [0, 1])
@pytest.mark.parametrize("command", [("maintain", "--force"), ("refresh",), ("refresh", "--rebuild")])
def test_the_first_days_of_all_may_be_the_persons(installed, others, command):
    installed.insert(*[ago(days=1)] * others, user=2)
    installed.insert(ago(days=40), ago(days=20), ago(days=1), user=ADA)
    installed.run("refresh")
    installed.run("erase-user", ID)
    assert installed.run(*command).code == 0
    if not others and command[-1] == "--rebuild":  # there is nothing to compute; the marks are for the next one
        installed.run("refresh")
    assert installed.value("select sum(users) from users_daily") == others
    assert installed.views() == others
    assert installed.findings("--recount") == []


def test_buckets_whose_events_are_gone_keep_their_counts(installed):
    installed.insert(ago(days=300), ago(days=3), user=ADA)
    installed.insert(ago(days=300), ago(days=3), user=2)
    assert migrate.maintain(installed.options()).expired == 1
    erased = migrate.erase_user(ID, installed.options())
    assert erased.events == 1
    assert erased.aggregates == {"users_daily_v1_users": 2}
    assert traces(installed) == []
    result = migrate.maintain(installed.options(), forced=True)
    assert (result.late_hours_lost, result.rows_uncounted) == (0, 0)
    assert installed.ask("select users, weekly from users_daily order by day") == [[2, 1], [1, 1]]
    installed.insert(ago(days=300, minutes=1), user=ADA)  # too late to be counted
    migrate.refresh(options=installed.options())
    assert migrate.erase_user(ID, installed.options()).events == 1
    result = migrate.maintain(installed.options(), forced=True)
    assert (result.late_hours_lost, result.rows_uncounted) == (0, 0)


def test_what_is_there_twice_counts_once_and_goes(installed):
    line = {
        "timestamp": f"{ago(days=2):%Y-%m-%d %H:%M:%S.%f}", "event_type": "page_view", "service": "web", "data": "{}",
        "meta": "{}", "event_id": ID, "user_id": ID,
    }  # fmt: skip
    for page in "ab":
        ask(installed.url, "insert into web_events format JSONEachRow", json.dumps(line | {"data": page}).encode())
    ask(installed.url, "insert into web_events format JSONEachRow", json.dumps(line | {"user_id": None}).encode())
    records: list[dict[str, object]] = []
    migrate.export_user(ID, records.append, installed.options())
    assert [one["kind"] for one in records] == ["event"]
    assert migrate.erase_user(ID, installed.options()).events == 1
    assert installed.value(f"select count() from web_events where user_id = '{ID}'") == 0


def test_many_events_that_only_python_tells_are_erased_in_batches(installed, monkeypatch):
    monkeypatch.setattr(erase, "_BATCH", 2)
    lines = [
        {
            "timestamp": f"{ago(days=day):%Y-%m-%d %H:%M:%S.%f}", "event_type": "page_view", "service": "web",
            "meta": "{}", "event_id": str(uuid.uuid4()), "data": json.dumps({"account": [day % 2]}),
        }
        for day in range(1, 8)
    ]  # fmt: skip
    ask(installed.url, "insert into web_events format JSONEachRow", "\n".join(map(json.dumps, lines)).encode())
    installed.insert(ago(days=9), user=ADA)
    migrate.refresh(options=installed.options())
    assert migrate.erase_user(ID, installed.options(), fields={"account": "1"}).events == 5
    assert installed.value("select count() from web_events") == 3
    mutations = installed.value("select count() from system.mutations where database = currentDatabase()")
    migrate.refresh(options=installed.options())
    assert installed.views() == 3
    assert mutations >= 2 + 1  # the one of the members


def test_the_audit_tells_how_much_and_not_whom(installed):
    installed.insert(ago(days=2), user=ADA)
    installed.run("refresh")
    assert installed.run("erase-user", ID, "--dry-run").code == 0
    assert not installed.value("exists analytics_meta_audit")
    installed.run("erase-user", ID)
    told = installed.ask("select action, detail, hours from analytics_meta_audit final")
    ((action, detail, hours),) = told
    assert (action, hours) == ("erase-user", [])
    assert detail.startswith("events 1, dead letters 0, rows of aggregates 1, texts of aggregates 0, spooled 0,")
    assert installed.run("drift", "--format", "json").json["findings"] == []


def test_it_waits_for_others_and_says_who_it_is(installed):
    installed.insert(ago(days=2), user=ADA)
    for name in (lock.LOCK, lock.MAINTAIN):
        with opened(installed.options(), "test") as server, lock.hold(server, wait=0, name=name):
            with pytest.raises(migrate.LockedError, match="another run holds the migrator's lock: "):
                migrate.erase_user(ID, installed.options(lock_wait=0))
            assert installed.run("export-user", ID).out.count("\n") == 1
            assert installed.run("erase-user", ID, "--dry-run").code == 0
    assert installed.run("erase-user", ID).code == 0
    assert traces(installed) == []


def test_it_waits_for_a_refresh_that_reads(installed, monkeypatch):
    """As told by a table here: the engine of the tests runs one statement at a time."""
    ask(installed.url, "create table running (until DateTime64(3)) engine = Memory")
    monkeypatch.setattr(erase, "_RUNNING", "select count() from running where until > now64(3)")
    monkeypatch.setattr(erase, "_POLL", 0.01)
    ask(installed.url, "insert into running select now64(3) + interval 100 millisecond")
    installed.insert(ago(days=2), user=ADA)
    assert installed.run("erase-user", ID).code == 0
    ask(installed.url, "insert into running select now64(3) + interval 1 hour")
    monkeypatch.setattr(erase, "_PATIENCE", 0.0)
    ran = installed.run("erase-user", ID)
    assert ran.code == 1
    assert "Run the command again" in ran.err


@pytest.mark.parametrize("command", ["erase-user", "export-user"])
def test_errors_are_said_and_name_nobody(installed, command, caplog, monkeypatch):
    caplog.set_level("DEBUG", logger="adi_analytics")
    caplog.set_level("DEBUG", logger="httpx2")
    installed.insert(ago(days=2), user=ADA)
    installed.run("refresh")
    ask(installed.url, "alter table web_events rename column meta to other")
    broken = installed.run(command, ID)
    assert broken.code == 1
    assert "meta" in broken.err
    ask(installed.url, "alter table web_events rename column other to meta")
    with FaultyProxy(installed.url) as proxy:
        options = ("--project", installed.folder, "--database-url", proxy.dsn)

        def refuse(_server):
            text = f"Code: 497. DB::Exception: u: Not enough privileges: '{ID}'. (ACCESS_DENIED)"
            proxy.answer_all = Answer(403, 497, text)
            return ()

        monkeypatch.setattr(search, "places", refuse)
        refused = run(command, ID, *options)
        proxy.stop()
        away = run(command, ID, *options)
    assert "rights" in refused.err
    assert "Not enough privileges" in refused.err
    assert (refused.code, away.code) == (1, 1)
    ask(installed.url, "drop table web_events sync")
    gone = installed.run(command, ID)
    assert gone.code == 5
    assert "there is no table web_events" in gone.err
    said = "".join(one.out + one.err for one in (broken, refused, away, gone)) + caplog.text
    assert ID not in said


@pytest.mark.parametrize("command", ["erase-user", "export-user"])
def test_an_empty_database_and_an_id_that_is_none_are_told(small, command):
    assert small.run(command, ID).code == 5
    assert small.run("all").code == 0
    assert small.run(command, "ada").code == 2
    assert small.run(command, "").code == 2


def test_what_would_come_later_goes_first(installed, tmp_path, monkeypatch):
    spool = tmp_path / "spool"
    spool.mkdir()
    monkeypatch.setenv("ADI_ANALYTICS_SPOOL_DIR", str(spool))
    monkeypatch.syspath_prepend(str(installed.folder / "generated" / "python"))
    events = importlib.import_module("small_events")
    client = AnalyticsClient.connect(
        "clickhouse://127.0.0.1:1/none", catalog="small_events", spool="always", shutdown_timeout=0.2
    )
    for page in (f"/{ID}", "/"):
        client.track(events.PageView(page=page, took=1))
    assert client.close(2).spooled == 2
    lines = [{"payload": json.dumps({"user_id": user, "data": {}, "meta": {}})} for user in (ID, "other")]
    (spool / "dead-letters.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    exported = installed.run("export-user", ID)
    counted = installed.run("erase-user", ID, "--dry-run", "--format", "json").json
    erased = installed.run("erase-user", ID, "--format", "json").json
    assert [json.loads(line)["kind"] for line in exported.out.splitlines()] == ["spooled", "dead_letter_file"]
    assert (erased["spooled"], erased["dead_letter_file"]) == (1, 1)
    assert {**counted, "dry_run": False} == erased
    left = b"".join(path.read_bytes() for path in spool.iterdir())
    assert ID.encode() not in left
    assert b"other" in left


def test_a_copy_that_comes_later_is_found_by_the_next_run(installed):
    at = ago(days=2)
    installed.insert(at, user=ADA)
    installed.run("erase-user", ID)
    installed.insert(at + timedelta(seconds=1), user=ADA)
    assert installed.run("erase-user", ID, "--format", "json").json["events"] == 1
    assert traces(installed) == []
