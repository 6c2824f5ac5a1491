"""Sends tasks to the worker and waits for their results."""

from __future__ import annotations

import sys

from celery_app import divide
from celery_files import app


def main() -> None:
    app.set_default()
    results = [divide.delay(sys.argv[1], number, 2) for number in range(20)] + [divide.delay(sys.argv[1], 1, 0)]
    for result in results:
        result.get(timeout=60, propagate=False)
    failed = sum(result.failed() for result in results)
    sys.stdout.write(f"{len(results) - failed} done, {failed} failed\n")


if __name__ == "__main__":
    main()
