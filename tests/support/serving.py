"""A service that takes events, on a real database, and what its tests send."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import uuid
from typing import TYPE_CHECKING, Any, Final

import httpx
import psycopg
from adi_analytics.server import ServerOptions, create_app
from adi_analytics.server.tokens import create

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from adi_analytics.server.tokens import Scope

    Serving = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]

USER: Final = "0190a6e0-1111-7222-8333-444455556666"
AT: Final = "2026-11-01T12:00:00.5+01:00"
PATH: Final = "/api/analytics/events/batch"


@contextlib.asynccontextmanager
async def served(**options: Any) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of a service with *options*; without tokens unless they say otherwise."""
    given = {"catalog": "adi_analytics_events", "without_tokens": True, "rate_limit": 0, "overview_age": 0, **options}
    app = create_app(ServerOptions(**given))
    own = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://own")
    async with app.router.lifespan_context(app), own as client:
        yield client


def task(**changes: Any) -> dict[str, Any]:
    """Return a right event, but for *changes*."""
    event = {"type": "task_created", "user_id": USER, "task_id": str(uuid.uuid4()), "command": "ls", **changes}
    return {name: value for name, value in event.items() if value is not None}


def item(event: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """Return an item of a request, with *event* or a right one."""
    return {"timestamp": AT, "event": event or task(), **changes}


def rows(dsn: str, columns: str = "*") -> list[Any]:
    """Return the events in the table."""
    with psycopg.connect(dsn) as connection:
        query = f"select {columns} from analytics_events order by event_id"
        return connection.execute(query.encode()).fetchall()


def send(serving: Serving, body: Any, path: str = PATH, **options: Any) -> httpx.Response:
    """Send one request to a service and return the answer."""

    async def run() -> httpx.Response:
        headers = options.pop("headers", {})
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        async with serving(**options) as client:
            return await client.post(path, content=content, headers={"Content-Type": "application/json", **headers})

    return asyncio.run(run())


def token_for(dsn: str, scope: Scope) -> str:
    """Return a new token of *scope*."""
    with psycopg.connect(dsn) as connection:
        return create(connection, f"test of {scope}", scope)


def wait_for(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait until *condition* holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


@contextlib.contextmanager
def running(dsn: str, folder: Path, *arguments: str, tokens: bool = False, how: int | None = None) -> Iterator[str]:
    """Run ``analytics-server run`` with a spool in *folder*; yield its URL, and end it by the signal *how*."""
    with started(dsn, folder, *arguments, tokens=tokens) as (process, url):
        yield url
        if how is not None:
            process.send_signal(how)
            process.wait(timeout=60)


@contextlib.contextmanager
def started(
    dsn: str, folder: Path, *arguments: str, tokens: bool = False
) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Run ``analytics-server run`` with a spool in *folder*; yield the process and its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = [sys.executable, "-m", "adi_analytics.server.cli.main", "run", "--port", str(port)]
    program += ["--spool-dir", str(folder / "spool"), "--catalog", "adi_analytics_events"]
    program += [*arguments, *([] if tokens else ["--without-tokens"])]
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(program, env=os.environ | {"DATABASE_URL": dsn})

    def answers() -> bool:
        assert process.poll() is None, "it ended"
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{url}/health").status_code == 200
        return False

    try:
        wait_for(answers)
        yield process, url
    finally:
        process.kill()
        process.wait()
