"""A server in a process of its own, its memory, and clients that cost little themselves."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

READ_CONNECTIONS = 4


@dataclass
class Server:
    """A server that runs.

    Attributes:
        port: Where it listens.
        process: Its process.
    """

    port: int
    process: psutil.Process

    def rss(self) -> float:
        """Return its resident memory in MiB."""
        return self.process.memory_info().rss / 2**20

    def spent(self) -> float:
        """Return the seconds that it had a processor."""
        times = self.process.cpu_times()
        return times.user + times.system


@dataclass
class Curve:
    """The memory of a server over time, in MiB."""

    before: float = 0.0
    peak: float = 0.0
    after: float = 0.0
    values: list[float] = field(default_factory=list)


def service(dsn: str, folder: Path, *, rate: float = 0) -> contextlib.AbstractContextManager[Server]:
    """Run ``analytics-server run``."""
    program = ["-m", "adi_analytics.server.cli.main", "run", "--catalog", "adi_analytics_events", "--without-tokens"]
    program += ["--rate-limit", str(rate), "--read-connections", str(READ_CONNECTIONS)]
    return running([*program, "--spool-dir", str(folder / "spool"), "--port"], dsn)


@contextlib.contextmanager
def running(program: list[str], dsn: str) -> Iterator[Server]:
    """Run Python with *program* and a free port; yield the server when it takes connections."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "DATABASE_URL": dsn}
    started = subprocess.Popen([sys.executable, *program, str(port)], env=environment, cwd=Path(__file__).parent)
    try:
        end = time.monotonic() + 60
        while time.monotonic() < end and started.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                yield Server(port, psutil.Process(started.pid))
                return
            time.sleep(0.1)
        raise SystemExit(f"{program} did not start")
    finally:
        started.terminate()
        started.wait()


@contextlib.contextmanager
def watched(server: Server, settle: Callable[[], None]) -> Iterator[Curve]:
    """Watch the memory of *server*; the memory after is taken when *settle* has returned."""
    curve, over = Curve(before=server.rss()), threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            curve.values.append(server.rss())

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield curve
    finally:
        over.set()
        thread.join()
        settle()
        curve.peak, curve.after = max(curve.values, default=curve.before), server.rss()


def request(method: str, path: str, body: bytes = b"") -> bytes:
    """Return a request on a connection that is kept."""
    head = f"{method} {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


class Connection:
    """A connection that is kept, and made again when the server has closed it for being idle."""

    def __init__(self, server: Server) -> None:
        self._port = server.port
        self._writer: asyncio.StreamWriter | None = None

    async def ask(self, asked: bytes) -> tuple[int, bytes]:
        """Send a request, and return the status and body of its answer."""
        if self._writer is not None:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                self._writer.write(asked)
                return await answer(self._reader)
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port, limit=2**24)
        self._writer.write(asked)
        return await answer(self._reader)


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Read an answer, and return its status and body."""
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    length = next(int(line[15:]) for line in lines if line.startswith(b"content-length:"))
    return int(head[9:12]), await reader.readexactly(length)
