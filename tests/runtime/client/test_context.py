"""The context of an event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adi_analytics import analytics_context
from support.runtime import running, task

if TYPE_CHECKING:
    from support.runtime import Database


def test_context_nests_and_follows_tasks_and_threads(database: Database) -> None:
    import asyncio
    import threading

    async def request(number: int) -> None:
        with analytics_context(request=number):
            await asyncio.sleep(0)
            client.track(task(number))

    async def program() -> None:
        await asyncio.gather(*(request(number) for number in range(5)))

    with running("thread", database.dsn) as client:
        asyncio.run(program())
        with analytics_context(a=1, b=1):
            with analytics_context(b=2):
                client.track(task(5))
            thread = threading.Thread(target=lambda: client.track(task(6)))
            thread.start()
            thread.join()
        client.track(task(7))
        assert client.flush(10).ok
    rows = database.execute("select (data ->> 'duration_ms')::int, meta -> 'context' from analytics_events order by 1")
    assert rows == [
        *((number, {"request": number}) for number in range(5)),
        (5, {"a": 1, "b": 2}),
        (6, None),
        (7, None),
    ]
