"""Forks, signals and ends of processes: every event tracked is delivered by the process that tracked it, once."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from support.paths import TESTS
from support.runtime.programs import Program, run_program, wait_for

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


def test_a_forked_child_begins_empty_and_delivers_its_own(database: Database) -> None:
    said, _ = run_program(
        """
        client = AnalyticsClient.connect(DSN, flush_interval=3600, batch_size=10**6)
        for event in tasks(100):
            client.track(event)             # still queued when the process forks
        child = os.fork()
        if child == 0:
            assert books(client) == [0, 0, 0, 0, 0]
            for event in tasks(50, start=100):
                client.track(event)
            result = client.flush(20)
            say(who="child", ok=result.ok, books=books(client))
            sys.exit(0)
        assert os.waitpid(child, 0)[1] == 0
        for event in tasks(50, start=150):
            client.track(event)
        say(who="parent", ok=client.flush(20).ok, books=books(client))
        """,
        database.dsn,
    )
    assert said == [
        {"who": "child", "ok": True, "books": [50, 50, 0, 0, 0]},
        {"who": "parent", "ok": True, "books": [150, 150, 0, 0, 0]},
    ]
    database.assert_numbers(200)


def test_a_child_of_a_program_with_an_asyncio_worker_delivers_its_own(database: Database) -> None:
    run_program(
        """
        import asyncio
        def child():
            for event in tasks(50, start=100):
                client.track(event)
            assert client.flush(20).ok
            assert books(client) == [50, 50, 0, 0, 0]
        async def main():
            running = asyncio.create_task(AnalyticsWorker(config, DSN).run())
            for event in tasks(100):
                client.track(event)
            assert (await client.aflush(20)).ok     # connected when the process forks
            process = multiprocessing.get_context("fork").Process(target=child)
            process.start()
            await asyncio.to_thread(process.join)
            assert process.exitcode == 0
            for event in tasks(50, start=150):
                client.track(event)
            assert (await client.aclose(20)).ok
            assert client.stats().retries == 0      # the child left the parent's connection alone
        client, config = AnalyticsClient.create(**QUICK)
        asyncio.run(main())
        """,
        database.dsn,
    )
    database.assert_numbers(200)


def test_a_fork_in_a_fork_while_the_worker_is_busy(database: Database) -> None:
    run_program(
        """
        client = AnalyticsClient.connect(DSN)
        for event in tasks(10_000):
            client.track(event)             # the worker is in the middle of its COPY
        child = os.fork()
        if child == 0:
            for event in tasks(500, start=10_000):
                client.track(event)
            grandchild = os.fork()
            if grandchild == 0:
                assert client.stats().accepted == 0
                for event in tasks(500, start=10_500):
                    client.track(event)
                sys.exit(0)                 # atexit delivers
            assert os.waitpid(grandchild, 0)[1] == 0
            sys.exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert client.flush(20).ok
        """,
        database.dsn,
    )
    database.assert_numbers(11_000)


def test_a_child_that_tracks_nothing_starts_no_thread(database: Database) -> None:
    run_program(
        """
        client = AnalyticsClient.connect(DSN)
        child = os.fork()
        if child == 0:
            assert threading.active_count() == 1
            assert client.flush(5).ok
            client.track(task(0))
            assert threading.active_count() == 2
            sys.exit(0)
        assert os.waitpid(child, 0)[1] == 0
        """,
        database.dsn,
    )
    database.assert_numbers(1)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(database: Database, tmp_path: Path, method: str) -> None:
    # A file of its own, because spawn imports the program again.
    program = tmp_path / "program.py"
    program.write_text(
        f"""
import multiprocessing, sys, warnings
from pathlib import Path
sys.path.insert(0, {str(TESTS)!r})
warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
from support.runtime import tasks
from adi_analytics import AnalyticsClient
client = None

def work(start):
    global client
    client = client or AnalyticsClient.connect({database.dsn!r})
    for event in tasks(100, start=start):
        client.track(event)

if __name__ == "__main__":
    client = AnalyticsClient.connect({database.dsn!r})
    for event in tasks(100):
        client.track(event)
    context = multiprocessing.get_context({method!r})
    children = [context.Process(target=work, args=(start,)) for start in (100, 200, 300)]
    for child in children:
        child.start()
    for child in children:
        child.join()
        assert child.exitcode == 0
    with context.Pool(2) as pool:
        pool.map(work, [400, 500, 600])
        pool.close()
        pool.join()
"""
    )
    run_program(f"import subprocess; subprocess.run([sys.executable, {str(program)!r}], check=True)", database.dsn)
    database.assert_numbers(700)


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
    assert said == [{"recovered": count, "books": [0, 0, 0, 0, 0]}]
    database.assert_numbers(count)
    assert list(spool.iterdir()) == []
