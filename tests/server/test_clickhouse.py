"""The service on a ClickHouse: what it takes, its tokens, what is observed of events, and how it fails."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import uuid
from dataclasses import replace
from datetime import datetime

import pytest
from adi_analytics.server.cli.main import main
from support.clickhouse.databases import ask
from support.clickhouse.installed import Installed
from support.reading import CATALOG, of_today
from support.serving import PATH, item, served, task

TASKS = "/aggregates/analytics_task_stats_daily"


@pytest.fixture
def own(clickhouse_databases):
    """A catalog on a ClickHouse, without events."""
    with clickhouse_databases.empty() as url:
        yield Installed.create(url, CATALOG)


def test_events_are_taken_and_counted(own):
    rows = [item(), item(event_id=str(uuid.uuid4())), item(task(user_id="nobody"))]

    async def run():
        async with served(database_url=own.database) as client:
            first = (await client.post(PATH, json=rows)).json()
            again = (await client.post(PATH, json=[rows[1]])).json()
            ready, page = await client.get("/ready"), await client.get("/metrics")
            return first, again, ready.json(), page.text, (await client.get("/overview")).json()

    first, again, ready, page, overview = asyncio.run(run())
    assert (first["received"], first["stored"], len(first["rejected"])) == (3, 2, 1)
    assert (again["received"], again["stored"]) == (1, 1)  # nothing tells that the table had it
    assert own.answer("select count() from analytics_events final") == [(2,)]
    assert (ready, overview["total_tasks"], overview["total_users"]) == ({"status": "ready", "backlog": False}, 2, 1)
    assert "adi_analytics_server_database_up 1.0" in page


def test_the_metrics_say_how_old_stored_answers_are(clickhouse_service):
    page = clickhouse_service.client.get("/metrics").text
    ages = [line for line in page.splitlines() if "aggregate=" in line and not line.startswith("#")]
    days = [float(line.rsplit(" ", 1)[1]) / 86_400 for line in ages]
    since = (datetime.now().astimezone() - datetime.fromisoformat("2026-01-01T00:00:00+00:00")).days - 25
    assert len(ages) == len(clickhouse_service.clickhouse.versions)
    assert all(since - 9 <= found <= since + 9 for found in days)  # buckets of a week end before


def test_tokens_are_made_listed_and_revoked(own, capsys):
    given = ["--database-url", own.database]
    assert main(["token", "list", *given]) == 1
    assert "`analytics-server token create` makes the first" in capsys.readouterr().err
    answer = asyncio.run(_answer(own.database, {"Authorization": f"Bearer adi_read_{'0' * 12}_{'a' * 43}"}))
    assert (answer.status_code, "token create" in answer.json()["detail"]) == (503, True)
    made = {}
    for scope in ("read", "ingest"):
        assert main(["token", "create", "--name", f"the 'one' to {scope}", "--scope", scope, *given]) == 0
        made[scope] = capsys.readouterr().out.strip()

    async def asked():
        async with served(database_url=own.database, without_tokens=False) as client:
            headers = {scope: {"Authorization": f"Bearer {token}"} for scope, token in made.items()}
            read = [await client.get(TASKS, headers=headers[scope]) for scope in ("read", "ingest")]
            sent = [await client.post(PATH, json=[item()], headers=headers[scope]) for scope in ("ingest", "read")]
            return [one.status_code for one in (*read, *sent, await client.get(TASKS))]

    assert asyncio.run(asked()) == [200, 403, 200, 403, 401]
    assert main(["token", "revoke", made["read"].split("_")[2], *given]) == 0
    assert asyncio.run(asked()) == [401, 403, 200, 401, 401]
    assert main(["token", "revoke", made["read"].split("_")[2], *given]) == 1
    capsys.readouterr()
    assert main(["token", "list", "--format", "json", *given]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [(one["name"], one["scope"], one["revoked_at"] is None) for one in listed] == [
        ("the 'one' to read", "read", False),
        ("the 'one' to ingest", "ingest", True),
    ]
    stored = own.answer("select hash from analytics_server_tokens")
    assert not any(token.rsplit("_", 1)[1] in str(stored) for token in made.values())


async def _answer(url, headers):
    async with served(database_url=url, without_tokens=False) as client:
        return await client.get(TASKS, headers=headers)


def test_the_events_are_shown_with_what_is_observed(own):
    misfit = next(of_today())
    own.insert([*of_today(), misfit, replace(misfit, event_type="no_such_event", event_id=uuid.uuid4())])
    ask(
        own.dsn,
        "insert into analytics_dead_letters"
        " (created_at, event_id, event_type, reason, message, library_version, payload)"
        " select now64(6), generateUUIDv4(), 'task_created', 'refused', 'x', '1', '{}'",
    )

    async def run():
        async with served(database_url=own.database) as client:
            return (await client.get("/events")).json(), (await client.get("/events", params={"sample": 0})).json()

    found, unchecked = asyncio.run(run())
    events = {one["name"]: one for one in found["events"]}
    created, refreshed = events["task_created"], events["auth_token_refresh"]
    assert created["misfits"] == created["checked"] == created["rows"] == 3
    assert created["problems"][0]["problem"] == "Object contains unknown field"
    assert (refreshed["rows"], refreshed["share"], refreshed["last_seen"]) == (0, None, None)
    assert [(one["name"], one["rows"]) for one in found["unknown"]] == [("no_such_event", 1)]
    assert [(one["reason"], one["letters"]) for one in found["dead_letters"]] == [("refused", 1)]
    assert found["notes"] == []
    assert {one["checked"] for one in unchecked["events"]} == {0}


def test_an_old_event_is_seen_as_on_postgresql(clickhouse_service, postgres_service):
    alike = [
        {one["name"]: one["last_seen"] for one in found["events"] if one["rows"] == 0}
        for found in asyncio.run(_observed(clickhouse_service.database, postgres_service.dsn))
    ]
    assert alike[0] == alike[1]
    assert len(set(alike[0].values())) > 5


async def _observed(*urls):
    found = []
    for url in urls:
        async with served(database_url=url) as client:
            found.append((await client.get("/events")).json())
    return found


def test_a_database_without_the_catalog_or_of_another_is_503(clickhouse_databases, own):
    async def run(url):
        async with served(database_url=url) as client:
            return [await client.get(path) for path in ("/overview", TASKS, "/events", "/ready", "/health")]

    with clickhouse_databases.empty() as url:
        empty = asyncio.run(run(url.replace("http", "clickhouse", 1)))
    assert [one.status_code for one in empty] == [503, 503, 503, 503, 200]
    assert {one.json()["type"] for one in empty[:3]} == {"urn:adi-analytics:problem:database-not-ready"}
    assert all("analytics-migrate" in one.json()["detail"] for one in empty[:3])
    ask(
        own.dsn,
        "create or replace view analytics_meta_installation as select 'other' as catalog, 'x' as table,"
        " 'y' as dead_letters_table, cast(null, 'Nullable(UInt64)') as retention",
    )
    assert [one.status_code for one in asyncio.run(run(own.database))][:2] == [503, 503]


def test_a_database_that_is_away_is_503_and_events_wait_on_disk(own, tmp_path):
    spool = str(tmp_path / "spool")

    async def away():
        url = "clickhouse://secret:password@127.0.0.1:1/x"
        async with served(database_url=url, spool_dir=spool) as client:
            answers = [await client.get(path) for path in ("/overview", TASKS, "/events", "/ready")]
            return answers, (await client.post(PATH, json=[item(), item()])).json()

    async def back():
        async with served(database_url=own.database, spool_dir=spool) as client:
            for _ in range(600):
                ready = await client.get("/ready")  # not ready while a busy engine is slow to answer
                if ready.status_code == 200 and not ready.json()["backlog"]:
                    break
                await asyncio.sleep(0.05)
            return (await client.get("/overview")).json()

    answers, verdict = asyncio.run(away())
    assert [one.status_code for one in answers] == [503] * 4
    assert {one.json()["type"] for one in answers[:3]} == {"urn:adi-analytics:problem:database-unavailable"}
    assert not any("password" in one.text or "secret" in one.text for one in answers)
    assert verdict["spooled"] == 2
    assert asyncio.run(back())["total_tasks"] == 2


def test_a_clickhouse_needs_no_psycopg(own, tmp_path):
    """As where psycopg has no libpq: whatever imports it fails."""
    program = (
        "import sys, asyncio; sys.modules['psycopg'] = sys.modules['psycopg_pool'] = None\n"
        "from adi_analytics.server import ServerOptions, create_app\nimport httpx\n"
        f"app = create_app(ServerOptions(database_url={own.database!r}, catalog='adi_analytics_events',"
        " without_tokens=True))\n"
        "async def run():\n"
        "    async with app.router.lifespan_context(app), httpx.AsyncClient("
        "transport=httpx.ASGITransport(app=app), base_url='http://own') as client:\n"
        f"        for path in ('/ready', '/overview', '{TASKS}', '/events', '/metrics'):\n"
        "            answer = await client.get(path)\n"
        "            assert answer.status_code == 200, (path, answer.text)\n"
        f"        assert (await client.post('{PATH}', json={[item()]!r})).json()['stored'] == 1\n"
        "asyncio.run(run())\n"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, check=False, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
