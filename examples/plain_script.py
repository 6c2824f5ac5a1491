"""The smallest program: track a few events, deliver them, say what happened.

DATABASE_URL=postgresql://... python examples/plain_script.py
"""

from __future__ import annotations

import time
import uuid

from adi_analytics import AnalyticsClient, analytics_context, events


def main() -> None:
    """Report a task as it goes through its life."""
    task_id, user_id = uuid.uuid4(), uuid.uuid4()
    with AnalyticsClient.connect(service="nightly-build") as client:
        # Everything tracked inside the block carries the run's id, in the column "meta".
        with analytics_context(run_id="2026-11-24"):
            client.track(events.TaskCreated(task_id=task_id, user_id=user_id, command="make all"))
            started = time.monotonic()
            client.track(events.TaskStarted(task_id=task_id, user_id=user_id))
            duration = round((time.monotonic() - started) * 1000)
            client.track(events.TaskCompleted(task_id=task_id, user_id=user_id, duration_ms=duration, exit_code=0))
        result = client.flush(timeout=10.0)
        print(f"delivered {client.stats().delivered} events" if result.ok else f"not everything is delivered: {result}")


if __name__ == "__main__":
    main()
