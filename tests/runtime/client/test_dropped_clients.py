"""A client that nobody holds any more delivers, and leaves neither a thread nor a connection."""

from __future__ import annotations

import asyncio
import gc
import threading
from typing import TYPE_CHECKING

import pytest
from adi_analytics import AnalyticsClient, AnalyticsWorker
from adi_analytics.testing import FailingSink
from support.runtime import QUICK, task
from support.runtime.programs import run_program, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from support.runtime import Database


def workers() -> int:
    return sum(thread.name == "adi-analytics-worker" for thread in threading.enumerate())


@pytest.mark.parametrize("spool", ["off", "always"])
def test_dropped_clients_deliver_and_leave_nothing(database: Database, tmp_path: Path, spool: str) -> None:
    gc.collect()
    before = workers()

    def use(number: int) -> None:
        options = {"spool": "always", "spool_dir": str(tmp_path)} if spool == "always" else {}
        AnalyticsClient.connect(database.dsn, flush_interval=3600, **options).track(task(number))  # type: ignore[arg-type]  # a dict of strings

    for number in range(30):
        use(number)
    gc.collect()
    wait_for(lambda: workers() <= before)
    database.assert_numbers(30)
    connections = "select count(*) from pg_stat_activity where application_name = 'adi-analytics'"
    wait_for(lambda: database.execute(f"{connections} and datname = current_database()") == [(0,)])
    assert list(tmp_path.iterdir()) == []


def test_the_worker_of_a_dropped_client_waits_for_the_server() -> None:
    sink = FailingSink()
    sink.go_down()
    client, config = AnalyticsClient.create(**QUICK)
    AnalyticsWorker(config, sink=sink).start()
    before = workers()
    client.track(task())
    client.flush(0.1)
    del client, config
    gc.collect()
    sink.come_up()
    wait_for(lambda: len(sink.rows) == 1)
    wait_for(lambda: workers() < before)


def test_the_asyncio_worker_of_a_dropped_client_ends(database: Database) -> None:
    async def program() -> None:
        client, config = AnalyticsClient.create(flush_interval=3600)
        running = asyncio.create_task(AnalyticsWorker(config, database.dsn).run())
        await asyncio.sleep(0.05)
        client.track(task())
        del client
        gc.collect()
        await asyncio.wait([running], timeout=30)
        assert running.done()

    asyncio.run(program())
    database.assert_numbers(1)


def test_events_of_a_dropped_client_whose_worker_was_stopped_are_delivered_at_the_end(database: Database) -> None:
    run_program(
        """
        import gc
        def use():
            client, config = AnalyticsClient.create()
            worker = AnalyticsWorker(config, DSN)
            worker.start()
            worker.stop()
            client.track(task(0))
        use()
        gc.collect()
        """,
        database.dsn,
    )
    database.assert_numbers(1)


def test_events_of_a_dropped_client_wait_for_a_worker_as_long_as_one_can_be_made(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sink = FailingSink()
    client, config = AnalyticsClient.create(**QUICK)
    client.track(task())
    del client
    gc.collect()
    AnalyticsWorker(config, sink=sink).start()
    wait_for(lambda: len(sink.rows) == 1)
    client, config = AnalyticsClient.create(**QUICK)
    client.track(task())
    del client, config
    gc.collect()
    assert "1 events lost: their client was dropped before a worker was made" in caplog.text


def test_a_client_that_is_held_by_its_method_lives(database: Database) -> None:
    track = AnalyticsClient.connect(database.dsn, **QUICK).track
    gc.collect()
    track(task(0))
    wait_for(lambda: database.numbers() == [0])
