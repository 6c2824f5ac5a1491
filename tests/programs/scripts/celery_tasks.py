"""Sends tasks to the broker (``send USER``), and waits for the results of all of them (``wait``)."""

from __future__ import annotations

import sys
from pathlib import Path

from celery.result import ResultSet
from celery_app import divide
from celery_files import app

SENT = Path("sent")


def main() -> None:
    app.set_default()
    if sys.argv[1] == "send":
        results = [divide.delay(sys.argv[2], number, 2) for number in range(20)] + [divide.delay(sys.argv[2], 1, 0)]
        SENT.write_text("\n".join(result.id for result in results))
        return
    results = ResultSet([app.AsyncResult(task_id) for task_id in SENT.read_text().split()])
    results.join(timeout=60, propagate=False)
    failed = sum(result.failed() for result in results)
    sys.stdout.write(f"{len(results) - failed} done, {failed} failed\n")


if __name__ == "__main__":
    main()
