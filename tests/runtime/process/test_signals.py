"""SIGTERM and SIGKILL."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from support.runtime.programs import Program, run_program, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from support.runtime import Database


_SERVICE = """
    {setup}
    client = AnalyticsClient.connect(DSN, flush_interval=3600, batch_size=10**6)
    for event in tasks(300):
        client.track(event)
    {installer}
    say(ready=True)
    while True:
        time.sleep(0.05)
"""


def test_sigterm_without_the_installer_is_as_before_and_loses_what_waits(database: Database) -> None:
    program = Program(_SERVICE.format(setup="", installer=""), database.dsn)
    program.hear()
    program.signal(signal.SIGTERM)
    program.end(-signal.SIGTERM)
    database.assert_numbers(0)


def test_sigterm_with_the_installer_delivers_and_then_ends_by_the_signal(database: Database) -> None:
    program = Program(_SERVICE.format(setup="", installer="install_sigterm(); install_sigterm()"), database.dsn)
    program.hear()
    program.signal(signal.SIGTERM)
    program.end(-signal.SIGTERM)
    database.assert_numbers(300)


def test_sigterm_goes_on_to_the_handler_before_it(database: Database) -> None:
    handler = "lambda number, frame: (say(books=books(client)), client.track(task(300)), sys.exit(7))"
    setup = f"signal.signal(signal.SIGTERM, {handler})"
    program = Program(_SERVICE.format(setup=setup, installer="install_sigterm()"), database.dsn)
    program.hear()
    program.signal(signal.SIGTERM)
    said, _ = program.end(7)
    assert said == [{"books": [300, 300, 0, 0, 0]}]
    database.assert_numbers(301)


def test_sigterm_that_was_ignored_stays_ignored(database: Database) -> None:
    setup = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    program = Program(_SERVICE.format(setup=setup, installer="install_sigterm()"), database.dsn)
    program.hear()
    program.signal(signal.SIGTERM)
    wait_for(lambda: len(database.numbers()) == 300)
    program.signal(signal.SIGKILL)
    program.end(-signal.SIGKILL)


def test_sigterm_with_the_server_away_and_a_spool(database: Database, tmp_path: Path) -> None:
    source = """
        client = AnalyticsClient.connect("host=/nonexistent", spool="overflow", spool_dir={spool!r}, retry_base=0.01)
        for event in tasks(300):
            client.track(event)
        install_sigterm(timeout=0.2)
        say(ready=True)
        while True:
            time.sleep(0.05)
    """
    program = Program(source.format(spool=str(tmp_path)), "")
    program.hear()
    program.signal(signal.SIGTERM)
    program.end(-signal.SIGTERM)
    _adopt(database, tmp_path, 300)


def test_sigterm_reaches_an_asyncio_worker(database: Database) -> None:
    source = """
        import asyncio
        async def main():
            client, config = AnalyticsClient.create(flush_interval=3600, batch_size=10**6)
            running = asyncio.create_task(AnalyticsWorker(config, DSN).run())
            await asyncio.sleep(0.1)
            for event in tasks(300):
                client.track(event)
            install_sigterm()
            say(ready=True)
            await asyncio.sleep(3600)
        asyncio.run(main())
    """
    program = Program(source, database.dsn)
    program.hear()
    program.signal(signal.SIGTERM)
    program.end(-signal.SIGTERM)
    database.assert_numbers(300)


@pytest.mark.parametrize("mode", ["always", "overflow"])
def test_sigkill_with_a_spool_loses_nothing_that_was_spooled(database: Database, tmp_path: Path, mode: str) -> None:
    source = """
        client = AnalyticsClient.connect(
            "host=/nonexistent", spool={mode!r}, spool_dir={spool!r}, max_queue=1000, retry_base=0.01, retry_cap=0.1
        )
        for number, event in enumerate(tasks(5000)):
            client.track(event)
            while client.stats().pending > 900:
                time.sleep(0.001)
        deadline = time.monotonic() + 20
        while client.stats().spooled < {spooled} and time.monotonic() < deadline:
            time.sleep(0.01)
        say(books=books(client))
        time.sleep(60)
    """
    wanted = 5000 if mode == "always" else 4000
    program = Program(source.format(mode=mode, spool=str(tmp_path), spooled=wanted), "")
    accepted, _, spooled, dropped, _ = program.hear()["books"]
    assert (accepted, dropped) == (5000, 0)
    assert spooled >= wanted
    program.signal(signal.SIGKILL)
    program.end(-signal.SIGKILL)
    _adopt(database, tmp_path, spooled)


def _adopt(database: Database, spool: Path, count: int) -> None:
    """Another process delivers what the dead one left, and leaves nothing behind."""
    said, _ = run_program(
        f"""
        client = AnalyticsClient.connect(DSN, spool="overflow", spool_dir={str(spool)!r}, **QUICK)
        deadline = time.monotonic() + 30
        while client.stats().recovered < {count} and time.monotonic() < deadline:
            time.sleep(0.01)
        client.close()
        say(recovered=client.stats().recovered, books=books(client))
        """,
        database.dsn,
    )
    assert said[0]["recovered"] >= count  # the process may have spooled more before it died
    assert said[0]["books"] == [0, 0, 0, 0, 0]
    database.assert_numbers(said[0]["recovered"])
    assert list(spool.iterdir()) == []
