"""The client's memory while events are tracked and the database takes none: refused, or hung."""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import time
from pathlib import Path
from typing import Any

import psutil
from adi_analytics import AnalyticsClient, events
from workload import distinct_events

SAMPLES = 40
CALM = 0.002  # seconds of rest per thousand events, so that the worker runs too


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mode", choices=["refused", "hung"])
    parser.add_argument("--dsn", required=True)
    parser.add_argument("--events", type=int, required=True)
    parser.add_argument("--spool", type=Path, help="a directory: overflow into a spool there")
    options = parser.parse_args()
    spool: dict[str, Any] = {"spool": "overflow", "spool_dir": str(options.spool)} if options.spool else {}
    client = AnalyticsClient.connect(options.dsn, service="bench", shutdown_timeout=0.5, **spool)
    if options.mode == "hung":
        client.track(distinct_events()[0])
        assert client.flush(timeout=60.0).ok
        print("connected", flush=True)  # the parent freezes the server now
        sys.stdin.readline()
    # Decoded one by one, as a service makes them: events that share their objects would take a part of the memory.
    encoded = itertools.cycle([events.to_json(event) for event in distinct_events()])
    process, source = psutil.Process(), map(events.from_json, encoded)
    curve = [(0, process.memory_info().rss)]
    for number in range(1, options.events + 1):
        client.track(next(source))
        if number % 1000 == 0:
            time.sleep(CALM)
        if number % max(1, options.events // SAMPLES) == 0:
            curve.append((number, process.memory_info().rss))
    stats = client.stats()
    books = {name: getattr(stats, name) for name in ("accepted", "delivered", "spooled", "dropped", "pending")}
    print(json.dumps({"curve": curve, "books": books}), flush=True)
    client.close(timeout=0.5)


if __name__ == "__main__":
    main()
