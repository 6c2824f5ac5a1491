"""The database goes away and comes back, the disk fills up, the service is killed: nothing accepted is lost."""

from __future__ import annotations

import asyncio
import logging
import signal

import httpx
import psycopg
import pytest
from adi_analytics.query.run import asynchronous
from adi_analytics.server.ingest import intake
from adi_analytics.server.read.sources import postgres
from support.servers import apply_migrations, freeze, frozen, thaw
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
    monkeypatch.setattr(postgres, "_WAIT", 0.5)

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


def test_no_more_events_wait_in_memory_than_there_is_room_for(own_dsn, tmp_path, monkeypatch):
    monkeypatch.setattr(intake, "_MOST_WAITING", 1)

    async def run():
        async with served(database_url=own_dsn, spool_dir=str(tmp_path / "spool")) as client:
            with psycopg.connect(own_dsn) as other:
                other.execute("lock table analytics_events in share mode")
                asked = [asyncio.create_task(client.post(PATH, json=[item()])) for _ in range(3)]
                answers = asyncio.as_completed(asked)
                assert [(await next(answers)).json()["spooled"] for _ in range(2)] == [1, 1]
            assert (await next(answers)).json()["stored"] == 1
            assert (await client.post(PATH, json=[item()])).json()["stored"] == 1
            await until(lambda: count(own_dsn) == 4)

    asyncio.run(run())


def test_without_a_spool_the_client_is_asked_to_come_again(own_server, own_dsn):
    async def run():
        async with served(database_url=own_dsn) as client:
            own_server.halt()
            answer = await client.post(PATH, json=[item()])
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
            own_server.restart()
            assert (await client.post(PATH, json=[item()])).json()["stored"] == 1

    asyncio.run(run())


@pytest.mark.parametrize("restarted", [True, False])
def test_a_connection_that_ended_meanwhile_costs_no_request(own_server, own_dsn, restarted):
    """Without a spool and without tokens: nothing has used the connection since, so nothing knows that it ended."""
    terminate = (
        "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname is not null"
    )

    async def run():
        async with served(database_url=own_dsn) as client:
            assert (await client.post(PATH, json=[item()])).json()["stored"] == 1
            if restarted:
                await asyncio.to_thread(own_server.halt)
                await asyncio.to_thread(own_server.restart)
            else:
                with psycopg.connect(own_dsn) as connection:
                    connection.execute(terminate)
            return [(await client.post(PATH, json=[item()])).json(), (await client.get("/ready")).status_code]

    stored, ready = asyncio.run(run())
    assert (stored["stored"], ready) == (1, 200)


def test_a_database_that_freezes_is_not_ready(own_server, own_dsn):
    async def run():
        async with served(database_url=own_dsn) as client:
            assert (await client.get("/ready")).status_code == 200
            with frozen(own_server):
                async with asyncio.timeout(20):  # a statement would wait for more than a minute
                    answers = [await client.get(path) for path in ("/ready", "/health", "/metrics")]
            return [one.status_code for one in answers]

    assert asyncio.run(run()) == [503, 200, 200]


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


def test_a_row_that_is_refused_after_its_time_on_disk_becomes_a_dead_letter(own_server, own_dsn, tmp_path, caplog):
    caplog.set_level(logging.INFO, logger="adi_analytics.server")

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
            await until(lambda: any(one.message.startswith("delivered") for one in caplog.records))

    asyncio.run(run())
    (line,) = (one.message for one in caplog.records if one.message.startswith("delivered"))
    assert line.startswith("delivered 2 events that waited on disk; 1 ")
    assert count(own_dsn) == 2
    with psycopg.connect(own_dsn) as connection:
        letters = connection.execute("select reason, sqlstate from analytics_dead_letters").fetchall()
    assert letters == [("row_rejected", "23514")]


def test_a_database_that_freezes_keeps_no_question(own_server, own_dsn, monkeypatch):
    """Neither before the question, nor in the middle of one: a frozen server keeps no timeout of its own."""
    monkeypatch.setattr("adi_analytics._engine.drivers.connection._GRACE", 0.0)
    stopped = []

    def freezing(of):
        def first_freeze(*arguments, **more):
            stopped.extend(freeze(own_server))
            return of(*arguments, **more)

        return first_freeze

    async def run():
        async with served(database_url=own_dsn, query_timeout=2.0) as client:
            path = "/users/daily"
            found = [(await client.get(path)).status_code]
            monkeypatch.setattr(postgres, "_WAIT", 0.1)
            with frozen(own_server):
                found.append((await client.get(path)).status_code)
            monkeypatch.undo()
            monkeypatch.setattr("adi_analytics._engine.drivers.connection._GRACE", 0.0)
            for place, asked in ((asynchronous, path), (postgres, "/events")):
                name = "ready" if place is asynchronous else "audit"
                monkeypatch.setattr(place, name, freezing(getattr(place, name)))
                try:
                    found.append((await client.get(asked)).status_code)
                finally:
                    thaw(stopped)
            return found

    assert asyncio.run(asyncio.wait_for(run(), 60)) == [200, 503, 503, 503]


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
