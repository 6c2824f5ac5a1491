"""A running worker of either kind."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING, Any

from adi_analytics import AnalyticsClient, AnalyticsWorker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

QUICK: Any = {"flush_interval": 0.05, "retry_base": 0.02, "retry_cap": 0.2, "shutdown_timeout": 5.0}
"""Options that keep tests short; no test depends on them being kept."""


@contextlib.contextmanager
def running(kind: str, dsn: str | Callable[[], str], **options: Any) -> Iterator[AnalyticsClient]:
    """Yield a client whose worker runs as *kind*: ``thread`` or ``asyncio`` (in a loop of its own)."""
    client, config = AnalyticsClient.create(**{**QUICK, **options})
    worker = AnalyticsWorker(config, dsn)
    if kind == "thread":
        with worker:
            yield client
    else:
        with _loop_running(worker):
            yield client


@contextlib.contextmanager
def _loop_running(worker: AnalyticsWorker) -> Iterator[None]:
    started = threading.Event()

    async def program() -> None:
        task = asyncio.create_task(worker.run())
        await asyncio.sleep(0)
        started.set()
        await task

    thread = threading.Thread(target=asyncio.run, args=(program(),))
    thread.start()
    started.wait(10)
    try:
        yield
    finally:
        worker.stop(5.0)
        thread.join(30)
        assert not thread.is_alive()
