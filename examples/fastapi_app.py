"""A FastAPI service that tracks every request; the middleware works with every ASGI framework.

pip install adi-analytics fastapi uvicorn
cd examples && DATABASE_URL=postgresql://... uvicorn fastapi_app:app
"""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

from adi_analytics import AnalyticsClient, analytics_context, events
from fastapi import FastAPI, HTTPException, Request

Message = MutableMapping[str, Any]
SERVICE = "tasks-api"


class TrackRequests:
    """Tracks an `ApiRequest` per request, and gives all events of a request its id."""

    def __init__(self, app: Callable[..., Awaitable[None]], *, client: AnalyticsClient) -> None:
        self.app = app
        self.client = client

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.monotonic()
        status = 500  # what the client sees if the application raises before it answers

        async def send_and_notice(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with analytics_context(request_id=str(uuid.uuid4())):
            try:
                await self.app(scope, receive, send_and_notice)
            finally:
                self.client.track(
                    events.ApiRequest(
                        service=SERVICE,
                        # The route, not the path: "/tasks/{task_id}" is one endpoint, not one per task.
                        endpoint=getattr(scope.get("route"), "path", "(none)"),
                        method=scope["method"],
                        status_code=status,
                        duration_ms=round((time.monotonic() - started) * 1000),
                        user_id=scope.get("state", {}).get("user_id"),
                    )
                )


client = AnalyticsClient.connect(service=SERVICE)


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    """Deliver what there is when the service stops."""
    yield
    await client.aclose()


app = FastAPI(lifespan=lifespan)
app.add_middleware(TrackRequests, client=client)


@app.post("/tasks")
async def create_task(request: Request, user_id: uuid.UUID) -> dict[str, uuid.UUID]:
    """Create a task for a user."""
    request.state.user_id = user_id
    task_id = uuid.uuid4()
    client.track(events.TaskCreated(task_id=task_id, user_id=user_id, command="make all"))
    return {"task_id": task_id}


@app.get("/tasks/{task_id}")
async def read_task(task_id: uuid.UUID) -> None:
    """Find no task: this example stores none."""
    raise HTTPException(status_code=404, detail=f"there is no task {task_id}")


@app.get("/broken")
async def broken() -> None:
    """Fail as real services do at times."""
    raise RuntimeError("this endpoint always fails")
