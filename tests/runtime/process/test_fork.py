"""Forked children and other processes deliver their own events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.paths import TESTS
from support.runtime.programs import run_program

if TYPE_CHECKING:
    from pathlib import Path

    from support.runtime import Database


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


def test_a_fork_waits_for_a_step_of_a_connection(database: Database) -> None:
    """OpenSSL holds locks in such a step, and a child would wait for them without end."""
    run_program(
        """
        import psycopg
        from psycopg import generators
        inside, steps = threading.Event(), []
        def slow(conninfo, original=generators.connect):
            steps.append("begun")
            inside.set()
            time.sleep(0.3)
            steps.append("ended")
            return (yield from original(conninfo))
        generators.connect = slow
        client = AnalyticsClient.connect(DSN, **QUICK)
        client.track(task(0))
        assert inside.wait(30)
        child = os.fork()
        if child == 0:
            assert steps == ["begun", "ended"]
            client.track(task(1))
            assert client.flush(30).ok
            sys.exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert client.flush(30).ok
        """,
        database.dsn,
    )
    database.assert_numbers(2)


def test_a_fork_does_not_wait_for_the_network() -> None:
    run_program(
        """
        import socket
        silent = socket.create_server(("127.0.0.1", 0))
        client = AnalyticsClient.connect(f"postgresql://u@127.0.0.1:{silent.getsockname()[1]}/d", **QUICK)
        client.track(task(0))
        accepted, _ = silent.accept()
        accepted.recv(1)
        began = time.monotonic()
        child = os.fork()
        if child == 0:
            os._exit(0)
        assert time.monotonic() - began < 0.9
        assert os.waitpid(child, 0)[1] == 0
        os._exit(0)
        """,
        "",
    )


_C_FORK = """
    import ctypes
    fork = ctypes.PyDLL(None).fork  # as uWSGI forks: no hook of Python's runs
    client = AnalyticsClient.connect(DSN, {options})
    {before}
    child = fork()
    if child == 0:
        for event in tasks({count}, start=10):
            client.track(event)
        {wait}
        say(books=books(client))
        sys.exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert client.flush(30).ok
"""


def test_a_fork_without_hooks_before_the_first_event_works_as_any(database: Database) -> None:
    options, wait = "**QUICK", "assert client.flush(30).ok"
    said, err = run_program(_C_FORK.format(options=options, before="", count=5, wait=wait), database.dsn)
    assert said == [{"books": [5, 5, 0, 0, 0]}]
    assert database.numbers() == list(range(10, 15))
    assert err == ""


_POLLS = """deadline = time.monotonic() + 30
        while client.stats().pending and time.monotonic() < deadline:
            time.sleep(0.01)"""


@pytest.mark.parametrize("count", [1, 150])
@pytest.mark.parametrize("wait", ["assert client.flush(30).ok", "client.close(30)", "", _POLLS])
def test_a_fork_without_hooks_after_the_first_event_is_noticed(database: Database, count: int, wait: str) -> None:
    before = """for event in tasks(10):
        client.track(event)
    assert client.flush(30).ok"""
    said, err = run_program(_C_FORK.format(options="**QUICK", before=before, count=count, wait=wait), database.dsn)
    if wait:
        assert said == [{"books": [count, count, 0, 0, 0]}]
    database.assert_numbers(10 + count)
    assert "lazy-apps" in err
