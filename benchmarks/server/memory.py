"""The memory of the service while clients are slow, and while they send or ask all that they can."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from process import Connection, Curve, Server, request, service, watched
from taking import bodies

SLOW, FLOOD = 50, 64
TURNS = 4
_BUSY = 0.015  # seconds of a processor in a tenth of a second
_ACTIVE = """
select count(*) from pg_stat_activity
where datname = current_database() and backend_type = 'client backend' and state <> 'idle' and pid <> pg_backend_pid()
"""
_LARGE = request("GET", "/api/latency")


def measure(dsn: str, folder: Path, seconds: float, say: Callable[[str], None]) -> dict[str, list[Curve]]:
    """Return situation -> the memory of the service in each of `TURNS`: what the first costs may stay."""
    found: dict[str, list[Curve]] = {}
    with service(dsn, folder) as server:
        for name, do in _SITUATIONS.items():
            for turn in range(TURNS):
                with watched(server, partial(_settle, dsn, server, min(2.0, seconds))) as curve:
                    asyncio.run(do(server, seconds))
                say(f"  {name}, {turn + 1} of {TURNS}: {curve.before:.0f} to {curve.after:.0f} MiB")
                found.setdefault(name, []).append(curve)
    return found


def _settle(dsn: str, server: Server, seconds: float) -> None:
    """Wait until service and database did nothing for *seconds*: requests of clients that are gone are over."""
    end = time.monotonic() + 120
    quiet, spent = time.monotonic(), server.spent()
    with psycopg.connect(dsn, autocommit=True) as connection:
        while time.monotonic() < min(end, quiet + seconds):
            time.sleep(0.1)
            before, spent = spent, server.spent()
            if spent - before > _BUSY or connection.execute(_ACTIVE).fetchone() != (0,):
                quiet = time.monotonic()


async def _slow_senders(server: Server, seconds: float) -> None:
    """Send a body of 3 MB by drops."""

    async def send() -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        head = request("POST", "/events/batch", b"")
        writer.write(head.replace(b"Content-Length: 0", b"Content-Length: 3000000"))
        with contextlib.suppress(OSError):
            while True:
                writer.write(b" " * 1000)
                await writer.drain()
                await asyncio.sleep(0.05)

    await _for(seconds, [send] * SLOW)


async def _slow_readers(server: Server, seconds: float) -> None:
    """Ask for megabytes, and read them by drops."""

    async def read() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=2**12)
        writer.write(_LARGE)
        while await reader.read(1000):  # noqa: ASYNC110 - slow on purpose
            await asyncio.sleep(0.05)

    await _for(seconds, [read] * SLOW)


async def _flood_of_events(server: Server, seconds: float) -> None:
    """Send batches of 1000 events without a pause; they are the same, so that the table does not grow."""
    one = bodies(1000, 1000)[0]
    await _for(seconds, [_repeating(server, one)] * FLOOD)


async def _flood_of_questions(server: Server, seconds: float) -> None:
    await _for(seconds, [_repeating(server, request("GET", "/users/daily"))] * FLOOD)


def _repeating(server: Server, asked: bytes) -> Callable[[], Coroutine[Any, Any, None]]:
    async def repeat() -> None:
        connection = Connection(server)
        while True:
            await connection.ask(asked)

    return repeat


async def _for(seconds: float, doing: list[Callable[[], Coroutine[Any, Any, None]]]) -> None:
    """Do all of *doing* for *seconds*."""
    tasks = [asyncio.create_task(do()) for do in doing]
    done, _ = await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


_SITUATIONS = {
    f"{SLOW} clients that send a body by drops": _slow_senders,
    f"{SLOW} clients that read megabytes by drops": _slow_readers,
    f"{FLOOD} clients that send 1000 events a request": _flood_of_events,
    f"{FLOOD} clients that ask without a pause": _flood_of_questions,
}
