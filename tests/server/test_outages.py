"""The database goes away and comes back, the disk fills up, the service is killed: nothing accepted is lost."""

from __future__ import annotations

import asyncio
import signal

import httpx
import psycopg
import pytest
from adi_analytics.server.read import reader
from support.servers import apply_migrations
from support.serving import PATH, item, rows, running, served, wait_for


def count(dsn: str) -> int:
    return len(rows(dsn))


async def until(condition, seconds: float = 30.0) -> None:
    await asyncio.to_thread(wait_for, condition, seconds)


@pytest.fixture
def own_dsn(own_server):
    apply_migrations(own_server.dsn, "")
    return own_server.dsn


def test_events_wait_on_disk_while_the_database_is_away(own_server, own_dsn, tmp_path, monkeypatch):
    monkeypatch.setattr(reader, "_WAIT", 0.5)

    async def overview(client):
        while (answer := await client.get("/overview")).status_code != 200:  # noqa: ASYNC110 - nothing tells when
            await asyncio.sleep(0.1)
        return answer.json()

    async def run():
        async with served(database_url=own_dsn, spool_dir=str(tmp_path / "spool")) as client:
            assert (await client.post(PATH, json=[item()])).json()["stored"] == 1
            assert (await client.get("/ready")).json() == {"status": "ready", "backlog": False}
            assert (await overview(client))["total_tasks"] == 1
            await asyncio.to_thread(own_server.halt)
            body = [item() for _ in range(10)]
            answers = [await client.post(PATH, json=body), await client.post(PATH, json=body)]
            assert [(one.status_code, one.json()["spooled"]) for one in answers] == [(200, 10), (200, 10)]
            assert (await client.get("/ready")).status_code == 503
            assert (await client.get("/health")).status_code == 200
            paths = ("/aggregates/analytics_task_stats_daily", "/overview")
            answers = await asyncio.gather(*(client.get(path) for path in paths))
            assert [(one.status_code, one.headers["retry-after"]) for one in answers] == [(503, "5"), (503, "5")]
            await asyncio.to_thread(own_server.restart)
            await until(lambda: count(own_dsn) == 11)
            assert (await overview(client))["total_tasks"] == 11  # over a connection that was lost
            assert (await client.post(PATH, json=body)).json()["duplicates"] == 10

    asyncio.run(run())
    assert not list((tmp_path / "spool").glob("*.segment"))


def test_without_a_spool_the_client_is_asked_to_come_again(own_server, own_dsn):
    async def run():
        async with served(database_url=own_dsn) as client:
            own_server.halt()
            answer = await client.post(PATH, json=[item()])
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
            own_server.restart()
            assert (await client.post(PATH, json=[item()])).json()["stored"] == 1

    asyncio.run(run())


def test_a_full_spool_is_no_place_for_events(own_server, own_dsn, tmp_path):
    async def run():
        spool = str(tmp_path / "spool")
        async with served(database_url=own_dsn, spool_dir=spool, spool_max_bytes=3000) as client:
            own_server.halt()
            kept = 0
            while (answer := await client.post(PATH, json=[item()])).status_code == 200:
                kept += 1
            assert answer.json()["type"].endswith(":not-durable")
            own_server.restart()
            await until(lambda: count(own_dsn) == kept)

    asyncio.run(run())


def test_a_row_that_is_refused_after_its_time_on_disk_becomes_a_dead_letter(own_server, own_dsn, tmp_path):
    async def run():
        async with served(database_url=own_dsn, spool_dir=str(tmp_path / "spool")) as client:
            await asyncio.to_thread(own_server.halt)
            bad = item()
            bad["event"]["command"] = "bad"
            assert (await client.post(PATH, json=[item(), bad, item()])).json()["spooled"] == 3
        await asyncio.to_thread(own_server.restart)
        with psycopg.connect(own_dsn, autocommit=True) as connection:
            connection.execute("alter table analytics_events add check (data ->> 'command' <> 'bad')")
        async with served(database_url=own_dsn, spool_dir=str(tmp_path / "spool")):  # the next process finds them
            await until(lambda: count(own_dsn) == 2)

    asyncio.run(run())
    with psycopg.connect(own_dsn) as connection:
        letters = connection.execute("select reason, sqlstate from analytics_dead_letters").fetchall()
    assert letters == [("row_rejected", "23514")]


def test_another_catalogs_database_takes_nothing(serving, migrated_dsn):
    with psycopg.connect(migrated_dsn, autocommit=True) as connection:
        connection.execute("update analytics_meta.installation set catalog = 'other'")

    async def run():
        async with serving() as client:
            assert (await client.get("/ready")).status_code == 503
            assert (await client.post(PATH, json=[item()])).status_code == 503

    asyncio.run(run())
    assert count(migrated_dsn) == 0


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_service_that_ends_leaves_nothing_behind(how, own_server, own_dsn, tmp_path):
    """What it put on disk is delivered by the next one."""
    with running(own_dsn, tmp_path, how=how) as url:
        assert httpx.post(url + PATH, json=[item()]).json()["stored"] == 1
        own_server.halt()
        assert httpx.post(url + PATH, json=[item()]).json()["spooled"] == 1
    own_server.restart()
    with running(own_dsn, tmp_path):
        wait_for(lambda: count(own_dsn) == 2)
