"""Programs of their own processes: what they print is what the test gets back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from textwrap import dedent
from typing import Any

from support.paths import TESTS

_HEAD = """
import json, multiprocessing, os, signal, sys, threading, time, warnings
sys.path.insert(0, {tests!r})
from support.runtime import task, tasks, QUICK
from adi_analytics import AnalyticsClient, AnalyticsWorker, install_sigterm
# Python 3.12 and later warn of every fork beside a thread; that it works is what is shown here.
warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
DSN = {dsn!r}
def books(client):
    stats = client.stats()
    assert stats.accepted == stats.delivered + stats.dead_lettered + stats.spooled + stats.dropped + stats.pending
    return [stats.accepted, stats.delivered, stats.spooled, stats.dropped, stats.pending]
def say(**what):
    os.write(1, (json.dumps(what) + "\\n").encode())   # one write: processes share the pipe
"""


class Program:
    """A Python program that runs while the test goes on."""

    def __init__(self, source: str, dsn: str) -> None:
        text = _HEAD.format(tests=str(TESTS), dsn=dsn) + dedent(source)
        self.process = subprocess.Popen(
            [sys.executable, "-c", text],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONWARNINGS": "default"},
        )
        self.said: list[dict[str, Any]] = []

    def hear(self) -> dict[str, Any]:
        """Wait for the next thing that the program says."""
        assert self.process.stdout is not None
        watchdog = threading.Timer(30, self.process.kill)
        watchdog.start()
        line = self.process.stdout.readline()
        watchdog.cancel()
        assert line, self.end(None)
        heard: dict[str, Any] = json.loads(line)
        return heard

    def signal(self, number: int) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def end(self, status: int | None = 0, *, timeout: float = 60.0) -> tuple[list[dict[str, Any]], str]:
        """Wait for the end; returns what the program said since, and its standard error."""
        try:
            out, err = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)
            out, err = self.process.communicate()
            raise AssertionError(f"the program does not end\n{err}") from None
        if status is not None:
            assert self.process.returncode == status, f"status {self.process.returncode}\n{err}"
            assert "Traceback" not in err, err
            assert "Warning" not in err, err
        return [json.loads(line) for line in out.splitlines()], err


def run_program(source: str, dsn: str, status: int = 0) -> tuple[list[dict[str, Any]], str]:
    """Run *source* to its end; returns what it said, and its standard error."""
    return Program(source, dsn).end(status)


def wait_for(condition: Any, *, timeout: float = 30.0) -> None:
    """Wait until *condition* returns something true."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.02)
