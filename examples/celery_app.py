"""A Celery application whose tasks are tracked.

    pip install adi-analytics celery
    cd examples && DATABASE_URL=postgresql://... CELERY_BROKER_URL=redis://... celery -A celery_app worker

Celery's pool of processes (prefork) is forked after this module is loaded: each process begins with an empty queue and
a connection of its own. It ends by `os._exit`, which runs no exit handlers, but Celery tells it before.

Celery also kills processes with SIGKILL, which nobody can hear: after `--time-limit`, and, with brokers that have no
event loop (files, SQL), those that `--max-tasks-per-child` started, when the worker stops. With ADI_ANALYTICS_SPOOL set
to `always` and ADI_ANALYTICS_SPOOL_DIR, what they tracked is on disk, and the next process delivers it.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from adi_analytics import AnalyticsClient, analytics_context, events
from celery import Celery
from celery.signals import worker_process_shutdown

client = AnalyticsClient.connect(service="task-runner")
app = Celery("tasks")  # the broker comes from CELERY_BROKER_URL


@worker_process_shutdown.connect
def deliver(**_: object) -> None:
    """Deliver what the process has when the pool stops or replaces it."""
    client.close()


@contextmanager
def tracked(user_id: uuid.UUID, task_id: uuid.UUID) -> Iterator[None]:
    """Track the start and the end of a task; its events carry its id in the context."""
    with analytics_context(celery_task_id=str(task_id)):
        started = time.monotonic()
        client.track(events.TaskStarted(task_id=task_id, user_id=user_id))
        try:
            yield
        except Exception as error:
            client.track(events.TaskFailed(task_id=task_id, user_id=user_id, error=repr(error)))
            raise
        duration = round((time.monotonic() - started) * 1000)
        client.track(events.TaskCompleted(task_id=task_id, user_id=user_id, duration_ms=duration, exit_code=0))


@app.task(bind=True)
def divide(self, user_id: str, dividend: int, divisor: int) -> float:
    """Divide; fails for zero."""
    with tracked(uuid.UUID(user_id), uuid.UUID(self.request.id)):
        return dividend / divisor
