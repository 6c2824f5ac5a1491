"""Ask instead of writing SQL: the tasks of the last week by day, beside the week before.

DATABASE_URL=postgresql://... python examples/query.py
"""

from __future__ import annotations

import uuid
from datetime import timedelta

from adi_analytics import AnalyticsClient, events
from adi_analytics.query import query


def main() -> None:
    """Report a few tasks, then ask for them."""
    user_id = uuid.uuid4()
    with AnalyticsClient.connect(service="nightly-build") as client:
        for duration in (100, 200, 600):
            task_id = uuid.uuid4()
            client.track(events.TaskCreated(task_id=task_id, user_id=user_id, command="make all"))
            client.track(events.TaskCompleted(task_id=task_id, user_id=user_id, duration_ms=duration, exit_code=0))
        client.flush(timeout=10.0)

    result = query(
        "analytics_task_stats_daily",
        measures=["created", "completed", "success_rate", "avg_duration_ms", "p95_duration_ms"],
        between=timedelta(days=6),
        granularity="day",
        compare="previous_period",
    )
    print(f"{len(result)} days, the last one is {result.states[-1]}")
    for column in result.columns:
        if column.role == "measure":
            bound = "" if column.bound is None else f" (within {column.bound:.2%})"
            print(f"{column.name}: {result.totals[column.name]} {column.unit or ''}".rstrip() + bound)
    print(f"the week before: {result.totals['previous_created']} created")


if __name__ == "__main__":
    main()
