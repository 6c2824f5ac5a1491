"""An asyncio service without a thread: the worker is a task among the others.

DATABASE_URL=postgresql://... python examples/asyncio_service.py
"""

import asyncio
import time

from adi_analytics import AnalyticsClient, AnalyticsWorker, analytics_context, events


async def handle(client: AnalyticsClient, number: int) -> None:
    with analytics_context(request=number):
        started = time.monotonic()
        await asyncio.sleep(0.001)
        client.track(
            events.ApiRequest(
                service="shop",
                endpoint="/items/{id}",
                method="GET",
                status_code=200,
                duration_ms=round((time.monotonic() - started) * 1000),
            )
        )


async def main() -> None:
    client, config = AnalyticsClient.create(service="shop")
    worker = AnalyticsWorker(config)
    running = asyncio.create_task(worker.run())
    await asyncio.gather(*(handle(client, number) for number in range(250)))
    result = await worker.astop(timeout=5.0)
    await running
    print(f"{client.stats().delivered} events delivered, {result.pending} still waiting")


if __name__ == "__main__":
    asyncio.run(main())
