"""How the service is watched: metrics, request ids, and log lines that hold nothing of a request."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
import socket

import psycopg
import pytest
from adi_analytics.server.cli.main import main
from adi_analytics.server.ingest.writer import Writer
from adi_analytics.server.logs import REQUEST, JsonFormatter, TextFormatter, access
from prometheus_client.parser import text_string_to_metric_families
from support.serving import PATH, item

SECRET = "s3cret-value"


def numbers(text: str) -> dict[tuple[str, ...], float]:
    found = text_string_to_metric_families(text)
    return {(one.name, *one.labels.values()): one.value for family in found for one in family.samples}


def run(serving, steps, **options):
    async def inside():
        async with serving(**options) as client:
            return await steps(client)

    return asyncio.run(inside())


@pytest.fixture
def lines():
    """Log lines as the service's JSON."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger("adi_analytics.server")
    logger.addHandler(handler)
    access.setLevel(logging.INFO)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    access.setLevel(logging.NOTSET)
    logger.removeHandler(handler)


def test_requests_events_and_the_backlog_are_counted(serving, tmp_path):
    async def steps(client):
        same = item()
        await client.post(PATH, json=[same, item(), item({"type": "no_such_event"})])
        await client.post("/events/batch", json=[same])
        await client.get("/aggregates.json")
        await client.get("/aggregates")
        await client.get("/nothing/here")
        await client.request("BREW", "/health")
        return await client.get("/metrics")

    answer = run(serving, steps, spool_dir=str(tmp_path / "spool"))
    assert answer.headers["content-type"].startswith("text/plain")
    found = numbers(answer.text)
    own = "adi_analytics_server"
    assert found[f"{own}_events_received_total",] == 4
    fates = {labels[0]: value for (name, *labels), value in found.items() if name == f"{own}_events_total"}
    assert fates == {"stored": 2, "duplicate": 1, "spooled": 0, "skipped": 0, "rejected": 1}
    assert found[f"{own}_requests_total", "POST", "/events/batch", "200"] == 2
    assert found[f"{own}_requests_total", "GET", "/aggregates", "200"] == 2
    assert found[f"{own}_requests_total", "GET", "unmatched", "404"] == 1
    assert found[f"{own}_requests_total", "other", "unmatched", "405"] == 1
    assert found[f"{own}_request_seconds_count", "/events/batch"] == 2
    assert (found[f"{own}_backlog_bytes",], found[f"{own}_database_up",]) == (0, 1)


def test_what_waits_and_a_database_that_is_away_are_seen(serving, tmp_path):
    async def steps(client):
        answer = await client.post(PATH, json=[item()])
        return answer.json(), numbers((await client.get("/metrics")).text)

    away = "postgresql://nobody@127.0.0.1:1/nothing"
    sent, found = run(serving, steps, spool_dir=str(tmp_path / "spool"), database_url=away)
    assert sent["spooled"] == 1
    assert found["adi_analytics_server_database_up",] == 0
    assert found["adi_analytics_server_backlog_bytes",] > 50
    assert found["adi_analytics_server_events_total", "spooled"] == 1


def test_a_database_that_never_answers_keeps_no_metric_back(serving, monkeypatch):
    monkeypatch.setattr("adi_analytics.server.app._SCRAPE", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://nobody@127.0.0.1:{silent.getsockname()[1]}/nothing?connect_timeout=60"
        found = run(serving, lambda client: client.get("/metrics"), database_url=url)
    assert numbers(found.text)["adi_analytics_server_database_up",] == 0


def test_many_who_ask_whether_it_is_ready_take_one_connection(serving, monkeypatch):
    asked = []
    probe = Writer._probe

    async def counted(self):
        asked.append(self)
        for _ in range(100):  # all the others come meanwhile
            await asyncio.sleep(0)
        await probe(self)

    monkeypatch.setattr(Writer, "_probe", counted)

    async def steps(client):
        answers = await asyncio.gather(*(client.get("/ready") for _ in range(20)))
        return [one.status_code for one in [*answers, await client.get("/ready")]]

    assert run(serving, steps) == [200] * 21
    assert len(asked) == 2


def test_the_age_of_watermarks_is_that_of_the_database(service):
    found = numbers(service.client.get("/metrics").text)
    ages = {labels[0]: age for (name, *labels), age in found.items() if name.endswith("watermark_age_seconds")}
    assert {"analytics_task_stats_daily", "analytics_errors_hourly"} <= set(ages)
    name = "analytics_task_stats_daily"
    query = f"""select extract(epoch from now() - analytics_meta.stored_until(rollup))::float8
                from analytics_meta.aggregates where active and aggregate = '{name}'"""
    ((now,),) = service.rows(query)
    assert 0 < now - ages[name] < 3600


@pytest.mark.parametrize(
    ("given", "kept"),
    [("abc-1.2_3", True), ("a" * 64, True), ("a" * 65, False), ("a b", False), ("", False), ('x","y":"', False),
     ("adi_read_0a1b2c3d4e5f_" + "A" * 43, False)],
)  # fmt: skip
def test_a_request_has_an_id(serving, given, kept, lines):
    async def steps(client):
        headers = {"X-Request-Id": given}
        return [await client.get(path, headers=headers) for path in ("/health", "/nothing", "/api/slowest?limit=x")]

    answers = run(serving, steps)
    ids = [one.headers["x-request-id"] for one in answers]
    assert [one.status_code for one in answers] == [200, 404, 400]
    assert (ids == [given] * 3) if kept else all(re.fullmatch("[0-9a-f]{16}", one) for one in ids)
    assert [one["request_id"] for one in lines() if "route" in one] == ids
    assert REQUEST.get() is None


@pytest.fixture
def made(migrated_dsn, monkeypatch, capsys):
    """Makes a token of a scope."""
    monkeypatch.setenv("DATABASE_URL", migrated_dsn)

    def make(scope: str) -> str:
        assert main(["token", "create", "--name", "x", "--scope", scope]) == 0
        return str(capsys.readouterr().out.strip())

    return make


def test_only_readers_see_the_metrics(serving, made):
    headers = [{"Authorization": f"Bearer {token}"} for token in ("", made("ingest"), made("read"))]

    async def steps(client):
        return [(await client.get("/metrics", headers=one)).status_code for one in headers]

    assert run(serving, steps, without_tokens=False) == [401, 403, 200]


def test_no_line_holds_what_a_request_carried(serving, made, monkeypatch, lines, caplog):
    token = made("ingest")

    def fail(*_args, **_more):
        raise psycopg.errors.UniqueViolation(SECRET)

    monkeypatch.setattr("adi_analytics.server.ingest.intake.split", fail)

    async def steps(client):
        headers = {"Authorization": f"Bearer {token}", "User-Agent": SECRET, "X-Forwarded-For": "203.0.113.9"}
        await client.get(f"/{SECRET}?q={SECRET}", headers=headers)
        return await client.post(f"{PATH}?q={SECRET}", json=[item(hostname=SECRET)], headers=headers)

    answer = run(serving, steps, without_tokens=False)
    assert answer.status_code == 500
    found = lines()
    (failed,) = (one for one in found if "error" in one)
    assert failed["request_id"] == answer.json()["reference"] == answer.headers["x-request-id"]
    assert failed["error"][0] == "psycopg.errors.UniqueViolation (SQLSTATE 23505)"
    assert any("intake.py" in place for place in failed["error"])
    (line,) = (one for one in found if one.get("route") == "/events/batch")
    assert (line["method"], line["status"], line["client"]) == ("POST", 500, token.split("_")[2])
    as_text = "\n".join(TextFormatter().format(one) for one in caplog.records)
    for text in (json.dumps(found), as_text):
        for secret in (SECRET, token, token[-43:], "203.0.113.9"):
            assert secret not in text


def test_the_text_of_an_exception_is_left_out_of_text_lines():
    error = ValueError(SECRET)
    error.__cause__ = KeyError(SECRET)
    record = logging.LogRecord("x", logging.ERROR, "f", 1, "it failed", None, (ValueError, error, None))
    text = TextFormatter().format(record)
    assert SECRET not in text
    assert text.splitlines() == ["ERROR x: it failed", "builtins.ValueError", "builtins.KeyError"]
