"""Many clients end in the time of one, and a signal in the middle of the worker's work loses nothing."""

from __future__ import annotations

import asyncio
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest
from adi_analytics import AnalyticsClient, AnalyticsWorker
from support.runtime import QUICK, balanced, task
from support.runtime.programs import Program, run_program

if TYPE_CHECKING:
    from pathlib import Path

    from support.runtime import Database

_CLIENTS = """
    from adi_analytics._engine.process import at_exit
    clients = []
    for _ in range(10):
        client, config = AnalyticsClient.create(shutdown_timeout=1, flush_interval=3600)
        worker = AnalyticsWorker(config, "host=/nonexistent")
        if {started}:
            worker.start()
        client.track(task())
        clients.append(client)
    healthy = AnalyticsClient.connect(DSN, shutdown_timeout=1, flush_interval=3600)
    for event in tasks(300):
        healthy.track(event)
    assert clients[0].stats().pending == 1
"""


@pytest.mark.parametrize("started", [True, False])
def test_the_end_of_ten_clients_takes_as_long_as_that_of_one(database: Database, started: bool) -> None:
    said, err = run_program(
        _CLIENTS.format(started=started)
        + """
    began = time.monotonic()
    at_exit.close_all()
    say(seconds=time.monotonic() - began)
    """,
        database.dsn,
    )
    assert said[0]["seconds"] < 5
    assert err.count("1 events lost at the end") == 10
    database.assert_numbers(300)


def test_a_client_whose_end_fails_keeps_no_other_from_delivering(database: Database) -> None:
    program = Program(
        """
        def before_send(event):
            raise SystemExit(5)
        def start(thread):
            raise RuntimeError("can't start new thread")
        first = AnalyticsClient.connect(DSN, before_send=before_send, shutdown_timeout=1)
        others = [AnalyticsClient.connect(DSN, shutdown_timeout=seconds) for seconds in (0.5, 2)]
        threading.Thread.start = start  # so the clients end in the main thread, which passes SystemExit on
        first.track(task(99))
        for number, client in enumerate(others):
            client.track(task(number))
        """,
        database.dsn,
    )
    program.end(None)
    database.assert_numbers(2)


@pytest.mark.parametrize(
    ("before", "status"), [("", -signal.SIGTERM), ("signal.signal(signal.SIGTERM, lambda *_: os._exit(7))", 7)]
)
def test_a_sigterm_to_ten_clients_takes_as_long_as_to_one(database: Database, before: str, status: int) -> None:
    program = Program(
        _CLIENTS.format(started=True)
        + f"""
    {before}
    install_sigterm(timeout=1)
    say(ready=True)
    time.sleep(60)
    """,
        database.dsn,
    )
    program.hear()
    began = time.monotonic()
    program.signal(signal.SIGTERM)
    program.end(status)
    assert time.monotonic() - began < 6
    database.assert_numbers(300)


_ENCODES = """
    import asyncio
    def before_send(event):
        if event.event.duration_ms == 70:  # in the middle of a chunk
            os.kill(os.getpid(), signal.SIGTERM)
            {then}
        return event
    install_sigterm(timeout={timeout})
    async def main():
        client, config = AnalyticsClient.create(before_send=before_send, **QUICK, {options})
        running = asyncio.create_task(AnalyticsWorker(config, {dsn}).run())
        for event in tasks(300):
            client.track(event)
        await running
    asyncio.run(main())
"""


def test_a_sigterm_in_the_middle_of_the_encoding_delivers(database: Database) -> None:
    source = _ENCODES.format(then="", timeout=30, options="", dsn="DSN")
    run_program(source, database.dsn, -signal.SIGTERM)
    database.assert_numbers(300)


def test_a_sigterm_in_the_middle_of_the_encoding_spools(tmp_path: Path) -> None:
    options = f"spool='always', spool_dir={str(tmp_path)!r}"
    source = _ENCODES.format(then="", timeout=0.5, options=options, dsn="'host=/nonexistent'")
    run_program(source, "", -signal.SIGTERM)
    source = """
        from adi_analytics.testing import FailingSink
        client, config = AnalyticsClient.create(spool="overflow", spool_dir={spool!r}, **QUICK)
        AnalyticsWorker(config, sink=FailingSink()).start()
        while client.stats().recovered < 300:
            time.sleep(0.01)
    """
    run_program(source.format(spool=str(tmp_path)), "")


def test_a_sigterm_in_a_hook_that_hangs_ends_the_program_and_says_what_was_lost(database: Database) -> None:
    source = _ENCODES.format(then="time.sleep(60)", timeout=0.5, options="", dsn="DSN")
    began = time.monotonic()
    _, err = run_program(source, database.dsn, -signal.SIGTERM)
    assert time.monotonic() - began < 30
    assert "300 events lost at the end: the worker hangs in before_send" in err


def test_close_in_before_send_of_an_asyncio_worker_returns_at_once(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    took: list[float] = []

    def close(event: Any) -> Any:
        began = time.monotonic()
        client.close(60)
        took.append(time.monotonic() - began)
        return event

    client, config = AnalyticsClient.create(**QUICK, before_send=close)

    async def program() -> None:
        running = asyncio.create_task(AnalyticsWorker(config, database.dsn).run())
        client.track(task())
        await asyncio.wait([running], timeout=30)

    asyncio.run(program())
    assert took
    assert max(took) < 5
    assert "hangs" not in caplog.text
    client.close(0)
    assert balanced(client).pending == 0
