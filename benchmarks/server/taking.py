"""Events a second into the table: over HTTP in batches, by the client in this process, and by a plain receiver."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import psycopg
from adi_analytics import AnalyticsClient, events
from process import Connection, Server, request, running, service

CLIENTS = 4
_PLAIN = """
create table plain_events (
    at timestamptz not null, event_type text not null, service text, user_id uuid, data jsonb, event_id uuid primary key
);
create index on plain_events (user_id, at desc);
create index on plain_events (event_type, at desc);
create index on plain_events (service, at desc);
"""
"""A table with the indexes of ours, which also has partitions."""


def bodies(count: int, batch: int) -> list[bytes]:
    """Return requests of *batch* events, all different."""
    made = []
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 60))
    for first in range(0, count, batch):
        items = [
            {"timestamp": at, "event_id": str(uuid.uuid4()), "service": "bench",
             "event": {"type": "task_created", "user_id": str(uuid.uuid4()), "task_id": str(uuid.uuid4()),
                       "command": "make build"}}
            for _ in range(first, min(first + batch, count))
        ]  # fmt: skip
        made.append(request("POST", "/events/batch", json.dumps(items).encode()))
    return made


def measure(dsn: str, folder: Path, count: int) -> dict[str, float]:
    """Return way -> events a second."""
    found = {}
    with service(dsn, folder) as server:
        for batch in (1000, 100):
            found[f"`POST /events/batch`, {batch} events a request"] = _sent(server, bodies(count, batch), count)
    found["`AnalyticsClient` in the sender's process"] = _tracked(dsn, count)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(_PLAIN)
    with running(["receiver.py"], dsn) as server:
        for batch in (1000, 100):
            found[f"FastAPI and asyncpg, {batch} events a request"] = _sent(server, bodies(count, batch), count)
    return found


def _sent(server: Server, requests: list[bytes], count: int) -> float:
    async def run() -> float:
        waiting = iter(requests)

        async def send() -> None:
            connection = Connection(server)
            for one in waiting:
                status, body = await connection.ask(one)
                assert status == 200, (status, body[:500])
                assert json.loads(body)["stored"] > 0, body[:500]

        began = time.perf_counter()
        await asyncio.gather(*(send() for _ in range(CLIENTS)))
        return count / (time.perf_counter() - began)

    return asyncio.run(run())


def _tracked(dsn: str, count: int) -> float:
    made = [
        events.TaskCreated(user_id=str(uuid.uuid4()), task_id=str(uuid.uuid4()), command="make build")
        for _ in range(count)
    ]
    with AnalyticsClient.connect(
        dsn, service="bench", when_full="block", block_timeout=60, catalog="adi_analytics_events"
    ) as client:
        began = time.perf_counter()
        _each(client.track, made)
        assert client.flush(timeout=300).ok
        return count / (time.perf_counter() - began)


def _each(track: Callable[[object], object], made: list) -> None:
    for one in made:
        track(one)
