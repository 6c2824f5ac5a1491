"""How time and memory grow with the number of events: all are delivered, through a queue of the default size."""

from __future__ import annotations

import argparse
import itertools
import json
import resource
import time

import psycopg
from adi_analytics import AnalyticsClient
from workload import endless_events


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dsn", required=True)
    parser.add_argument("--events", type=int, required=True)
    options = parser.parse_args()
    with psycopg.connect(options.dsn, autocommit=True) as connection:
        connection.execute("truncate analytics_events")
        connection.execute("checkpoint")
    # A producer that waits for a place never loses an event, however long the queue is full.
    client = AnalyticsClient.connect(options.dsn, service="bench", when_full="block", block_timeout=3600.0)
    start = time.perf_counter()
    for event in itertools.islice(endless_events(), options.events):
        client.track(event)
    result = client.flush(timeout=3600.0)
    seconds = time.perf_counter() - start
    stats = client.stats()
    assert result.ok, result
    assert stats.delivered == options.events, stats
    client.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"events": options.events, "seconds": seconds, "peak_bytes": peak}))


if __name__ == "__main__":
    main()
