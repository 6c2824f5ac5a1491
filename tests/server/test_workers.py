"""Several processes on one port: each that dies is replaced, and nothing that was answered as stored is lost."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path
from typing import Self

import httpx
import pytest
from adi_analytics.server.cli.main import main
from adi_analytics.server.cli.workers import Workers
from prometheus_client.parser import text_string_to_metric_families
from support.paths import ROOT
from support.serving import PATH, item, rows, started, wait_for
from support.working import beat, fail

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="finds the workers in /proc")


def state(process: int) -> tuple[str, int]:
    """Return the state of a process, as a letter, and its parent."""
    try:
        after = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "Z", 0
    return after[0], int(after[1])


def workers_of(parent: int) -> set[int]:
    """Return the processes that serve: children of *parent* that multiprocessing began, but for its own one."""
    found = {int(folder.name) for folder in Path("/proc").glob("[0-9]*")}
    return {one for one in found if state(one)[1] == parent and state(one)[0] != "Z" and is_worker(one)}


def is_worker(process: int) -> bool:
    with contextlib.suppress(OSError):
        return b"spawn_main" in Path(f"/proc/{process}/cmdline").read_bytes()
    return False


class Senders:
    """Threads that send events, one at a time, until the service is gone."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._over = threading.Event()
        self.stored: list[str] = []
        self._threads = [threading.Thread(target=self._send) for _ in range(4)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _send(self) -> None:
        while not self._over.is_set():
            one = item()
            one["event_id"] = one["event"]["task_id"]
            with contextlib.suppress(httpx.TransportError):  # then nothing was promised
                if httpx.post(self._url + PATH, json=[one]).json().get("stored") == 1:
                    self.stored.append(one["event_id"])

    def go_on(self) -> None:
        before = len(self.stored)
        wait_for(lambda: len(self.stored) > before + 20)


def counted(url: str) -> dict[str, float]:
    families = text_string_to_metric_families(httpx.get(f"{url}/metrics").text)
    return {
        one.name: one.value for family in families for one in family.samples if one.labels in ({}, {"fate": "stored"})
    }


def test_a_worker_dies_and_all_stop_under_load_and_what_was_stored_is_there(migrated_dsn, tmp_path):
    with started(migrated_dsn, tmp_path, "--workers", "2", "--rate-limit", "0") as (process, url):
        wait_for(lambda: len(workers_of(process.pid)) == 2)
        with Senders(url) as senders:
            senders.go_on()
            before = workers_of(process.pid)
            os.kill(min(before), signal.SIGKILL)
            wait_for(lambda: len(workers_of(process.pid) - before) == 1)
            senders.go_on()
            found = counted(url)
            assert found["adi_analytics_server_events_total"] >= 40  # of all workers, also of the one that died
            assert found["adi_analytics_server_database_up"] == 1
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=60) == 0
    assert workers_of(process.pid) == set()
    assert set(senders.stored) <= {str(one) for (one,) in rows(migrated_dsn, "event_id")}


SLEEPERS = """
from adi_analytics.server.cli.workers import Workers
from support.working import sleep
Workers(1, sleep).run()
"""


def test_workers_end_with_the_process_that_began_them():
    environment = os.environ | {"PYTHONPATH": str(ROOT / "tests")}
    process = subprocess.Popen([sys.executable, "-c", SLEEPERS], env=environment)
    wait_for(lambda: len(workers_of(process.pid)) == 1)
    left = workers_of(process.pid)
    process.kill()
    process.wait()
    wait_for(lambda: all(state(one)[0] == "Z" for one in left))


def test_a_worker_that_can_not_begin_ends_all():
    assert not Workers(1, fail).run()


def test_a_worker_that_hangs_is_replaced(tmp_path):
    """It is stopped, so its pulse stands still; one that only takes long to begin has none yet, and is left alone."""
    begun = tmp_path / "begun"
    workers = Workers(1, partial(beat, begun), look=0.5)
    found: list[set[int]] = []

    def watch() -> None:
        try:
            wait_for(lambda: bool(workers_of(os.getpid())))
            found.append(workers_of(os.getpid()))
            wait_for(begun.exists)
            found.append(workers_of(os.getpid()))
            os.kill(min(found[0]), signal.SIGSTOP)
            wait_for(lambda: bool(workers_of(os.getpid()) - found[0]))
            found.append(workers_of(os.getpid()))
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    watching = threading.Thread(target=watch)
    watching.start()
    assert workers.run()
    watching.join()
    assert found[0] == found[1]
    assert not found[0] & found[2]


def test_what_is_wrong_is_said_once(capsys, migrated_dsn):
    for given in (["--workers", "0"], ["--workers", "2", "--catalog", "no_such_package"]):
        assert main(["run", "--port", "0", "--database-url", migrated_dsn, *given]) == 1
        assert ("workers" if "0" in given else "no_such_package") in capsys.readouterr().err
