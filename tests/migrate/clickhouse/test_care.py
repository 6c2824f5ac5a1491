"""Doctor, dead letters and what is for PostgreSQL alone, on ClickHouse."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime

import pytest
from adi_analytics.migrate.clickhouse.server import lock
from support.clickhouse.databases import ask
from support.clickhouse.migrating import ago


@pytest.fixture
def letters(installed, monkeypatch):
    """Two waiting letters: one that can be stored, and one that the catalog refuses."""
    monkeypatch.syspath_prepend(str(installed.folder / "generated" / "python"))
    rows = [_letter({"type": "page_view", "page": "/a", "took": 3}), _letter({"type": "page_view", "took": "long"})]
    ask(installed.url, "insert into web_dead_letters format JSONEachRow", "\n".join(map(json.dumps, rows)).encode())
    return installed


def _letter(data, **changes):
    event_id = str(uuid.uuid4())
    payload = {
        "timestamp": ago(days=2).isoformat(), "event_type": "page_view", "service": "web", "user_id": None,
        "data": data, "event_id": event_id, "meta": {},
    }  # fmt: skip
    return {
        "created_at": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f}", "event_id": event_id, "event_type": "page_view",
        "timestamp": None, "service": "web", "reason": "row_rejected", "sqlstate": "27", "message": "no",
        "library_version": "0", "payload": json.dumps(payload | changes),
    }  # fmt: skip


def test_letters_are_listed_replayed_once_and_marked(letters):
    listed = letters.run("dead-letters", "--format", "json", "--payload").json
    assert listed["waiting"] == 2
    assert {one["payload"]["data"].get("page") for one in listed["letters"]} == {"/a", None}
    ran = letters.run("dead-letters", "replay", "--format", "json")
    assert ran.code == 1
    assert ran.json["replayed"] == 1
    (refused,) = ran.json["refused"]
    assert refused["sqlstate"] is None
    assert letters.views() == 1
    assert letters.run("dead-letters", "--format", "json").json["waiting"] == 1
    assert len(letters.run("dead-letters", "--replayed", "--format", "json").json["letters"]) == 2
    forced = letters.run("dead-letters", "replay", "--force", "--id", str(refused["id"]), "--format", "json")
    assert forced.json["replayed"] == 1
    assert letters.views() == 2
    assert letters.run("dead-letters", "replay", "--id", "1").code == 2


def test_a_number_that_no_double_holds_is_refused(letters):
    row = _letter({"type": "page_view", "took": 1e999})
    ask(letters.url, "insert into web_dead_letters format JSONEachRow", json.dumps(row).encode())
    ran = letters.run("dead-letters", "replay", "--force", "--format", "json").json
    assert ran["replayed"] == 2
    assert [one["message"] for one in ran["refused"]] == ["a number that no double holds"]


@pytest.mark.parametrize(
    "at", ["1850-01-01T00:00:00+00:00", "2299-12-31T23:59:59.999999+00:00", "0001-01-01T00:00:00+02:00", "soon", None]
)
def test_a_moment_is_stored_as_it_is_or_not_at_all(letters, at):
    ask(letters.url, "truncate table web_dead_letters")
    row = _letter({"type": "page_view", "page": "/moment", "took": 1}, timestamp=at)
    ask(letters.url, "insert into web_dead_letters format JSONEachRow", json.dumps(row).encode())
    ran = letters.run("dead-letters", "replay", "--format", "json").json
    if at is not None and at.startswith("1850"):
        assert ran["refused"][0]["message"] == "the timestamp is outside of the years 1900 to 2299"
        ran = letters.run("dead-letters", "replay", "--force", "--format", "json").json
        assert ran["replayed"] == 1
    stored = letters.ask("select toString(timestamp) from web_events")
    if ran["replayed"]:
        assert stored == [[at[:19].replace("T", " ") + (at[19:26] if at[19] == "." else ".000000")]]
    else:
        assert stored == []
        assert "timestamp" in ran["refused"][0]["message"]
        assert str(at) not in ran["refused"][0]["message"]


def test_letters_of_a_file_come_into_the_table(letters, tmp_path):
    file = tmp_path / "letters.jsonl"
    one = _letter({"type": "page_view", "page": "/b"})
    del one["created_at"]
    file.write_text(json.dumps(one) + "\n", encoding="utf-8")
    assert letters.run("dead-letters", "import", str(file), "--format", "json").json["imported"] == 1
    assert not file.exists()
    assert letters.run("dead-letters", "--format", "json").json["waiting"] == 3
    file.write_text("no json\n", encoding="utf-8")
    ran = letters.run("dead-letters", "import", str(file))
    assert ran.code == 1
    assert "expected a JSON object" in ran.err


def test_doctor_says_what_is_wrong_and_what_to_do(installed):
    found = {one["check"]: one for one in installed.run("doctor", "--format", "json").json}
    assert {one["state"] for one in found.values()} == {"ok", "warning"}
    assert found["migrations"]["found"] == "1 applied"
    assert "fsync_after_insert" in found["durability"]["remedy"]
    ask(installed.url, "alter table web_events modify setting fsync_after_insert = 1")
    ask(installed.url, f"create table {lock.LOCK} (at DateTime64(3)) engine = TinyLog comment 'ada@host, x'")
    installed.insert(ago(days=3))
    ran = installed.run("doctor", "--format", "json")
    found = {one["check"]: one for one in ran.json}
    assert found["durability"]["state"] == "ok"
    assert found["lock"]["found"] == f"{lock.LOCK}: ada@host"
    assert found["refresh of pages_hourly"]["remedy"] == "Run `analytics-migrate backfill`."
    assert installed.run("backfill").out.startswith("filled ")
    ask(installed.url, "drop view analytics_meta_installation")
    assert installed.run("doctor").code == 0


def test_the_audit_of_another_catalogs_database_is_refused(letters):
    shown = ask(letters.url, "show create table analytics_meta_installation format TabSeparatedRaw").decode()
    ask(letters.url, shown.replace("CREATE VIEW", "create or replace view").replace("'small'", "'other'"))
    ran = letters.run("audit")
    assert (ran.code, "belongs to the catalog 'other'" in ran.err) == (5, True)


def test_the_audit_shows_what_is_observed_of_each_event(letters):
    letters.insert(ago(hours=1), ago(hours=2), ago(days=3))
    for other in ("'no_such_event' as event_type", "'{\"page\": 7}' as data, generateUUIDv4() as event_id"):
        ask(letters.url, f"insert into web_events select * replace ({other}) from web_events limit 1")
    found = letters.run("audit", "--days", "7", "--format", "json").json
    (event,) = found["events"]
    assert (event["name"], event["rows"], event["checked"], event["misfits"]) == ("page_view", 4, 4, 1)
    assert [one["rows"] for one in event["problems"]] == [1]
    assert [(one["name"], one["rows"]) for one in found["unknown"]] == [("no_such_event", 1)]
    assert [(one["reason"], one["letters"]) for one in found["dead_letters"]] == [("row_rejected", 2)]
    assert letters.run("audit", "--format", "json").json["events"][0]["rows"] < 4
    shown = letters.run("audit", "--days", "7").out
    assert "1 of 4 (25.0%)" in shown
    assert "no_such_event" in shown


def test_the_audit_of_an_empty_database_says_what_to_run(small, monkeypatch):
    monkeypatch.syspath_prepend(str(small.folder / "generated" / "python"))
    ran = small.run("audit")
    assert ran.code == 5
    assert "analytics-migrate all" in ran.err


@pytest.mark.parametrize("arguments", [("baseline", "--adopt"), ("maintain", "--install-pg-cron")])
def test_what_is_for_postgresql_says_so(installed, arguments):
    ran = installed.run(*arguments)
    assert ran.code == 2
    assert "not on ClickHouse" in ran.err
    assert "->" in ran.err
