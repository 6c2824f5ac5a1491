"""Users whose ids are texts keep them on their way over the disk, to the table and to the dead letters."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import TYPE_CHECKING

import psycopg
from adi_analytics import migrate
from adi_analytics._shared.source import find_source
from support import text_ids
from support.serving import AT, PATH, rows, served, wait_for

if TYPE_CHECKING:
    from pathlib import Path

NOWHERE = "postgresql://postgres@127.0.0.1:1/none?connect_timeout=2"


def test_each_id_comes_through_the_spool(postgres_dsn: str, tmp_path: Path) -> None:
    body = [
        {"timestamp": AT, "event_id": str(uuid.uuid4()), "event": {"type": "seen", "userId": one}}
        for one in text_ids.IDS
    ]

    async def run(catalog: str) -> None:
        kept = {"catalog": catalog, "spool_dir": str(tmp_path / "spool")}
        async with served(database_url=NOWHERE, **kept) as client:
            assert (await client.post(PATH, json=body)).json()["spooled"] == len(body)
        async with served(database_url=postgres_dsn, **kept):
            await asyncio.to_thread(wait_for, lambda: len(rows(postgres_dsn)) == len(body) - 1)
            await asyncio.to_thread(wait_for, lambda: not list((tmp_path / "spool").glob("*.segment")))

    with text_ids.project(tmp_path / "texts") as folder:
        migrate.apply("all", migrate.Options(database_url=postgres_dsn, project=folder))
        with psycopg.connect(postgres_dsn, autocommit=True) as connection:
            connection.execute("alter table analytics_events add check (user_id <> '  a  b\tc ')")
        asyncio.run(run(find_source(project=folder).catalog().package))

    with psycopg.connect(postgres_dsn) as connection:
        stored = connection.execute("select user_id, data ->> 'userId' from analytics_events").fetchall()
        letters = connection.execute("select payload from analytics_dead_letters").fetchall()
    assert sorted(stored) == sorted((one, one) for one in text_ids.IDS if one != text_ids.SPACED)
    assert [json.loads(payload)["user_id"] for (payload,) in letters] == [text_ids.SPACED]
