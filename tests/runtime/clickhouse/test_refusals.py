"""ClickHouse refuses a row, all rows, or us."""

from __future__ import annotations

import json
import logging
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from adi_analytics import AnalyticsClient, AnalyticsWorker
from support.clickhouse.proxy import Answer
from support.runtime import QUICK, balanced, running, settled, task, tasks
from support.runtime.samples import error

if TYPE_CHECKING:
    from pathlib import Path

    from support.clickhouse.proxy import FaultyProxy
    from support.clickhouse.tables import ClickhouseTables

SOON: Any = {"retry_base": 0.001, "retry_cap": 0.01}
ONCE: Any = {"batch_size": 10_000, "flush_interval": 60}
SECRET = "hunter2/@: ü"
WRITTEN = "hunter2%2F%40%3A%20%C3%BC"


def refuse_bad(tables: ClickhouseTables) -> None:
    tables.execute("alter table analytics_events add constraint no_bad check position(data, '\"bad\"') = 0")


@pytest.mark.parametrize("place", ["first", "middle", "last", "all"])
def test_a_refused_row_is_set_aside_alone(clickhouse: ClickhouseTables, place: str, kind: str) -> None:
    refuse_bad(clickhouse)
    before = {"first": 0, "middle": 150, "last": 300, "all": 0}[place]
    good = 0 if place == "all" else 300
    bad = 3 if place == "all" else 1
    with running(kind, clickhouse.dsn, **ONCE) as client:
        for event in tasks(before):
            client.track(event)
        for _ in range(bad):
            client.track(error("bad"))
        for event in tasks(good - before, start=before):
            client.track(event)
        assert client.flush(30).ok
        stats = balanced(client)
        assert (stats.delivered, stats.dead_lettered, stats.retries) == (good, bad, 0)
    clickhouse.assert_numbers(good)
    assert clickhouse.letters() == [("application_error", "row_rejected", "469")] * bad
    for message, payload in clickhouse.execute("select message, payload from analytics_dead_letters"):
        assert message.startswith("Constraint `no_bad` for table ")
        assert "Column values" not in message
        assert json.loads(payload)["data"]["error_message"] == "bad"


def test_a_database_of_another_catalog_takes_nothing(
    clickhouse: ClickhouseTables, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    clickhouse.execute("create view analytics_meta_installation as select 'shop' as catalog")
    with running(kind, clickhouse.dsn, **SOON) as client:
        client.track(task(0))
        settled(client, lambda _: "belongs to the catalog 'shop'" in caplog.text)
        assert "events of the catalog 'adi'" in caplog.text
        assert client.stats().delivered == 0
        clickhouse.assert_numbers(0)
        clickhouse.execute("create or replace view analytics_meta_installation as select 'adi' as catalog")
        assert client.flush(20).ok
    clickhouse.assert_numbers(1)


def test_a_row_that_a_view_can_not_take_is_found_by_halves(clickhouse: ClickhouseTables) -> None:
    """The server names no row then; what it quotes of the row is left out."""
    clickhouse.execute("create table kept (number UInt32) engine = MergeTree order by number")
    clickhouse.execute(
        "create materialized view numbers to kept as"
        " select toUInt32(JSONExtractString(data, 'error_message')) as number"
        " from analytics_events where event_type = 'application_error'"
    )
    with running("thread", clickhouse.dsn, **ONCE) as client:
        for number in range(200):
            client.track(error(str(number)))
        client.track(error("no number"))
        for event in tasks(50):
            client.track(event)
        assert client.flush(30).ok
        stats = balanced(client)
        assert (stats.delivered, stats.dead_lettered) == (250, 1)
    assert clickhouse.letters() == [("application_error", "row_rejected", "6")]
    ((message,),) = clickhouse.execute("select message from analytics_dead_letters")
    assert "no number" not in message
    assert clickhouse.execute("select uniqExact(number) from kept") == [[200]]


def test_an_unknown_error_of_one_row_costs_that_row(proxy: FaultyProxy, clickhouse: ClickhouseTables) -> None:
    proxy.refuse = lambda body: (
        Answer(500, 777, "Code: 777. DB::Exception: odd 'bad'. (ODD)") if b'"bad"' in body else None
    )
    with running("thread", proxy.dsn, **SOON, **ONCE) as client:
        for event in tasks(100):
            client.track(event)
        client.track(error("bad"))
        assert client.flush(30).ok
        stats = balanced(client)
        assert (stats.delivered, stats.dead_lettered) == (100, 1)
    clickhouse.assert_numbers(100)
    assert clickhouse.execute("select sqlstate, message from analytics_dead_letters") == [["777", "ODD"]]


@pytest.mark.parametrize("code", [60, 497, 516])
def test_what_must_be_repaired_is_logged_and_waited_for(
    proxy: FaultyProxy, clickhouse: ClickhouseTables, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    text = f"Code: {code}. DB::Exception: this is why. (NAME) (version 26.9.2.1 (official build))"
    proxy.fail(*[Answer(403, code, text)] * 6)
    with running("thread", proxy.dsn, **SOON, **ONCE) as client:
        for event in tasks(10):
            client.track(event)
        assert client.flush(30).ok
        stats = balanced(client)
        assert (stats.delivered, stats.retries, stats.last_error) == (10, 6, str(code))
    assert f"the database refuses all events ({code}: this is why); they wait until it is repaired" in caplog.text
    clickhouse.assert_numbers(10)


def test_a_missing_table_is_waited_for(
    clickhouse: ClickhouseTables, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    clickhouse.execute("rename table analytics_events to away")
    with running(kind, clickhouse.dsn, **SOON) as client:
        for event in tasks(10):
            client.track(event)
        settled(client, lambda stats: stats.retries > 2)
        assert (balanced(client).pending, client.stats().last_error) == (10, "60")
        clickhouse.execute("rename table away to analytics_events")
        assert client.flush(30).ok
    assert "analytics_events does not exist" in caplog.text
    clickhouse.assert_numbers(10)


def test_a_column_of_another_type_is_waited_for_and_never_misread(
    clickhouse: ClickhouseTables, caplog: pytest.LogCaptureFixture
) -> None:
    with running("thread", clickhouse.dsn, **SOON) as client:
        client.track(task(0))
        assert client.flush(30).ok
        # While the connection lives: a user id sent as a uuid would be read as a text.
        clickhouse.execute("alter table analytics_events modify column user_id Nullable(String)")
        client.track(task(1))
        settled(client, lambda stats: stats.last_error == "UnfitTableError")
        assert balanced(client).dead_lettered == 0
        clickhouse.execute("alter table analytics_events modify column user_id Nullable(UUID)")
        assert client.flush(30).ok
    line = "the column user_id of analytics_events is a Nullable(String), expected Nullable(UUID)"
    assert line in caplog.text
    clickhouse.assert_numbers(2)


def test_letters_go_to_a_file_of_their_own_when_their_table_is_missing(
    clickhouse: ClickhouseTables, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One that `analytics-migrate dead-letters import`, which knows no ClickHouse, does not take for its own."""
    clickhouse.execute("drop table analytics_dead_letters")
    path = tmp_path / "clickhouse-dead-letters.jsonl"
    with running("thread", clickhouse.dsn, spool="overflow", spool_dir=str(tmp_path)) as client:
        client.track(error("\0"))
        client.track(task(0))
        assert client.flush(30).ok
        assert (balanced(client).delivered, client.stats().dead_lettered) == (1, 1)
    (line,) = path.read_text().splitlines()
    assert json.loads(line)["reason"] == "invalid_event"
    assert f"(60): they go to {path}" in caplog.text
    assert "analytics-migrate" not in caplog.text


def test_a_letter_is_kept_once(proxy: FaultyProxy, clickhouse: ClickhouseTables) -> None:
    """The answer to the insert of a letter is lost, so the letter is kept again."""
    proxy.cut_letters = 1
    with running("thread", proxy.dsn, **SOON) as client:
        client.track(error("\0"))
        assert client.flush(30).ok
        assert (balanced(client).dead_lettered, client.stats().retries) == (1, 1)
    assert len(clickhouse.letters()) == 1


class _Stranger(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_args: Any) -> None:
        pass


def test_a_server_of_another_kind_is_no_place_for_events(caplog: pytest.LogCaptureFixture) -> None:
    with HTTPServer(("127.0.0.1", 0), _Stranger) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        client = AnalyticsClient.connect(f"http://127.0.0.1:{server.server_port}/x", **{**QUICK, **SOON})
        client.track(task(0))
        settled(client, lambda stats: stats.retries > 0)
        assert client.close(0.1).dropped == 1
        server.shutdown()
    assert "what answers is no ClickHouse" in caplog.text


def test_a_password_is_sent_and_never_shown(proxy: FaultyProxy, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    """At the lowest level of every logger, those of httpx included; when it works, is wrong, and goes nowhere."""
    caplog.set_level(logging.DEBUG)
    dsn = proxy.dsn.replace("://", f"://ada:{WRITTEN}@")
    shown: list[object] = []
    with running(kind, dsn, **SOON) as client:
        client.track(task(0))
        assert client.flush(10).ok
        proxy.fail(Answer(403, 516, "Code: 516. DB::Exception: ada: Authentication failed. (AUTHENTICATION_FAILED)"))
        client.track(task(1))
        assert client.flush(10).ok
        proxy.stop()
        client.track(task(2))
        settled(client, lambda stats: stats.last_error == "ConnectError")
        shown += [client.stats(), client._pipeline, vars(client._pipeline)]
        proxy.start()
        assert client.flush(10).ok
    _, config = AnalyticsClient.create(**QUICK)
    worker = AnalyticsWorker(config, dsn)
    shown += [worker, config, worker._target]
    assert {headers["Authorization"] for _, headers in proxy.requests} == {"Basic YWRhOmh1bnRlcjIvQDogw7w="}
    assert not [query for query, _ in proxy.requests if "password" in query]
    for text in (caplog.text, *map(repr, shown)):
        assert "hunter2" not in text
        assert "aHVudGVyM" not in text
        assert "YWRhOmh1" not in text
    assert urlsplit(proxy.dsn).netloc in caplog.text
