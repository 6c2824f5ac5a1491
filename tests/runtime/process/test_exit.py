"""The end of a program delivers what waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.runtime.programs import run_program

if TYPE_CHECKING:
    from pathlib import Path

    from support.runtime import Database


def test_the_end_of_the_program_delivers_without_a_word(database: Database) -> None:
    run_program(
        """
        client = AnalyticsClient.connect(DSN)
        for event in tasks(1234):
            client.track(event)
        """,
        database.dsn,
    )
    database.assert_numbers(1234)


@pytest.mark.parametrize("end", ["sys.exit(3)", "raise SystemExit(3)", "os.fspath(''); sys.exit(3)"])
def test_other_ends_of_the_program_deliver(database: Database, end: str) -> None:
    run_program(
        f"""
        client, config = AnalyticsClient.create()
        AnalyticsWorker(config, DSN).start()
        client.track(task(0))
        {end}
        """,
        database.dsn,
        status=3,
    )
    database.assert_numbers(1)


def test_events_after_close_are_lost_with_a_line_in_the_log(database: Database) -> None:
    _, said = run_program(
        """
        client = AnalyticsClient.connect(DSN)
        client.track(task(0))
        client.close()
        for number in range(7):
            client.track(task(number))
        """,
        database.dsn,
    )
    assert said == "7 events lost: they were tracked after their client was closed\n"
    database.assert_numbers(1)


def test_a_worker_that_was_never_started_delivers_at_the_end(database: Database) -> None:
    run_program(
        """
        client, config = AnalyticsClient.create()
        worker = AnalyticsWorker(config, DSN)
        client.track(task(0))
        """,
        database.dsn,
    )
    database.assert_numbers(1)


def test_the_end_of_an_asyncio_program_delivers(database: Database) -> None:
    run_program(
        """
        import asyncio
        async def main():
            global client
            client, config = AnalyticsClient.create()
            running = asyncio.create_task(AnalyticsWorker(config, DSN).run())
            await asyncio.sleep(0.1)
            for event in tasks(500):
                client.track(event)
        asyncio.run(main())     # cancels the worker, which delivers
        client.track(task(500)) # no loop is left for this one
        """,
        database.dsn,
    )
    database.assert_numbers(501)


def test_the_end_keeps_its_deadline_and_says_what_was_lost(tmp_path: Path) -> None:
    _, err = run_program(
        """
        client = AnalyticsClient.connect("host=/nonexistent", shutdown_timeout=0.3, retry_base=0.01)
        for event in tasks(10):
            client.track(event)
        started = time.monotonic()
        import atexit
        """,
        "",
    )
    assert "10 events lost at the end: not delivered within 0.3 s" in err


def test_a_client_without_a_worker_says_so_at_the_end() -> None:
    _, err = run_program("client, config = AnalyticsClient.create()\nclient.track(task(0))\n", "")
    assert "1 events lost at the end: no worker was started" in err
