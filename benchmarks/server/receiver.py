"""A baseline: what a team writes in an afternoon. It checks types by pydantic, and copies the rows by asyncpg.

It has no tokens, no spool, no verdict for each event, and a retry of a request fails as a whole.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import sys
import uuid
from collections.abc import AsyncIterator
from typing import Annotated, Any

import asyncpg
import uvicorn
from fastapi import Body, FastAPI
from pydantic import BaseModel


class Event(BaseModel):
    type: str
    user_id: uuid.UUID
    task_id: uuid.UUID
    command: str


class Item(BaseModel):
    timestamp: dt.datetime
    event_id: uuid.UUID
    service: str
    event: Event


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.pool = await asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=4, max_size=4)
    yield
    await app.state.pool.close()


app = FastAPI(lifespan=lifespan)


@app.post("/events/batch")
async def batch(items: Annotated[list[Item], Body()]) -> dict[str, Any]:
    rows = [
        (i.timestamp, i.event.type, i.service, i.event.user_id, i.event.model_dump_json(), i.event_id) for i in items
    ]
    async with app.state.pool.acquire() as connection:
        await connection.copy_records_to_table("plain_events", records=rows)
    return {"stored": len(rows)}


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), log_level="warning")
