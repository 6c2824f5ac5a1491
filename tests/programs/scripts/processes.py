"""Tracks numbered events in processes made in the way that the first argument names.

The parent tracks 0 to 49 before, so that its queue is not empty when the processes begin; they track 100 to 199.
"""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import os
import sys
from typing import Any

from adi_analytics import AnalyticsClient, events

# Long enough that nothing is delivered before the processes are made.
client = AnalyticsClient.connect(service="processes", batch_size=100_000, flush_interval=60.0)
NUMBERS = range(100, 200)


def track(number: int) -> None:
    client.track(events.DatabaseQuery(service="processes", query_type="test", duration_ms=number))


def track_all() -> None:
    for number in NUMBERS:
        track(number)


def process(method: str) -> None:
    context: Any = multiprocessing.get_context(method)  # mypy knows no common class with a Process
    child = context.Process(target=track_all)
    child.start()
    child.join()
    assert child.exitcode == 0


def pool(method: str) -> None:
    """Workers that end by themselves; `Pool.terminate`, which its ``with`` calls, kills them with SIGTERM."""
    workers = multiprocessing.get_context(method).Pool(3)
    workers.map(track, NUMBERS, chunksize=7)
    workers.close()
    workers.join()


def executor(method: str) -> None:
    context = multiprocessing.get_context(method)
    with concurrent.futures.ProcessPoolExecutor(3, mp_context=context) as workers:
        list(workers.map(track, NUMBERS))


def fork(_method: str) -> None:
    if os.fork() == 0:
        track_all()
        sys.exit()
    os.wait()


def fork_of_fork(_method: str) -> None:
    if os.fork() == 0:
        for number in NUMBERS[:50]:
            track(number)
        if os.fork() == 0:
            for number in NUMBERS[50:]:
                track(number)
            sys.exit()
        os.wait()
        sys.exit()
    os.wait()


def fork_without_exit_hooks(_method: str) -> None:
    if os.fork() == 0:
        track_all()
        assert client.flush(timeout=30.0).ok
        os._exit(0)
    os.wait()


def main() -> None:
    for number in range(50):
        track(number)
    way, _, method = sys.argv[1].partition(":")
    globals()[way](method)


if __name__ == "__main__":
    main()
